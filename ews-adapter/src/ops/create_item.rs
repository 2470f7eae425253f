//! CreateItem: new events, nobody mailed.

use crate::soap::Xml;

/// Creates the calendar items `items`, each written before, in `folder`.
///
/// SendToNone: without it the server refuses calendar items, and anything else mails attendees.
pub(crate) fn request<'a>(folder: &str, items: impl Iterator<Item = &'a str>) -> String {
    Xml::text_of(|xml| {
        xml.node("m:CreateItem", &[("SendMeetingInvitations", "SendToNone")], |xml| {
            xml.node("m:SavedItemFolderId", &[], |xml| xml.empty("t:FolderId", &[("Id", folder)]));
            xml.node("m:Items", &[], |xml| {
                items.for_each(|item| xml.node("t:CalendarItem", &[], |xml| xml.raw(item)));
            });
        });
    })
}
