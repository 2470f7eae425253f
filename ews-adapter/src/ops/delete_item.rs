//! DeleteItem: into Deleted Items, nobody notified.

use super::Address;
use crate::soap::Xml;

/// Moves items, or occurrences of series, to Deleted Items. The operation looks at no version:
/// check just before.
pub(crate) fn request<'a>(items: impl Iterator<Item = Address<'a>>) -> String {
    let attributes = [
        ("DeleteType", "MoveToDeletedItems"),
        ("SendMeetingCancellations", "SendToNone"),
        ("SuppressReadReceipts", "true"),
    ];
    Xml::text_of(|xml| {
        xml.node("m:DeleteItem", &attributes, |xml| {
            xml.node("m:ItemIds", &[], |xml| items.for_each(|item| item.write(xml)));
        });
    })
}
