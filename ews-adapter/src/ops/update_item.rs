//! UpdateItem: patches that overwrite nothing that was not seen, nobody notified.

use super::Address;
use crate::soap::Xml;

/// Changes items: each with the version that must still stand, and its updates, written before.
pub(crate) fn request<'a>(changes: impl Iterator<Item = (Address<'a>, &'a str)>) -> String {
    let attributes = [
        ("ConflictResolution", "NeverOverwrite"),
        ("MessageDisposition", "SaveOnly"),
        ("SendMeetingInvitationsOrCancellations", "SendToNone"),
        ("SuppressReadReceipts", "true"),
    ];
    Xml::text_of(|xml| {
        xml.node("m:UpdateItem", &attributes, |xml| {
            xml.node("m:ItemChanges", &[], |xml| {
                for (id, updates) in changes {
                    xml.node("t:ItemChange", &[], |xml| {
                        id.write(xml);
                        xml.node("t:Updates", &[], |xml| xml.raw(updates));
                    });
                }
            });
        });
    })
}
