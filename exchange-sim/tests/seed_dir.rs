//! Captured responses become items.

use exchange_sim::Config;
use exchange_sim::Seed;
use exchange_sim::Sim;
use exchange_sim::seed_dir;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

fn recordings() -> Option<PathBuf> {
    let path =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/ews/recordings"));
    if path.exists() {
        return Some(path.to_owned());
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "recordings missing");
    println!("skipped: no recordings at {}", path.display());
    None
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            found.push(path);
        }
    }
}

/// Subjects of single calendar items that a response holds, by plain text search.
fn single_subjects(response: &str) -> Vec<String> {
    response
        .split("<t:CalendarItem>")
        .skip(1)
        .filter_map(|part| part.split("</t:CalendarItem>").next())
        .filter(|item| item.contains("<t:CalendarItemType>Single<"))
        .filter_map(|item| item.split("<t:Subject>").nth(1)?.split('<').next())
        .map(|subject| subject.replace("&amp;", "&"))
        .collect()
}

#[test]
fn every_recorded_single_event_is_loaded() {
    let Some(path) = recordings() else { return };
    let config = Config { seed: Seed::Directory(path.clone()), ..Config::default() };
    let sim = Sim::new(config).expect("loaded");
    let loaded: BTreeSet<String> = sim.with(|world| {
        let mailbox = world.mailboxes.values().next().expect("a mailbox");
        mailbox.items().map(|item| item.content.subject.clone()).collect()
    });
    let mut all = Vec::new();
    files(&path, &mut all);
    let mut expected = BTreeSet::new();
    for file in all {
        let text = fs::read_to_string(file).expect("UTF-8");
        if text.contains("GetItemResponse") || text.contains("FindItemResponse") {
            expected.extend(single_subjects(&text));
        }
    }
    assert!(!expected.is_empty());
    assert!(expected.is_subset(&loaded), "{expected:?} in {loaded:?}");
}

#[test]
fn the_report_counts_what_was_left_out() {
    let Some(path) = recordings() else { return };
    let sim = Sim::new(Config::default()).expect("nothing to load");
    let report = sim.with(|world| {
        let mailbox = world.mailboxes.values_mut().next().expect("a mailbox");
        seed_dir::load(mailbox, &path).expect("a directory")
    });
    assert!(report.loaded > 0, "{report:?}");
    assert!(report.masters > 0 && report.occurrences > 0, "{report:?}");
    assert!(report.refused.is_empty(), "{report:?}");
    // One capture is a sign-in page.
    assert_eq!(report.unreadable.len(), 1, "{report:?}");
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let seed = Seed::Directory(PathBuf::from("/nowhere/at/all"));
    assert!(Sim::new(Config { seed, ..Config::default() }).is_err());
}
