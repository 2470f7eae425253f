//! Our mark on an item: a named property whose name contains the state's id, so that two state
//! files on one mailbox don't overwrite each other's.

use crate::soap::{Element, Xml};
use items::people::People;
use sync_core::port::Stamp;

/// The property set of all properties of ours, as EWS writes it: without braces.
pub(crate) const PROPERTY_SET: &str = "e0b26d46-6b7c-4c5a-9f0e-5d1c2b7a9e31";
/// Holds the UID that an event has elsewhere, where its server lets nobody choose the UID.
const UID: &str = "evensync-uid";

/// The property that one state file stamps items with.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    name: String,
}

impl Property {
    /// The stamp property of the state file with this id.
    pub(crate) fn new(state_id: &str) -> Self {
        Self { name: format!("evensync-{state_id}") }
    }

    /// Writes the property's path.
    pub(crate) fn path(&self, xml: &mut Xml) {
        path(xml, &self.name);
    }

    /// Writes the property with its value.
    pub(crate) fn write(&self, xml: &mut Xml, stamp: &Stamp) {
        write(xml, &self.name, &stamp.to_string());
    }

    /// The stamp on an item; `None` where there is none, or something that is no stamp.
    pub(crate) fn read(&self, item: &Element) -> Option<Stamp> {
        value(item, &self.name)?.parse().ok()
    }
}

/// Writes the path of the property that holds a UID from elsewhere.
pub(crate) fn uid_path(xml: &mut Xml) {
    path(xml, UID);
}

/// The UID that an event has elsewhere, if it was noted on this item.
pub(crate) fn uid(item: &Element) -> Option<&str> {
    value(item, UID).filter(|uid| !uid.trim().is_empty())
}

/// Writes the path of the property that people travel in.
pub(crate) fn people_path(xml: &mut Xml) {
    path(xml, People::PROPERTY);
}

/// Writes the property that people travel in.
pub(crate) fn write_people(xml: &mut Xml, note: &str) {
    write(xml, People::PROPERTY, note);
}

/// What the property that people travel in says on this item.
pub(crate) fn people(item: &Element) -> Option<&str> {
    value(item, People::PROPERTY)
}

fn write(xml: &mut Xml, name: &str, value: &str) {
    xml.node("t:ExtendedProperty", &[], |xml| {
        path(xml, name);
        xml.leaf("t:Value", value);
    });
}

fn path(xml: &mut Xml, name: &str) {
    xml.empty(
        "t:ExtendedFieldURI",
        &[("PropertySetId", PROPERTY_SET), ("PropertyName", name), ("PropertyType", "String")],
    );
}

fn value<'a>(item: &'a Element, name: &str) -> Option<&'a str> {
    item.all("ExtendedProperty").find_map(|property| {
        let path = property.child("ExtendedFieldURI")?;
        let set = path.attribute("PropertySetId")?;
        (set.eq_ignore_ascii_case(PROPERTY_SET) && path.attribute("PropertyName") == Some(name))
            .then(|| property.child_text("Value"))?
    })
}
