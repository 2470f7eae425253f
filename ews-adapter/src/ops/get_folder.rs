//! GetFolder, for the ids of folders that every mailbox has.

use super::Distinguished;
use crate::soap::{Element, Xml};

/// Asks for the ids of `folders`.
pub(crate) fn request(folders: &[Distinguished], mailbox: Option<&str>) -> String {
    Xml::text_of(|xml| {
        xml.node("m:GetFolder", &[], |xml| {
            xml.node("m:FolderShape", &[], |xml| xml.leaf("t:BaseShape", "IdOnly"));
            xml.node("m:FolderIds", &[], |xml| {
                folders.iter().for_each(|folder| folder.write(xml, mailbox));
            });
        });
    })
}

/// The folder's id in one response message.
pub(crate) fn id(message: &Element) -> Option<String> {
    let folder = message.child("Folders")?.children.first()?;
    folder.child("FolderId")?.attribute("Id").map(str::to_owned)
}
