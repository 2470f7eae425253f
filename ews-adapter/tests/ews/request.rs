//! Every request is valid by the published schema.

use crate::script::*;
use chrono::NaiveDate;
use ews_adapter::{Config, EwsRemote};
use items::people::{Attendee, Meeting, Person, Response, Role};
use items::recurrence::{End, Index, Pattern, Weekday};
use items::{
    Body, BodyKind, Event, Importance, Recurrence, Reminder, Rule, Sensitivity, ShowAs, Timing,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sync_core::ids::Cursor;
use sync_core::port::{Probe, Remote, Target, Write, WriteOp};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-zäöü <>&\"']{0,40}", Just(String::new()), Just(" ".to_owned())]
}

fn zone() -> impl Strategy<Value = Option<String>> {
    let zones = [
        None,
        Some("Europe/Berlin"),
        Some("Pacific Standard Time"),
        Some("Asia/Kolkata"),
        Some("Customized Time Zone"),
        Some("<>"),
    ];
    proptest::sample::select(zones.to_vec()).prop_map(|zone| zone.map(str::to_owned))
}

fn timing() -> impl Strategy<Value = Timing> {
    let timed = (0..4_000_000_000i64, 0..1_000_000i64, zone(), zone()).prop_map(
        |(start, length, start_zone, end_zone)| Timing::Timed {
            start,
            end: start + length,
            start_zone,
            end_zone,
        },
    );
    let days = (0..40_000u64, 1..30u64, zone()).prop_map(|(day, length, zone)| {
        let start = NaiveDate::default() + chrono::Days::new(day);
        Timing::AllDay { start, end: start + chrono::Days::new(length), zone }
    });
    prop_oneof![timed, days]
}

/// Rules that may or may not fit the event's start, and may make no sense.
fn recurrence() -> impl Strategy<Value = Recurrence> {
    let number = || prop_oneof![4 => Just(1u32), 1 => 0..5u32, 1 => Just(u32::MAX)];
    let days =
        proptest::collection::btree_set(proptest::sample::select(Weekday::ALL.to_vec()), 1..7);
    let first_day = proptest::sample::select(Weekday::ALL.to_vec());
    let index = proptest::sample::select(vec![Index::First, Index::Fourth, Index::Last]);
    let end = prop_oneof![
        Just(End::Never),
        number().prop_map(End::Count),
        (0..200_000u64).prop_map(|day| End::On(NaiveDate::default() + chrono::Days::new(day))),
    ];
    let parts = (number(), days, first_day, index, 1..13u32, 1..32u32);
    let pattern = (0..7, parts).prop_map(
        |(kind, (interval, days, first_day, index, month, day))| match kind {
            0 | 1 => Pattern::Daily { interval },
            2 => Pattern::Weekly { interval, days, first_day },
            3 => Pattern::AbsoluteMonthly { interval, day },
            4 => Pattern::RelativeMonthly { interval, index, days },
            5 => Pattern::AbsoluteYearly { interval, month, day },
            _ => Pattern::RelativeYearly { interval, month, index, days },
        },
    );
    prop_oneof![
        1 => Just(Recurrence::Once),
        6 => (pattern, end).prop_map(|(pattern, end)| Recurrence::Rule(Rule { pattern, end })),
        1 => Just(Recurrence::Other(vec!["RRULE:FREQ=HOURLY".into()])),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let option = |strategy: BoxedStrategy<String>| proptest::option::of(strategy);
    let body = (any::<bool>(), text()).prop_map(|(html, content)| {
        let kind = if html { BodyKind::Html } else { BodyKind::Text };
        Body { kind, content }
    });
    let show_as = proptest::sample::select(vec![
        ShowAs::Free,
        ShowAs::Tentative,
        ShowAs::Busy,
        ShowAs::OutOfOffice,
        ShowAs::WorkingElsewhere,
    ]);
    let sensitivity = proptest::sample::select(vec![
        Sensitivity::Normal,
        Sensitivity::Personal,
        Sensitivity::Private,
        Sensitivity::Confidential,
    ]);
    let importance =
        proptest::sample::select(vec![Importance::Low, Importance::Normal, Importance::High]);
    let reminder = prop_oneof![Just(Reminder::Off), (0..10_000).prop_map(Reminder::Before)];
    let texts = (option(text().boxed()), option(text().boxed()), option(text().boxed()));
    let sets = proptest::option::of(proptest::collection::vec(text(), 0..4));
    let words = (
        proptest::option::of(reminder),
        proptest::option::of(show_as),
        proptest::option::of(sensitivity),
        proptest::option::of(importance),
        proptest::option::of(recurrence()),
    );
    let people = (proptest::option::of(meeting()), proptest::option::of(attendees()));
    let times = (proptest::option::of(timing()), people);
    (texts, proptest::option::of(body), times, sets, words).prop_map(
        |((uid, subject, location), body, (timing, (meeting, attendees)), categories, words)| {
            Event {
                uid,
                subject,
                body,
                location,
                timing,
                recurrence: words.4,
                occurrences: None,
                categories,
                reminder: words.0,
                show_as: words.1,
                sensitivity: words.2,
                importance: words.3,
                meeting,
                attendees,
                attachments: None,
            }
        },
    )
}

fn person() -> impl Strategy<Value = Person> {
    let address = prop_oneof![
        4 => Just("anna@contoso.example".to_owned()),
        4 => Just("MAILTO:Ben@contoso.example".to_owned()),
        1 => text(),
        2 => text().prop_map(|text| format!("{text}@")),
    ];
    (address, proptest::option::of(text())).prop_map(|(address, name)| Person { address, name })
}

fn answer() -> impl Strategy<Value = Response> {
    let responses = [Response::None, Response::None, Response::Organizer, Response::Declined];
    proptest::sample::select(responses.to_vec())
}

fn meeting() -> impl Strategy<Value = Meeting> {
    (proptest::option::of(person()), proptest::bool::weighted(0.1), answer())
        .prop_map(|(organizer, cancelled, response)| Meeting { organizer, cancelled, response })
}

fn attendees() -> impl Strategy<Value = Vec<Attendee>> {
    let role = proptest::sample::select(vec![Role::Required, Role::Optional, Role::Resource]);
    let attendee = (person(), role, answer()).prop_map(|(person, role, response)| Attendee {
        person,
        role,
        response,
    });
    proptest::collection::vec(attendee, 0..4)
}

/// Reads and writes of every kind, many of them with odd contents.
async fn all_requests() -> Vec<String> {
    let script = Script::new(|_| Err(wire::Error::NotSent("not today".into())));
    let acting = Config { impersonate: Some("anna@contoso.example".into()), ..config() };
    let own = EwsRemote::new(acting, script.clone(), digester());
    for remote in [remote(&script), own] {
        let _ = remote.folders().await;
        let _ = remote.pull(&folder(), None).await;
        let _ = remote.pull(&folder(), Some(&Cursor::from("H4sI<&>"))).await;
        let _ = remote.fetch(&folder(), &ids(3)).await;
        let probe = |n, target| Probe { folder: folder(), stamp: stamp(n), target };
        let _ = remote.probe(&[probe(1, Target::Create)]).await;
        let _ = remote.probe(&[probe(1, Target::Create), probe(2, Target::Create)]).await;
        let _ = remote.probe(&[probe(3, Target::Update("x\"<".into()))]).await;
    }
    let mut runner = TestRunner::deterministic();
    let mut writes = Vec::new();
    for n in 0..200 {
        let event = event().new_tree(&mut runner).unwrap().current().to_canonical();
        let id = format!("id{n}").as_str().into();
        let if_match = Some("k".into());
        let op = match n % 2 {
            0 => WriteOp::Create { content: event },
            _ => WriteOp::Update { id, if_match, patch: event },
        };
        writes.push(Write { folder: folder(), stamp: stamp(n), op });
    }
    let reads = script.requests();
    let script = Script::new(|request| match request.contains("<m:GetItem>") {
        true => ok(response(
            "GetItem",
            &item_ids(request).iter().map(|id| stands(id)).collect::<String>(),
        )),
        false => Err(wire::Error::NotSent("not today".into())),
    });
    remote(&script).write(&writes).await;
    let requests = [reads, script.requests()].concat();
    [requests, hierarchy_and_delete_requests().await].concat()
}

/// An item that stands on the server: one in three is a meeting, which the owner organises.
fn stands(id: &str) -> String {
    let is_meeting = id.ends_with(['1', '3', '5']);
    let inside = format!(
        "<t:Start>2027-02-01T10:00:00Z</t:Start><t:End>2027-02-01T11:00:00Z</t:End>\
         <t:IsMeeting>{is_meeting}</t:IsMeeting><t:MyResponseType>Organizer</t:MyResponseType>"
    );
    success("GetItem", &item(id, "k", &inside))
}

/// Requests that only follow a good answer.
async fn hierarchy_and_delete_requests() -> Vec<String> {
    let script = Script::new(|request| {
        if request.contains("<m:GetFolder>") {
            let missing = error("GetFolder", "ErrorItemNotFound");
            return ok(response("GetFolder", &missing.repeat(2)));
        }
        if request.contains("<m:SyncFolderHierarchy>") && !request.contains("SyncState") {
            let page = "<m:SyncState>s</m:SyncState><m:IncludesLastFolderInRange>false\
                        </m:IncludesLastFolderInRange>";
            return ok(response("SyncFolderHierarchy", &success("SyncFolderHierarchy", page)));
        }
        if request.contains("<m:GetItem>") {
            let read = |id: &String| success("GetItem", &item(id, "k", ""));
            return ok(response(
                "GetItem",
                &item_ids(request).iter().map(read).collect::<String>(),
            ));
        }
        Err(wire::Error::NotSent("not today".into()))
    });
    let remote = remote(&script);
    let _ = remote.folders().await;
    let delete = |id: &str| {
        let op = WriteOp::Delete { id: id.into(), if_match: Some("k".into()) };
        Write { folder: folder(), stamp: stamp(1), op }
    };
    let update = Write {
        op: WriteOp::Update { id: "u".into(), if_match: None, patch: b"{}".to_vec() },
        ..delete("u")
    };
    remote.write(&[delete("a"), delete("b"), update]).await;
    script.requests()
}

#[tokio::test]
async fn every_request_is_valid() {
    let requests = all_requests().await;
    for operation in [
        "GetFolder",
        "SyncFolderHierarchy",
        "SyncFolderItems",
        "GetItem",
        "FindItem",
        "CreateItem",
        "UpdateItem",
        "DeleteItem",
    ] {
        let tag = format!("<m:{operation}");
        assert!(requests.iter().any(|request| request.contains(&tag)), "{operation}");
    }
    for element in ["<t:Recurrence>", "<t:RequiredAttendees>", "evensync-people"] {
        assert!(requests.iter().any(|request| request.contains(element)), "{element}");
    }
    let invites = |request: &String| {
        request.contains("<m:UpdateItem") && request.contains("<t:OptionalAttendees>")
    };
    assert!(requests.iter().any(invites));
    validate(&requests);
}
