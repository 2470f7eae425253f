//! Our own properties on an event: the stamp, the identity it came with, and its people.

use crate::links::encode_query;
use items::People;
use serde::Deserialize;
use serde_json::{Value, json};
use sync_core::port::Stamp;

/// The property set that all adapters' stamps are kept in, so that one server's two faces show the
/// same stamp.
const PROPERTY_SET: &str = "{e0b26d46-6b7c-4c5a-9f0e-5d1c2b7a9e31}";

/// A named property as Graph delivers it (MS docs: singleValueLegacyExtendedProperty).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Property {
    id: String,
    #[serde(default)]
    value: Option<String>,
}

/// The properties of one state file.
#[derive(Debug, Clone)]
pub(crate) struct Properties {
    stamp: String,
    uid: String,
    people: String,
}

/// What is written into our own properties.
#[derive(Debug, Clone, Default)]
pub(crate) struct Own<'a> {
    /// The identity of an item that is being made.
    pub uid: Option<&'a str>,
    /// What is noted of people (see [`People::to_property`]).
    pub people: Option<&'a str>,
}

impl Properties {
    pub(crate) fn new(state_id: &str) -> Self {
        Self {
            stamp: format!("String {PROPERTY_SET} Name evensync-{state_id}"),
            // Graph gives every event an iCalUId of its own and takes none.
            uid: format!("String {PROPERTY_SET} Name evensync-uid"),
            people: format!("String {PROPERTY_SET} Name {}", People::PROPERTY),
        }
    }

    /// The `$expand` that brings all of them along.
    pub(crate) fn expand(&self) -> String {
        let each = [&self.stamp, &self.uid, &self.people].map(|id| format!("id eq {}", quoted(id)));
        encode_query(&format!("singleValueExtendedProperties($filter={})", each.join(" or ")))
    }

    /// The `$filter` that finds what carries this very stamp.
    pub(crate) fn filter(&self, stamp: &Stamp) -> String {
        encode_query(&format!(
            "singleValueExtendedProperties/Any(ep: ep/id eq {} and ep/value eq {})",
            quoted(&self.stamp),
            quoted(&stamp.to_string())
        ))
    }

    /// What to send for a stamp, and for what goes with it.
    pub(crate) fn write(&self, stamp: &Stamp, own: &Own<'_>) -> Value {
        let mut properties = vec![json!({"id": self.stamp, "value": stamp.to_string()})];
        properties.extend(own.uid.map(|uid| json!({"id": self.uid, "value": uid})));
        properties.extend(own.people.map(|people| json!({"id": self.people, "value": people})));
        Value::Array(properties)
    }

    /// The stamp, if there is one that is understood.
    pub(crate) fn stamp(&self, properties: &[Property]) -> Option<Stamp> {
        find(properties, &self.stamp)?.parse().ok()
    }

    /// The identity that the item was made with.
    pub(crate) fn uid<'a>(&self, properties: &'a [Property]) -> Option<&'a str> {
        find(properties, &self.uid).filter(|uid| !uid.is_empty())
    }

    /// What is noted of the event's people.
    pub(crate) fn people<'a>(&self, properties: &'a [Property]) -> Option<&'a str> {
        find(properties, &self.people)
    }
}

fn find<'a>(properties: &'a [Property], id: &str) -> Option<&'a str> {
    properties.iter().find(|property| is_same(&property.id, id))?.value.as_deref()
}

/// Whether two ids name one property: the server may write type and GUID in another case than it
/// was asked for, while names are case-sensitive.
fn is_same(a: &str, b: &str) -> bool {
    match (a.split_once(" Name "), b.split_once(" Name ")) {
        (Some((set_a, name_a)), Some((set_b, name_b))) => {
            set_a.eq_ignore_ascii_case(set_b) && name_a == name_b
        }
        _ => a.eq_ignore_ascii_case(b),
    }
}

/// A string of OData: quotes in it are doubled.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_core::ids::{IntentKey, LinkId};

    fn stamp() -> Stamp {
        Stamp { link: LinkId(7), key: IntentKey::from("run-1") }
    }

    #[test]
    fn a_stamp_is_found_whatever_the_case_of_its_set() {
        let ours = Properties::new("Ab");
        let read: Vec<Property> = serde_json::from_value(json!([
            {"id": "String {E0B26D46-6B7C-4C5A-9F0E-5D1C2B7A9E31} Name evensync-ab", "value": "x"},
            {"id": "string {E0B26D46-6B7C-4C5A-9F0E-5D1C2B7A9E31} Name evensync-Ab",
             "value": stamp().to_string()},
            {"id": "String {e0b26d46-6b7c-4c5a-9f0e-5d1c2b7a9e31} Name evensync-uid",
             "value": "uid@example"},
            {"id": "Integer 0xe08"}
        ]))
        .unwrap();
        assert_eq!(ours.stamp(&read), Some(stamp()));
        assert_eq!(ours.uid(&read), Some("uid@example"));
        assert_eq!(Properties::new("other").stamp(&read), None);
    }

    #[test]
    fn the_filter_is_quoted_and_encoded() {
        assert_eq!(
            Properties::new("a'b").filter(&stamp()),
            "singleValueExtendedProperties/Any(ep:%20ep/id%20eq%20'String%20\
             %7Be0b26d46-6b7c-4c5a-9f0e-5d1c2b7a9e31%7D%20Name%20evensync-a''b'%20and%20\
             ep/value%20eq%20'0000000000000007%20run-1')"
        );
    }
}
