//! Events to try things with.

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use items::attachment::Data;
use items::recurrence::{End, Index, Pattern, Weekday};
use items::{
    Attachment, Attendee, Body, BodyKind, Event, Importance, Meeting, Occurrence, Person,
    Recurrence, Reminder, Response, Role, Rule, Sensitivity, ShowAs, Timing,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::Digest;

/// Text as people and servers write it, with everything that could break a format.
pub fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9]{1,8}",
        2 => Just(" ".to_owned()),
        1 => prop_oneof![
            Just("\n"), Just("\r\n"), Just("\r"), Just("\t"), Just("\u{a0}"), Just("\\n"),
            Just("\\"), Just(";"), Just(","), Just(":"), Just("\""), Just("^'"), Just("^n"),
            Just("<"), Just("&amp;"), Just("<b>"), Just("ü"), Just("😀"), Just("\u{1}"), Just("\u{7f}"),
            Just("\u{feff}"), Just("BEGIN:VEVENT\n"), Just("\u{2028}"), Just("\u{85}"),
        ].prop_map(str::to_owned),
    ];
    vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// HTML, well formed or not.
pub fn html() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-z]{1,5}",
        1 => Just(" ".to_owned()),
        4 => prop::sample::select(&[
            "<p>", "</p>", "<div class=\"x\">", "</div>", "<br>", "<br/>", "<b>", "</b>",
            "<strong>", "</strong>", "<i>", "</i>", "<u>", "</u>", "<ul>", "</ul>", "<li>", "</li>",
            "<table>", "<tr>", "<td>", "</td>", "</tr>", "</table>", "<a href=\"http://x.test/\">",
            "<a href='http://y.test?a=1&amp;b=%22'>", "</a>", "http://x.test", "<pre>", "</pre>",
            "\r\n", "\n", "&nbsp;", "&amp;", "&lt;b&gt;", "<img src=\"cid:1\">", "<hr>", "<h1>",
            "</h1>", "<style>p {}</style>", "<!-- c -->", "<", ">", "<head><title>t</title></head>",
            "<body>", "</body>", "<o:p></o:p>", "<span style=\"color:red\">", "</span>", "<td", "\"",
        ][..]).prop_map(str::to_owned),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn zone() -> impl Strategy<Value = Option<String>> {
    let known = prop::sample::select(
        &[
            "W. Europe Standard Time",
            "Europe/Berlin",
            "Europe/Vienna",
            "UTC",
            "Etc/UTC",
            "tzone://Microsoft/Utc",
            "tzone://Microsoft/Custom",
            "Customized Time Zone",
            "",
            " Pacific Standard Time",
            "Asia/Calcutta",
            "America/Vancouver",
            "a\"b",
            "^n",
            "a\nb",
            "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
            "europe/kiev",
            "Mitteleuropäische Zeit",
            "Africa/Casablanca",
            "Antarctica/Troll",
        ][..],
    );
    of(known.prop_map(str::to_owned))
}

fn timing() -> impl Strategy<Value = Timing> {
    let instant = prop_oneof![
        6 => 1_500_000_000..1_900_000_000_i64,
        // Around the end of summer time in Berlin.
        3 => 1_792_800_000..1_793_000_000_i64,
        1 => any::<i64>(),
    ];
    let length = prop_oneof![5 => 0..100_000_i64, 1 => -1000..0_i64];
    let timed =
        (instant, length, zone(), zone()).prop_map(|(start, length, start_zone, end_zone)| {
            Timing::Timed { start, end: start.saturating_add(length), start_zone, end_zone }
        });
    let day = prop_oneof![8 => 18_000..22_000_i32, 1 => -2_000_000..4_000_000_i32];
    let all_day = (day, -1..4_i32, zone()).prop_map(|(day, length, zone)| {
        let date = |day| NaiveDate::from_epoch_days(day).expect("a date");
        Timing::AllDay { start: date(day), end: date(day + length), zone }
    });
    prop_oneof![2 => timed, 1 => all_day]
}

fn body() -> impl Strategy<Value = Body> {
    let text = text().prop_map(|content| Body { kind: BodyKind::Text, content });
    let html = html().prop_map(|content| Body { kind: BodyKind::Html, content });
    prop_oneof![text, html]
}

fn person() -> impl Strategy<Value = Person> {
    let address = prop_oneof![Just(String::new()), "[a-cA-C]{1,3}@[a-c]{1,3}\\.example"];
    (address, of(text())).prop_map(|(address, name)| Person { address, name })
}

fn response() -> impl Strategy<Value = Response> {
    let all = [
        Response::None,
        Response::Organizer,
        Response::Tentative,
        Response::Accepted,
        Response::Declined,
    ];
    prop::sample::select(all.to_vec())
}

fn meeting() -> impl Strategy<Value = Meeting> {
    (of(person()), any::<bool>(), response()).prop_map(|(organizer, cancelled, response)| Meeting {
        organizer,
        cancelled,
        response,
    })
}

fn attendee() -> impl Strategy<Value = Attendee> {
    let role = prop::sample::select(vec![Role::Required, Role::Optional, Role::Resource]);
    (person(), role, response()).prop_map(|(person, role, response)| Attendee {
        person,
        role,
        response,
    })
}

fn attachment() -> impl Strategy<Value = Attachment> {
    let bytes = (0..9u64, any::<u64>())
        .prop_map(|(n, size)| Data::Bytes { digest: Digest::from_number(n), size });
    let data = prop_oneof![bytes, text().prop_map(Data::Link)];
    (text(), of(text()), of(text()), any::<bool>(), data).prop_map(
        |(name, media_type, content_id, inline, data)| Attachment {
            name,
            media_type,
            content_id,
            inline,
            data,
        },
    )
}

/// Any event.
pub fn event() -> impl Strategy<Value = Event> {
    let reminder = prop_oneof![
        Just(Reminder::Off),
        (-5000..50_000).prop_map(Reminder::Before),
        any::<i32>().prop_map(Reminder::Before),
    ];
    let show_as = prop::sample::select(
        &[
            ShowAs::Free,
            ShowAs::Tentative,
            ShowAs::Busy,
            ShowAs::OutOfOffice,
            ShowAs::WorkingElsewhere,
        ][..],
    );
    let sensitivity = prop::sample::select(
        &[
            Sensitivity::Normal,
            Sensitivity::Personal,
            Sensitivity::Private,
            Sensitivity::Confidential,
        ][..],
    );
    let importance =
        prop::sample::select(&[Importance::Low, Importance::Normal, Importance::High][..]);
    let words = (of(text()), of(text()), of(body()), of(text()), of(vec(text(), 0..4))).boxed();
    let rest = (of(timing()), of(reminder), of(show_as), of(sensitivity), of(importance));
    // Boxed: strategies lie on the stack, and this one is large.
    let people = (of(meeting()), of(vec(attendee(), 0..4)), of(vec(attachment(), 0..3))).boxed();
    (words, rest, people).prop_map(|(words, rest, people)| Event {
        uid: words.0,
        subject: words.1,
        body: words.2,
        location: words.3,
        categories: words.4,
        timing: rest.0,
        reminder: rest.1,
        show_as: rest.2,
        sensitivity: rest.3,
        importance: rest.4,
        recurrence: Some(Recurrence::Once),
        occurrences: None,
        meeting: people.0,
        attendees: people.1,
        attachments: people.2,
    })
}

/// The event as a file tells it: where nobody is invited and nothing attached, it says nothing.
pub fn told(event: &Event) -> Event {
    let event = event.clone();
    Event {
        meeting: event.meeting.filter(|meeting| *meeting != Meeting::default()),
        attendees: event.attendees.filter(|all| !all.is_empty()),
        attachments: event.attachments.filter(|all| !all.is_empty()),
        ..event
    }
}

fn days() -> impl Strategy<Value = BTreeSet<Weekday>> {
    prop::sample::subsequence(Weekday::ALL.to_vec(), 1..=7).prop_map(BTreeSet::from_iter)
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let first = prop::sample::select(&Weekday::ALL[..]);
    let nth = prop::sample::select(
        &[Index::First, Index::Second, Index::Third, Index::Fourth, Index::Last][..],
    );
    let (month, day) = (1..=12_u32, 1..=31_u32);
    prop_oneof![
        (1..9_u32).prop_map(|interval| Pattern::Daily { interval }),
        (1..5_u32, days(), first).prop_map(|(interval, days, first_day)| Pattern::Weekly {
            interval,
            days,
            first_day
        }),
        (1..5_u32, day.clone())
            .prop_map(|(interval, day)| Pattern::AbsoluteMonthly { interval, day }),
        (1..5_u32, nth.clone(), days()).prop_map(|(interval, index, days)| {
            Pattern::RelativeMonthly { interval, index, days }
        }),
        (1..3_u32, month.clone(), day).prop_map(|(interval, month, day)| {
            let last = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
            Pattern::AbsoluteYearly { interval, month, day: day.min(last) }
        }),
        (1..3_u32, month, nth, days()).prop_map(|(interval, month, index, days)| {
            Pattern::RelativeYearly { interval, month, index, days }
        }),
    ]
}

/// A series as a server could have it: in a known zone, from its first date on, with occurrences
/// that differ in something.
pub fn series() -> impl Strategy<Value = Event> {
    let end = prop_oneof![
        Just(End::Never),
        (1..40_u32).prop_map(End::Count),
        (0..900_u32).prop_map(|days| End::On(
            NaiveDate::from_epoch_days(20_000 + i32::try_from(days).expect("small"))
                .expect("a date")
        )),
    ];
    let clock = (0..86_400_i64, 0..200_000_i64);
    let zone = prop::sample::select(
        &[
            "W. Europe Standard Time",
            "America/Vancouver",
            "Australia/Lord_Howe",
            "UTC",
            "Asia/Kolkata",
        ][..],
    );
    let own = vec((0..30_usize, of(event()), any::<bool>()), 0..5);
    let whole = (event(), any::<bool>(), 18_000..20_000_i32);
    (whole, pattern(), end, clock, zone, own).prop_filter_map(
        "a rule that has a date",
        |((event, all_day, day), pattern, end, (time, length), zone, own)| {
            let rule = Rule { pattern, end };
            let from = NaiveDate::from_epoch_days(day)?;
            // Where a rule first has a date, it begins.
            let endless = Rule { end: End::Never, ..rule.clone() };
            let first = endless.dates(from).next()?;
            if rule.dates(first).next() != Some(first) {
                return None;
            }
            let zone = Some(zone.to_owned());
            let timing = if all_day {
                let end = first.checked_add_days(Days::new(1 + length.unsigned_abs() / 86_400))?;
                Timing::AllDay { start: first, end, zone: None }
            } else {
                let wall = first.and_time(NaiveTime::MIN) + TimeDelta::seconds(time - time % 60);
                let start = items::zone::to_instant(zone.as_deref()?, wall)?;
                let end = start + length;
                Timing::Timed { start, end, start_zone: zone.clone(), end_zone: zone }
            };
            let mut series = Event {
                uid: event.uid.clone().filter(|uid| !uid.trim().is_empty()).or(Some("s".into())),
                timing: Some(timing),
                recurrence: Some(Recurrence::Rule(rule.clone())),
                occurrences: Some(BTreeMap::new()),
                ..event
            };
            for (at, own, moved) in own {
                let Some(date) = rule.dates(first).nth(at) else { continue };
                let occurrence = match own {
                    None => Occurrence::Deleted,
                    Some(own) => {
                        let timing = series.timing_on(date)?;
                        let timing = if moved { later(timing) } else { timing };
                        let own = Event { timing: Some(timing), ..own };
                        series.difference(date, &own)?
                    }
                };
                if occurrence != Occurrence::Changed(Box::default()) {
                    series.occurrences.get_or_insert_default().insert(date, occurrence);
                }
            }
            Some(series)
        },
    )
}

/// Half an hour later, as long as before.
fn later(timing: Timing) -> Timing {
    match timing {
        Timing::Timed { start, end, start_zone, end_zone } => {
            Timing::Timed { start: start + 1800, end: end + 1800, start_zone, end_zone }
        }
        Timing::AllDay { .. } => timing,
    }
}
