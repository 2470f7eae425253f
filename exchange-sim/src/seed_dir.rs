//! Loads the items of captured EWS responses into a mailbox: `--seed dir=PATH`.

use crate::ews::write::Draft;
use crate::ews::write::person;
use crate::ews::xml::Element;
use crate::ews::zone;
use crate::seed::Error;
use crate::store::Content;
use crate::store::Mailbox;
use crate::store::Role;
use crate::store::ZonedTime;
use crate::store::zone::Zone;
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Display;
use std::fmt::Formatter;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Directories below directories below PATH, at most.
const DEPTH_MAX: usize = 32;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Single events now in the calendar.
    pub loaded: usize,
    /// Further captures of an event that was loaded from a richer one.
    pub repeated: usize,
    /// Events without a subject or a start.
    pub incomplete: usize,
    /// Masters of series, which are left out.
    pub masters: usize,
    /// Occurrences and exceptions of series, which are left out.
    pub occurrences: usize,
    /// Files that are no XML.
    pub unreadable: Vec<PathBuf>,
    /// Events that the store refused, by subject, with its reason.
    pub refused: Vec<(String, String)>,
}

impl Display for Report {
    /// `12 events loaded; left out: 3 masters of series, 1 files that are no XML`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} events loaded", self.loaded)?;
        let left_out = [
            (self.masters, "masters of series"),
            (self.occurrences, "occurrences of series"),
            (self.incomplete, "without a subject or a start"),
            (self.unreadable.len(), "files that are no XML"),
            (self.refused.len(), "refused by the mailbox"),
        ];
        let mut before = "; left out: ";
        for (count, what) in left_out.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{before}{count} {what}")?;
            before = ", ";
        }
        Ok(())
    }
}

/// What a mailbox can't set, or derives by itself, is left out of a capture.
const COPIED: [&str; 15] = [
    "Subject",
    "Sensitivity",
    "Body",
    "Categories",
    "Importance",
    "ReminderIsSet",
    "ReminderMinutesBeforeStart",
    "UID",
    "Start",
    "End",
    "IsAllDayEvent",
    "LegacyFreeBusyStatus",
    "Location",
    "RequiredAttendees",
    "OptionalAttendees",
];

/// Loads every single event in `*.xml` files below `path` into the default calendar.
///
/// Of several captures of one item the one with the most properties is taken.
///
/// # Errors
/// [`Error::Directory`] where `path` can't be listed.
pub fn load(mailbox: &mut Mailbox, path: &Path) -> Result<Report, Error> {
    let mut report = Report::default();
    let mut captures: BTreeMap<String, Element> = BTreeMap::new();
    let mut files = Vec::new();
    list(path, 0, &mut files)?;
    for file in files {
        let text = fs::read_to_string(&file).ok();
        match text.as_deref().map(Element::parse) {
            Some(Ok(root)) => collect(root, &mut captures, &mut report),
            Some(Err(_)) | None => report.unreadable.push(file),
        }
    }
    let calendar = mailbox.role(Role::Calendar);
    for capture in captures.values() {
        let Some(content) = content(capture) else {
            report.incomplete += 1;
            continue;
        };
        let subject = content.subject.clone();
        match mailbox.create(calendar, content) {
            Ok(_) => report.loaded += 1,
            Err(error) => report.refused.push((subject, error.to_string())),
        }
    }
    Ok(report)
}

/// The XML files below `path`, in the order of their names.
fn list(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::Directory {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    for entry in entries {
        if entry.is_dir() && depth < DEPTH_MAX {
            list(&entry, depth + 1, files)?;
        } else if entry.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml")) {
            files.push(entry);
        }
    }
    Ok(())
}

/// Takes the calendar items out of a response, wherever they stand in it.
fn collect(element: Element, captures: &mut BTreeMap<String, Element>, report: &mut Report) {
    if element.name != "CalendarItem" {
        for child in element.children {
            collect(child, captures, report);
        }
        return;
    }
    // Bare names of items, as in answers to CreateItem, and filters in requests have no more.
    let Some(id) = element.child("ItemId").and_then(|id| id.attribute("Id")) else { return };
    if element.children.len() < 2 {
        return;
    }
    match element.child_text("CalendarItemType") {
        Some("RecurringMaster") => report.masters += 1,
        Some("Occurrence" | "Exception") => report.occurrences += 1,
        Some(_) | None => {
            let id = id.to_owned();
            match captures.get(&id) {
                Some(known) if known.children.len() >= element.children.len() => {
                    report.repeated += 1;
                }
                Some(_) => {
                    report.repeated += 1;
                    captures.insert(id, element);
                }
                None => {
                    captures.insert(id, element);
                }
            }
        }
    }
}

/// The content of a capture; `None` where it has no subject or no readable start.
fn content(capture: &Element) -> Option<Content> {
    let subject = capture.child_text("Subject")?;
    let start = zone::instant(capture.child_text("Start")?, &Zone::utc())?;
    let zone = |name: &str| {
        let named = capture.child(name).and_then(|zone| zone.attribute("Id"));
        named.and_then(Zone::parse)
    };
    let described = || capture.child_text("TimeZone").and_then(zone::by_display_name);
    let start_zone = zone("StartTimeZone").or_else(described).unwrap_or_else(Zone::utc);
    let end_zone = zone("EndTimeZone").unwrap_or_else(|| start_zone.clone());
    let time = |zone: Zone| ZonedTime { utc: start, zone };
    let event = Content::event(subject, time(start_zone), time(end_zone));
    let mut draft = Draft::fresh(event, Zone::utc());
    let is_copied = |child: &&Element| {
        COPIED.contains(&child.name.as_str()) || child.name == "ExtendedProperty"
    };
    for child in capture.children.iter().filter(is_copied) {
        // A property that can't be read is the only thing lost.
        let _unreadable = draft.set(child);
    }
    let organizer = capture.child("Organizer").and_then(|organizer| organizer.child("Mailbox"));
    // FindItem shows organisers without their SMTP address.
    let smtp = organizer.filter(|mailbox| mailbox.child_text("RoutingType") != Some("EX"));
    if let Some(event) = draft.content.as_event_mut() {
        event.organizer = smtp.and_then(person);
    }
    draft.finish().ok()
}
