//! Where an event takes place. Graph knows several locations and shows their names in one line,
//! which is all that other replicas have (MS docs: the example of user-post-events).

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What stands between names in that line.
const BETWEEN: &str = "; ";
/// What says more of a place than its name, and can be written.
const MORE: [&str; 4] = ["address", "coordinates", "locationEmailAddress", "locationUri"];

/// A location, of which only the name is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Location {
    display_name: Option<String>,
}

/// The line that people read: the names of all locations, or else of the one.
pub(crate) fn read(one: Option<Location>, all: Option<Vec<Location>>) -> String {
    let names = all.into_iter().flatten().filter_map(|location| location.display_name);
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    match names.is_empty() {
        true => one.and_then(|location| location.display_name).unwrap_or_default(),
        false => names.join(BETWEEN),
    }
}

/// Says where an event takes place, in as many locations as the line names.
///
/// A location that is written replaces all that stood there (MS docs: event resource type).
pub(crate) fn write(line: &str, members: &mut Map<String, Value>) {
    members.insert("location".to_owned(), json!({"displayName": line}));
    let names: Vec<&str> = line.split(BETWEEN).map(str::trim).collect();
    if names.len() > 1 && names.iter().all(|name| !name.is_empty()) {
        let locations = names.iter().map(|name| json!({"displayName": name})).collect();
        members.insert("locations".to_owned(), locations);
    }
}

/// Keeps what more is known of the `standing` locations that are written once more.
pub(crate) fn keep(members: &mut Map<String, Value>, standing: &Value) {
    let written = match members.get_mut("locations") {
        Some(Value::Array(locations)) => locations.iter_mut().collect(),
        _ => Vec::from_iter(members.get_mut("location")),
    };
    for location in written {
        let name = location["displayName"].clone();
        let mut standing = standing.as_array().into_iter().flatten();
        let Some(known) = standing.find(|known| known["displayName"] == name) else { continue };
        for member in MORE {
            let is_empty = known[member].as_object().is_some_and(Map::is_empty);
            if !known[member].is_null() && !is_empty {
                location[member] = known[member].clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str) -> Map<String, Value> {
        let mut members = Map::new();
        write(line, &mut members);
        members
    }

    fn line(members: &Map<String, Value>) -> String {
        let one = members.get("location").map(|one| Location::deserialize(one).unwrap());
        let all = members.get("locations").map(|all| Vec::deserialize(all).unwrap());
        read(one, all)
    }

    #[test]
    fn a_line_stays_the_same_however_many_places_it_names() {
        for text in ["", "Room 1", "Room 1; Room 2", "Room 1;Room 2", "; Room 2", "A; ; B"] {
            assert_eq!(line(&written(text)), text);
        }
        assert_eq!(written("A; B")["locations"][1]["displayName"], "B");
        assert!(!written("A;B").contains_key("locations"));
        assert_eq!(read(None, None), "");
    }

    #[test]
    fn what_is_known_of_a_place_stays_with_it() {
        let mut members = written("A; B; C");
        let standing = json!([
            {"displayName": "B", "address": {"city": "Bonn"}, "coordinates": {}, "uniqueId": "b",
             "locationEmailAddress": "b@c.example", "locationUri": null},
            {"displayName": "D", "locationEmailAddress": "d@c.example"}
        ]);
        keep(&mut members, &standing);
        let known = json!({"displayName": "B", "address": {"city": "Bonn"},
                           "locationEmailAddress": "b@c.example"});
        assert_eq!(
            members["locations"],
            json!([{"displayName": "A"}, known, {"displayName": "C"}])
        );
        let mut members = written("B");
        keep(&mut members, &standing);
        assert_eq!(members["location"], known);
    }
}
