//! A long way round: a calendar with all that Exchange can hold goes from an EWS mailbox to a local
//! store, from there to a Graph mailbox, to a second local store, and to another EWS mailbox. Every
//! copy on the way is held against the first, field by field and without evensync's own digests; no
//! run after the first writes anything.

mod generate;

use super::clock::Timeless;
use super::ledger::difference;
use super::look::{self, Look};
use super::place::Place;
use super::stage::{Kind, Setup, Stage, exchange, temporary};
use exchange_sim::store::{Body, BodyKind};
use exchange_sim::{Seed, Sim};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync_core::engine::Ended;

/// Events of one test run, and of one calendar.
const EVENTS: u64 = 500;
const BATCH: u64 = 125;

const MAILBOXES: [&str; 3] =
    ["anna@contoso.example", "ben@contoso.example", "cleo@contoso.example"];
/// The field of an HTML body as it is.
const MARKUP: &str = "markup";
/// The stations.
const STATIONS: [&str; 5] = ["EWS", "local", "Graph", "second local", "second EWS"];

#[test]
fn what_goes_a_long_way_round_arrives_as_it_was() {
    let number = |name: &str, usual| {
        std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
    };
    let events = number("EVENSYNC_ROUNDTRIP_EVENTS", EVENTS);
    let from = number("EVENSYNC_ROUNDTRIP_SEED", 0);
    let timeless = Arc::new(Timeless::new());
    let (mut differ, mut compared, mut occurrences) = (vec![], 0, 0);
    let mut first = from;
    while first < from + events {
        let seeds = first..(first + BATCH).min(from + events);
        first = seeds.end;
        let mut chain = Chain::new(seeds.clone(), &timeless);
        chain.run();
        let stations = chain.looks();
        assert_eq!(stations[0].len() as u64, seeds.end - seeds.start);
        for (station, looks) in STATIONS.iter().zip(&stations).skip(1) {
            differ.extend(differences(station, &stations[0], looks));
            compared += looks.len();
        }
        let own = |look: &Look| look.keys().filter(|field| field.starts_with("on ")).count();
        occurrences += stations[0].values().map(own).sum::<usize>();
        chain.rests();
    }
    println!(
        "round trip: {events} events from seed {from}, {occurrences} fields of occurrences, \
         {compared} copies compared, {} differ",
        differ.len()
    );
    let told: Vec<&str> = differ.iter().take(20).map(String::as_str).collect();
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), told.join("\n"));
}

/// Four pairs in a row, each of which shares a place with the next.
struct Chain {
    pairs: [Stage; 4],
    _folder: tempfile::TempDir,
}

impl Chain {
    fn new(seeds: std::ops::Range<u64>, timeless: &Arc<Timeless>) -> Self {
        let sim = exchange(&MAILBOXES, seeds.start, Seed::Empty);
        sim.with(|world| {
            let mailbox = world.mailbox_mut(MAILBOXES[0]).expect("a mailbox");
            seeds.for_each(|seed| generate::put(mailbox, seed));
        });
        let folder = temporary();
        let locals = ["one.db", "two.db"].map(|name| folder.path().join(name));
        let pair = |a, b, mailbox: usize, local: usize, sim: &Sim| {
            let addresses = [MAILBOXES[mailbox], MAILBOXES[mailbox]];
            Stage::among(Setup::of(a, b), timeless, sim, addresses, &locals[local])
        };
        let pairs = [
            pair(Kind::Ews, Kind::Local, 0, 0, &sim),
            pair(Kind::Local, Kind::Graph, 1, 0, &sim),
            pair(Kind::Graph, Kind::Local, 1, 1, &sim),
            pair(Kind::Local, Kind::Ews, 2, 1, &sim),
        ];
        Self { pairs, _folder: folder }
    }

    /// Runs each pair once, in the order of the way; whatever is there goes on, nothing is set aside.
    fn run(&mut self) {
        for pair in &mut self.pairs {
            pair.pass(60);
            let report = pair.run();
            assert_eq!(report.ended, Ended::Clean, "{report:?}");
            let looks = pair.looks();
            let told = || difference(&looks);
            assert!(report.held.is_empty(), "{:?}\n{}", report.refused, told());
            assert_eq!((report.conflicts, report.undecided), (0, 0), "{report:?}");
        }
    }

    /// Runs each pair again: nothing is written, nobody was mailed, and the journals are sound.
    fn rests(&mut self) {
        for pair in &mut self.pairs {
            pair.pass(60);
            let [a, b] = pair.looks();
            let report = pair.run();
            let [a, b] = [0, 1]
                .map(|side| difference(&[[&a, &b][side].clone(), pair.looks()[side].clone()]));
            assert_eq!(report.ended, Ended::Clean, "{report:?}");
            let kinds = pair.setup.kinds;
            assert_eq!(report.writes(), 0, "{kinds:?} {:?}: {a}{b}", report.sides);
            let complaints = pair.complaints();
            assert!(complaints.is_empty(), "{complaints:#?}");
        }
    }

    /// What stands at each station, by number.
    fn looks(&self) -> [BTreeMap<u64, Look>; 5] {
        let [ews, graph, second, last] = &self.pairs;
        let places =
            [&ews.places[0], &ews.places[1], &graph.places[1], &second.places[1], &last.places[1]];
        places.map(numbered)
    }
}

fn numbered(place: &Place) -> BTreeMap<u64, Look> {
    let standing = place.standing().into_iter().map(|standing| {
        let mut look = standing.look;
        look.extend(markup(&standing.content.body).map(|markup| (MARKUP.to_owned(), markup)));
        (look::number(&look).expect("every subject has a number"), look)
    });
    standing.collect()
}

/// The tags and the text of HTML, without the document that servers put around it.
fn markup(body: &Body) -> Option<String> {
    if body.kind == BodyKind::Text {
        return None;
    }
    let inside = body.content.split_once("<body>").map_or(&*body.content, |(_, rest)| rest);
    let inside = inside.split_once("</body>").map_or(inside, |(inside, _)| inside);
    Some(inside.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Where copies differ from what they are copies of.
fn differences(
    station: &str,
    originals: &BTreeMap<u64, Look>,
    copies: &BTreeMap<u64, Look>,
) -> Vec<String> {
    let mut told = vec![];
    for number in copies.keys().filter(|number| !originals.contains_key(number)) {
        told.push(format!("{station}: #{number} was never written"));
    }
    for (number, original) in originals {
        let Some(copy) = copies.get(number) else {
            told.push(format!("{station}: #{number} is missing"));
            continue;
        };
        let fields = original.keys().chain(copy.keys().filter(|f| !original.contains_key(*f)));
        // Graph shows every text as HTML, and what was written to it as text is read back so.
        let by_graph = station.starts_with("second") && !original.contains_key(MARKUP);
        let fields = fields.filter(|field| !(by_graph && *field == MARKUP));
        let differs = fields.filter(|field| original.get(*field) != copy.get(*field));
        told.extend(differs.map(|field| {
            let (was, is) = (original.get(field), copy.get(field));
            format!("{station}: #{number} {field}: {was:?} became {is:?}")
        }));
    }
    told
}
