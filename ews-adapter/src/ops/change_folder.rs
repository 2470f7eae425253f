//! CreateFolder, UpdateFolder and DeleteFolder, for calendars.

use super::Distinguished;
use crate::soap::{Element, Xml};
use crate::stamp::Property;
use sync_core::port::Stamp;

/// A folder's id with the version it stood in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FolderId {
    /// The id.
    pub(crate) id: String,
    /// The ChangeKey; absent where it isn't known.
    pub(crate) change_key: Option<String>,
}

impl FolderId {
    fn write(&self, xml: &mut Xml) {
        let mut attributes = vec![("Id", self.id.as_str())];
        attributes.extend(self.change_key.as_deref().map(|key| ("ChangeKey", key)));
        xml.empty("t:FolderId", &attributes);
    }
}

/// Makes a calendar below the default one, where Outlook makes them, too.
pub(crate) fn create(
    name: &str,
    stamp: &Stamp,
    property: &Property,
    mailbox: Option<&str>,
) -> String {
    Xml::text_of(|xml| {
        xml.node("m:CreateFolder", &[], |xml| {
            xml.node("m:ParentFolderId", &[], |xml| Distinguished::Calendar.write(xml, mailbox));
            xml.node("m:Folders", &[], |xml| {
                xml.node("t:CalendarFolder", &[], |xml| {
                    xml.leaf("t:DisplayName", name);
                    property.write(xml, stamp);
                });
            });
        });
    })
}

/// Renames and stamps a calendar. The version is a condition (MS docs: ErrorStaleObject).
pub(crate) fn update(folder: &FolderId, name: &str, stamp: &Stamp, property: &Property) -> String {
    Xml::text_of(|xml| {
        xml.node("m:UpdateFolder", &[], |xml| {
            xml.node("m:FolderChanges", &[], |xml| {
                xml.node("t:FolderChange", &[], |xml| {
                    folder.write(xml);
                    xml.node("t:Updates", &[], |xml| {
                        xml.node("t:SetFolderField", &[], |xml| {
                            xml.empty("t:FieldURI", &[("FieldURI", "folder:DisplayName")]);
                            xml.node("t:CalendarFolder", &[], |xml| {
                                xml.leaf("t:DisplayName", name);
                            });
                        });
                        xml.node("t:SetFolderField", &[], |xml| {
                            property.path(xml);
                            xml.node("t:CalendarFolder", &[], |xml| property.write(xml, stamp));
                        });
                    });
                });
            });
        });
    })
}

/// Moves a calendar to Deleted Items, with all it holds.
pub(crate) fn delete(folder: &FolderId) -> String {
    Xml::text_of(|xml| {
        xml.node("m:DeleteFolder", &[("DeleteType", "MoveToDeletedItems")], |xml| {
            xml.node("m:FolderIds", &[], |xml| folder.write(xml));
        });
    })
}

/// The folder in one response message.
pub(crate) fn changed(message: &Element) -> Option<FolderId> {
    let folder = message.child("Folders")?.children.first()?.child("FolderId")?;
    let text = |name| folder.attribute(name).filter(|t| !t.is_empty()).map(str::to_owned);
    Some(FolderId { id: text("Id")?, change_key: text("ChangeKey") })
}
