//! Items as servers and their documentation show them, part by part, and what schemas know.

use crate::{files_below, read};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::Path;

/// An item as it was shown.
#[derive(Clone)]
pub enum Captured {
    /// The elements of a `CalendarItem`: name, and text with its tags.
    Ews(Vec<(String, String)>),
    /// An event.
    Graph(Map<String, Value>),
}

impl Captured {
    /// The names of its parts.
    pub fn names(&self) -> BTreeSet<String> {
        match self {
            Self::Ews(parts) => parts.iter().map(|(name, _)| name.clone()).collect(),
            Self::Graph(event) => event.keys().cloned().collect(),
        }
    }

    /// The same item without one of its parts.
    pub fn without(&self, name: &str) -> Self {
        match self {
            Self::Ews(parts) => {
                Self::Ews(parts.iter().filter(|(other, _)| other != name).cloned().collect())
            }
            Self::Graph(event) => {
                let rest = event.iter().filter(|(other, _)| *other != name);
                Self::Graph(rest.map(|(name, value)| (name.clone(), value.clone())).collect())
            }
        }
    }
}

/// The calendar items in the XML files below a directory.
pub fn ews_items(directory: &Path) -> Vec<Captured> {
    let is_xml = |path: &Path| path.extension().is_some_and(|extension| extension == "xml");
    let files = files_below(directory, &is_xml);
    let texts = files.iter().filter_map(|path| String::from_utf8(std::fs::read(path).ok()?).ok());
    // Microsoft's examples print the namespaces with https, which no server sends.
    texts
        .flat_map(|text| items_in(&text.replace("\"https://schemas.", "\"http://schemas.")))
        .collect()
}

fn items_in(text: &str) -> Vec<Captured> {
    let mut reader = Reader::from_str(text);
    let (mut items, mut parts) = (vec![], vec![]);
    // How deep in an item, and where its part at hand began.
    let (mut depth, mut part) = (0, 0);
    loop {
        let before = reader.buffer_position() as usize;
        let event = reader.read_event();
        let after = reader.buffer_position() as usize;
        match event {
            Ok(Event::Start(start)) if depth > 0 => {
                if depth == 1 {
                    part = before;
                    parts.push((start.local_name().as_ref().to_owned(), String::new()));
                }
                depth += 1;
            }
            Ok(Event::Start(start)) if start.local_name().as_ref() == "CalendarItem" => depth = 1,
            Ok(Event::Empty(empty)) if depth == 1 => {
                parts
                    .push((empty.local_name().as_ref().to_owned(), text[before..after].to_owned()));
            }
            Ok(Event::End(_)) if depth > 0 => {
                depth -= 1;
                match (depth, parts.last_mut()) {
                    (0, _) => items.push(Captured::Ews(std::mem::take(&mut parts))),
                    (1, Some((_, raw))) => text[part..after].clone_into(raw),
                    (_, _) => {}
                }
            }
            Ok(Event::Eof) | Err(_) => return items,
            Ok(_) => {}
        }
    }
}

/// The events in the JSON files below a directory: what has an id or a type, a start and an end.
pub fn graph_events(directory: &Path) -> Vec<Captured> {
    let is_json = |path: &Path| path.extension().is_some_and(|extension| extension == "json");
    let mut found = vec![];
    for path in files_below(directory, &is_json) {
        if let Ok(value) = serde_json::from_str(&read(&path)) {
            events_in(&value, &mut found);
        }
    }
    found
}

fn events_in(value: &Value, found: &mut Vec<Captured>) {
    match value {
        Value::Object(members) => {
            let has_times =
                ["start", "end"].iter().all(|name| value[*name]["dateTime"].is_string());
            if has_times && (value["id"].is_string() || value["type"].is_string()) {
                found.push(Captured::Graph(members.clone()));
            }
            members.values().for_each(|value| events_in(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| events_in(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The elements of a calendar item by Exchange's schema.
pub fn ews_schema(path: &Path) -> BTreeSet<String> {
    let text = read(path);
    let mut names = BTreeSet::new();
    for kind in ["ItemType", "CalendarItemType"] {
        let (_, rest) = text.split_once(&format!("complexType name=\"{kind}\"")).expect(kind);
        let (inside, _) = rest.split_once("</xs:complexType>").expect("it ends");
        let elements = inside.split("<xs:element ").skip(1);
        let named =
            elements.filter_map(|element| element.split_once("name=\"")?.1.split('"').next());
        names.extend(named.map(str::to_owned));
    }
    names
}

/// The properties of an event by Microsoft's description of Graph.
pub fn graph_schema(path: &Path) -> BTreeSet<String> {
    let text = read(path);
    let mut names = BTreeSet::new();
    for kind in ["entity", "outlookItem", "event"] {
        let (_, rest) = text.split_once(&format!("\n    microsoft.graph.{kind}:\n")).expect(kind);
        let inside = rest.lines().take_while(|line| line.starts_with("     "));
        let named = inside.filter_map(|line| line.strip_prefix("          ")?.strip_suffix(':'));
        names.extend(named.filter(|name| !name.starts_with(' ')).map(str::to_owned));
    }
    names
}
