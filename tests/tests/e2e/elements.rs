//! Every element that servers have for an event is accounted for in `docs/exchange-elements.md`, and
//! those that are said to be in the event are: without them it is another one.

mod captured;
mod reading;

use super::judge::shared;
use captured::{Captured, ews_items, ews_schema, graph_events, graph_schema};
use reading::Reader;
use std::collections::{BTreeMap, BTreeSet};

/// The list of the document whose elements travel.
const HELD: &str = "In the event";

/// Of those, what no recorded or documented item has in a way that could tell: an appointment has an
/// organizer, too, an empty list says no more than none, and `false` is what is taken for granted.
const UNTOLD: [&[&str]; 2] = [
    &[
        "Attachments",
        "Categories",
        "DeletedOccurrences",
        "HasAttachments",
        "IsCancelled",
        "IsMeeting",
        "ModifiedOccurrences",
        "MyResponseType",
        "OptionalAttendees",
        "Organizer",
        "RequiredAttendees",
        "Resources",
    ],
    &[
        "attachments",
        "attendees",
        "categories",
        "hasAttachments",
        "isAllDay",
        "isCancelled",
        "isOrganizer",
        "locations",
        "organizer",
        "responseStatus",
    ],
];

/// Names by the list that they stand in.
type Lists = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_element_of_ews_is_accounted_for() {
    let (Some(recordings), Some(examples)) = (shared("ews/recordings"), shared("ews/examples"))
    else {
        return;
    };
    let items = [ews_items(&recordings), ews_items(&examples)].concat();
    let schemas = ["exo-2025-08", "onprem-se-15.2.2562.17"]
        .map(|set| shared(&format!("ews/schema/{set}/types.xsd")).map(|path| ews_schema(&path)));
    let known: BTreeSet<String> = schemas.into_iter().flatten().flatten().collect();
    account("EWS", 0, &items, &known);
}

#[test]
fn every_property_of_graph_is_accounted_for() {
    let (Some(examples), Some(description)) =
        (shared("graph/examples"), shared("graph/openapi-subset.yaml"))
    else {
        return;
    };
    account("Graph", 1, &graph_events(&examples), &graph_schema(&description));
}

/// Holds a column of the document against what was captured, and against what a schema knows.
fn account(face: &str, column: usize, items: &[Captured], known: &BTreeSet<String>) {
    let lists = listed(column);
    let listed: BTreeSet<String> = lists.values().flatten().cloned().collect();
    let seen: BTreeSet<String> = items.iter().flat_map(Captured::names).collect();
    let missing: Vec<&String> = seen.union(known).filter(|name| !listed.contains(*name)).collect();
    assert!(missing.is_empty(), "{face}: in no list: {missing:?}");
    let unknown = |name: &&String| !seen.contains(*name) && !known.contains(*name);
    let made_up: Vec<&String> = listed.iter().filter(unknown).collect();
    assert!(made_up.is_empty(), "{face}: listed, and no server has it: {made_up:?}");

    let reader = Reader::new();
    let (mut read, mut proven) = (0, BTreeSet::new());
    for item in items {
        let Some(event) = reader.event(item) else { continue };
        read += 1;
        for name in item.names().intersection(&lists[HELD]) {
            if !proven.contains(name) && reader.event(&item.without(name)) != Some(event.clone()) {
                proven.insert(name.clone());
            }
        }
    }
    println!(
        "{face}: {} names, {} of them seen in {} items, of which {read} are events; {} are in the event",
        listed.len(),
        seen.len(),
        items.len(),
        proven.len()
    );
    let told = lists[HELD].iter().filter(|name| !UNTOLD[column].contains(&name.as_str()));
    let unproven: Vec<&String> = told.filter(|name| !proven.contains(*name)).collect();
    assert!(unproven.is_empty(), "{face}: said to be in the event, and are not: {unproven:?}");
}

/// The names in a column of the document, list by list.
fn listed(column: usize) -> Lists {
    let text = crate::read(&crate::workspace().join("docs/exchange-elements.md"));
    let (mut lists, mut heading) = (Lists::new(), String::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title.to_owned();
        }
        let Some(cell) = line.strip_prefix('|').and_then(|row| row.split('|').nth(column)) else {
            continue;
        };
        for name in cell.split('`').skip(1).step_by(2) {
            let is_new = lists.values().all(|names| !names.contains(name));
            assert!(is_new, "{name} stands in the document twice");
            lists.entry(heading.clone()).or_default().insert(name.to_owned());
        }
    }
    lists
}
