//! Digests: what is the same, and what isn't.

use crate::events;
use items::field::Name;
use items::{Body, BodyKind, Digester, Event, Timing, meaning};
use proptest::prelude::*;
use sync_core::value::{IdentityKey, Print, Value};

fn digester() -> Digester {
    Digester::new([42; 32])
}

fn print(event: &Event, name: Name) -> Print {
    match digester().rendition(event, None, None).fields.get(&name.field()) {
        Some(Value::Scalar(print)) => *print,
        other => panic!("{name:?} is {other:?}"),
    }
}

fn timed(start_zone: Option<&str>, end_zone: Option<&str>) -> Event {
    let (start_zone, end_zone) = (start_zone.map(str::to_owned), end_zone.map(str::to_owned));
    let timing = Timing::Timed { start: 1_790_000_000, end: 1_790_003_600, start_zone, end_zone };
    Event { timing: Some(timing), ..Event::default() }
}

#[test]
fn spelling_changes_own_but_not_meaning() {
    let normal = Event { subject: Some("Team lunch".into()), ..Event::default() };
    let padded = Event { subject: Some("Team  lunch ".into()), ..Event::default() };
    let (normal, padded) = (print(&normal, Name::Subject), print(&padded, Name::Subject));
    assert_eq!(normal.own, Some(normal.meaning));
    assert_eq!(padded.meaning, normal.meaning);
    assert_ne!(padded.own, normal.own);
    assert!(!padded.unchanged(&normal));
    assert!(padded.elsewhere().unchanged(&normal));
}

#[test]
fn what_exchange_cuts_off_has_no_meaning() {
    let long = "😀".repeat(300);
    let cut = "😀".repeat(127);
    assert_eq!(meaning::line(&long), cut);
    assert_eq!(meaning::line(&format!("{} b", "a".repeat(254))), "a".repeat(254));
}

#[test]
fn zones_have_one_meaning_each() {
    let meaning = |event: &Event| print(event, Name::Timing).meaning;
    let berlin = meaning(&timed(Some("W. Europe Standard Time"), Some("Europe/Berlin")));
    assert_eq!(meaning(&timed(Some("Europe/Vienna"), None)), berlin);
    assert_eq!(meaning(&timed(None, Some("w. europe standard time"))), berlin);
    assert_ne!(meaning(&timed(Some("Europe/London"), None)), berlin);
    let utc = meaning(&timed(None, None));
    assert_eq!(meaning(&timed(Some("tzone://Microsoft/Utc"), Some(" "))), utc);
    let custom = meaning(&timed(Some("tzone://Microsoft/Custom"), None));
    assert!(custom != utc && custom != meaning(&timed(Some("Customized Time Zone"), None)));
}

#[test]
fn categories_are_a_set_without_case() {
    let of = |names: &[&str]| {
        let categories = Some(names.iter().map(|name| (*name).to_owned()).collect());
        let event = Event { categories, ..Event::default() };
        digester().rendition(&event, None, None).fields[&Name::Categories.field()].clone()
    };
    assert!(of(&["Red", "Blue"]).same_meaning(&of(&["blue ", "red", "RED", " "])));
    assert!(!of(&["Red"]).unchanged(&of(&["red"])));
    assert!(!of(&["Red"]).same_meaning(&of(&[])));
}

#[test]
fn identity_survives_exchange() {
    let with = |uid: &str| Event { uid: Some(uid.to_owned()), ..timed(None, None) };
    let identity = |event: &Event| digester().rendition(event, None, None).identity;
    let wrapped = "040000008200E00074C5B7101A82E00800000000000000000000000000000000000000000C0000\
        007643616C2D55696401000000612D3140622E7465737400";
    assert_eq!(identity(&with("a-1@b.test")), identity(&with(wrapped)));
    assert_eq!(identity(&with(" ")), []);
    let named = Event { subject: Some("Lunch ".into()), ..timed(Some("Europe/Berlin"), None) };
    let again = Event { subject: Some("Lunch".into()), ..timed(Some("UTC"), None) };
    assert!(matches!(identity(&named)[..], [IdentityKey::Likeness(_)]));
    assert_eq!(identity(&named), identity(&again));
}

#[test]
fn labels_and_keys_separate() {
    let digester = digester();
    assert_ne!(digester.text("a", "bc"), digester.text("ab", "c"));
    assert_ne!(digester.text("a", "b"), Digester::new([1; 32]).text("a", "b"));
    let event = Event { subject: Some("x".into()), location: Some("x".into()), ..Event::default() };
    assert_ne!(print(&event, Name::Subject), print(&event, Name::Location));
    assert_eq!(format!("{digester:?}"), "Digester");
}

#[test]
fn canonical_content_is_what_it_was() {
    let event = Event {
        uid: Some("u".into()),
        subject: Some("s".into()),
        body: Some(Body { kind: BodyKind::Html, content: "<b>x</b>".into() }),
        categories: Some(vec!["c".into()]),
        ..timed(Some("Europe/Berlin"), None)
    };
    let json = r#"{"uid":"u","subject":"s","body":{"kind":"html","content":"<b>x</b>"},"timing":{"kind":"timed","start":1790000000,"end":1790003600,"start-zone":"Europe/Berlin","end-zone":null},"categories":["c"]}"#;
    assert_eq!(String::from_utf8(event.to_canonical()).expect("UTF-8"), json);
    for bad in ["", "[]", "{\"colour\":1}", "{\"subject\":1}"] {
        assert!(Event::from_canonical(bad.as_bytes()).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn the_meaning_of_a_meaning_is_itself(event in events::event()) {
        let normal = meaning::of(&event);
        prop_assert_eq!(meaning::of(&normal), normal);
    }

    #[test]
    fn canonical_content_tells_all(event in events::event()) {
        let sighted = digester().sighted(&event, None, None, None);
        prop_assert_eq!(Event::from_canonical(&sighted.content).expect("canonical"), event.clone());
        prop_assert_eq!(Some(digester().content(&sighted.content)), sighted.rendition.content);
        let fields: Vec<_> = sighted.rendition.fields.into_keys().collect();
        prop_assert_eq!(fields, event.present_fields().into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_patch_carries_its_fields_over(event in events::event(), mut other in events::event()) {
        let before = digester().rendition(&event, None, None).fields;
        for field in event.present_fields() {
            other.take(&field, &event.only(&[field.clone()].into())).expect("a field");
        }
        let after = digester().rendition(&other, None, None).fields;
        prop_assert!(before.iter().all(|(field, value)| after.get(field) == Some(value)));
    }
}
