//! Occurrence by occurrence: series of the local store, written to Exchange by the real adapters,
//! take place at the same instants for ten years, whoever expands them: evensync from the event in
//! the local store and from the one it reads back, the built-in Exchange over each of its faces
//! (code of its own), and python-dateutil from the iCalendar text. The last one takes part where
//! `EVENSYNC_PYTHON` names a Python that has it; `.ci/occurrences` sees to that.
//!
//! A time that clocks skip is taken for as much later as they skip, and one that they show twice for
//! the first, by all of them.

mod faces;
mod sample;

use super::chaos::Chaos;
use super::clock::Timeless;
use super::place::Place;
use super::stage::{Kind, Setup, Stage};
use faces::Mailbox;
use items::Event;
use sample::{Sample, Span, expanded};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use sync_core::engine::Ended;
use sync_core::port::{Fetched, Hint};
use sync_driver::Stopper;

/// Series of one test run, and of one mailbox.
const SERIES: u64 = 100;
const BATCH: u64 = 50;
/// Series of the first batch start in this year, those of the next in the next, ten years long.
const YEAR: i32 = 2019;

/// A zone that Windows has with the rest of Greenland, whose clocks are its own since 2024-03-31.
const APART: &str = "America/Scoresbysund";
const APART_UNTIL: i64 = 1_711_843_200;

#[test]
fn everyone_has_the_same_occurrences() {
    let number = |name: &str, usual| {
        std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
    };
    let (count, from) =
        (number("EVENSYNC_OCCURRENCES", SERIES), number("EVENSYNC_OCCURRENCES_FROM", 0));
    let python = std::env::var_os("EVENSYNC_PYTHON");
    let timeless = Arc::new(Timeless::new());
    let (mut spans, mut left_out, mut differ) = (0, BTreeMap::new(), vec![]);
    for batch in 0..count.div_ceil(BATCH) {
        let year = YEAR + (batch % 10) as i32;
        let seeds = from + batch * BATCH..from + count.min((batch + 1) * BATCH);
        let samples: Vec<Sample> = seeds.map(|seed| Sample::of(seed, year)).collect();
        let ours: Vec<BTreeSet<Span>> =
            samples.iter().map(|sample| expanded(&sample.event, sample.until())).collect();
        spans += ours.iter().map(BTreeSet::len).sum::<usize>();
        let mut compare = |who: &str, theirs: &BTreeMap<String, BTreeSet<Span>>| {
            for (sample, ours) in samples.iter().zip(&ours) {
                let subject = format!("#{}", sample.seed);
                match theirs.get(&subject) {
                    Some(theirs) => differ.extend(difference(who, sample, ours, theirs)),
                    None => *left_out.entry(who.to_owned()).or_insert(0) += 1,
                }
            }
        };
        for kind in [Kind::Ews, Kind::Graph] {
            let stage = arrived(&samples, kind, &timeless);
            let (from, until) = bounds(&samples);
            let mailbox = Mailbox::of(&stage);
            let cut = |told| up_to(&samples, told);
            compare(&format!("{kind:?}, by EWS"), &cut(mailbox.over_ews(from, until)));
            compare(&format!("{kind:?}, by Graph"), &cut(mailbox.over_graph(from, until)));
            compare(&format!("{kind:?}, read back"), &read_back(&stage, &samples));
            if let (Some(python), Kind::Ews) = (&python, kind) {
                compare("dateutil", &by_dateutil(python, &stage, &samples));
            }
        }
    }
    let who = if python.is_some() { "dateutil, " } else { "" };
    println!(
        "occurrences: {count} series from seed {from}, {spans} occurrences, the same for items, \
         {who}EWS and Graph; not written as no server can tell them: {left_out:?}"
    );
    let told = differ.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(differ.is_empty(), "{} differ:\n{told}", differ.len());
}

/// A mailbox to which the series were written, those that a server can tell.
fn arrived(samples: &[Sample], kind: Kind, timeless: &Arc<Timeless>) -> Stage {
    let mut stage = Stage::new(Setup::of(Kind::Local, kind), timeless);
    let Place::Local { replica, folder } = &stage.places[0] else { panic!("the local store") };
    for sample in samples {
        replica.put_event(folder, &sample.event).expect("writable");
    }
    let report = stage.run();
    assert_eq!(report.ended, Ended::Clean, "{report:?}");
    let there: BTreeSet<String> =
        stage.places[1].standing().into_iter().map(|standing| standing.content.subject).collect();
    for sample in samples {
        let is_there = there.contains(&format!("#{}", sample.seed));
        let told = format!("{kind:?}, {} {:?}", sample.seed, sample.event);
        assert_ne!(is_there, is_inexpressible(sample), "{told}");
    }
    assert_eq!(there.len() + report.held.len(), samples.len(), "{:?}", report.refused);
    stage
}

/// Whether Exchange has no words for a series: Windows has no zone for one of ours.
fn is_inexpressible(sample: &Sample) -> bool {
    let first = expanded(&sample.event, sample.until()).pop_first().map_or(0, |span| span.0);
    sample.zone == APART && first < APART_UNTIL && !sample.is_all_day()
}

/// Where what others have differs from what evensync has.
fn difference(
    who: &str,
    sample: &Sample,
    ours: &BTreeSet<Span>,
    theirs: &BTreeSet<Span>,
) -> Option<String> {
    let only = |mine: &BTreeSet<Span>, other: &BTreeSet<Span>| {
        let instant = |second: &i64| jiff::Timestamp::from_second(*second).expect("in range");
        let some = mine.difference(other).take(3);
        some.map(|(from, to)| format!("{}..{}", instant(from), instant(to))).collect::<Vec<_>>()
    };
    (ours != theirs).then(|| {
        format!(
            "seed {} in {}, {who}: {} and {} occurrences; only here {:?}, only there {:?}; {:?} {:?}",
            sample.seed,
            sample.zone,
            ours.len(),
            theirs.len(),
            only(ours, theirs),
            only(theirs, ours),
            sample.event.timing,
            sample.event.recurrence,
        )
    })
}

/// From before the first occurrence of all series until they are no longer looked at.
fn bounds(samples: &[Sample]) -> (i64, i64) {
    let until = samples.iter().map(Sample::until).max().expect("some series");
    let first = samples.iter().flat_map(|sample| expanded(&sample.event, until).pop_first());
    (first.map(|span| span.0).min().expect("some occurrence") - 2 * 24 * 3600, until + 24 * 3600)
}

/// What each series is looked at of.
fn up_to(
    samples: &[Sample],
    mut told: BTreeMap<String, BTreeSet<Span>>,
) -> BTreeMap<String, BTreeSet<Span>> {
    for sample in samples {
        if let Some(spans) = told.get_mut(&format!("#{}", sample.seed)) {
            spans.retain(|span| span.0 < sample.until());
        }
    }
    told
}

/// What evensync has of the series that an adapter reads from their mailbox.
fn read_back(stage: &Stage, samples: &[Sample]) -> BTreeMap<String, BTreeSet<Span>> {
    let (store, digester) = stage.open();
    let chaos = Chaos::new(None, Stopper::default(), None);
    let remote = stage.remote(1, &chaos, &store, &digester);
    let folder = &stage.folders[1];
    let (mut ids, mut cursor) = (BTreeSet::new(), None);
    loop {
        let page = stage.wait_for(remote.pull(folder, cursor.as_ref())).expect("no fault is set");
        let there = |hint: &Hint| matches!(hint, Hint::Changed { .. });
        ids.extend(page.changes.into_iter().filter(|c| there(&c.hint)).map(|change| change.id));
        cursor = Some(page.cursor);
        if !page.more {
            break;
        }
    }
    let ids: Vec<_> = ids.into_iter().collect();
    let fetched = stage.wait_for(remote.fetch(folder, &ids)).expect("no fault is set");
    let until: BTreeMap<String, i64> =
        samples.iter().map(|sample| (format!("#{}", sample.seed), sample.until())).collect();
    let events = fetched.into_iter().map(|fetched| match fetched {
        Fetched::Found(sighted) => Event::from_canonical(&sighted.content).expect("an event"),
        other => panic!("{other:?}"),
    });
    events
        .map(|event| {
            let subject = event.subject.clone().expect("a subject");
            let spans = expanded(&event, until[&subject]);
            (subject, spans)
        })
        .collect()
}

/// What python-dateutil makes of the text in the local store.
fn by_dateutil(
    python: &std::ffi::OsStr,
    stage: &Stage,
    samples: &[Sample],
) -> BTreeMap<String, BTreeSet<Span>> {
    let Place::Local { replica, folder } = &stage.places[0] else { panic!("the local store") };
    let texts: BTreeMap<String, String> = replica
        .list_events(folder, None, 10_000)
        .expect("readable")
        .into_iter()
        .map(|local| (local.event.and_then(|event| event.subject).expect("ours"), local.ics))
        .collect();
    let lines = samples.iter().map(|sample| {
        let ics = &texts[&format!("#{}", sample.seed)];
        json!({"seed": sample.seed, "ics": ics, "until": sample.until()}).to_string() + "\n"
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/occurrences/expand.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let asked: String = lines.collect();
    let writer = std::thread::spawn(move || stdin.write_all(asked.as_bytes()));
    let output = child.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "expand.py failed");
    writer.join().expect("no panic").expect("Python reads");
    let answers = String::from_utf8(output.stdout).expect("JSON");
    let told: BTreeMap<String, BTreeSet<Span>> = answers
        .lines()
        .map(|line| {
            let answer: Value = serde_json::from_str(line).expect("JSON");
            let spans = serde_json::from_value(answer["spans"].clone()).expect("pairs");
            (format!("#{}", answer["seed"]), spans)
        })
        .collect();
    assert_eq!(told.len(), samples.len());
    told
}
