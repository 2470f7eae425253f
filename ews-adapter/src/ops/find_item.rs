//! FindItem, to search for stamps.

use super::{Distinguished, ItemId};
use crate::soap::{Element, Xml};
use crate::stamp::Property;
use sync_core::port::Stamp;

/// Looks in `folder` and in Deleted Items, in this order, for items with any of `stamps`.
pub(crate) fn request(
    folder: &str,
    mailbox: Option<&str>,
    property: &Property,
    stamps: &[&Stamp],
) -> String {
    Xml::text_of(|xml| {
        xml.node("m:FindItem", &[("Traversal", "Shallow")], |xml| {
            xml.node("m:ItemShape", &[], |xml| {
                xml.leaf("t:BaseShape", "IdOnly");
                xml.node("t:AdditionalProperties", &[], |xml| property.path(xml));
            });
            xml.node("m:Restriction", &[], |xml| match stamps {
                [stamp] => equals(xml, property, stamp),
                stamps => xml.node("t:Or", &[], |xml| {
                    stamps.iter().for_each(|stamp| equals(xml, property, stamp));
                }),
            });
            xml.node("m:ParentFolderIds", &[], |xml| {
                xml.empty("t:FolderId", &[("Id", folder)]);
                Distinguished::DeletedItems.write(xml, mailbox);
            });
        });
    })
}

/// The items found in one folder, each with its stamp.
pub(crate) fn found(message: &Element, property: &Property) -> Vec<(ItemId, Stamp)> {
    let items = message.child("RootFolder").and_then(|root| root.child("Items"));
    let items = items.map_or(&[][..], |items| &items.children);
    items.iter().filter_map(|item| Some((ItemId::of(item)?, property.read(item)?))).collect()
}

fn equals(xml: &mut Xml, property: &Property, stamp: &Stamp) {
    xml.node("t:IsEqualTo", &[], |xml| {
        property.path(xml);
        xml.node("t:FieldURIOrConstant", &[], |xml| {
            xml.empty("t:Constant", &[("Value", &stamp.to_string())]);
        });
    });
}
