//! Events to try things with.

use chrono::NaiveDate;
use items::{Body, BodyKind, Event, Importance, Reminder, Sensitivity, ShowAs, Timing};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

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
    let words = (of(text()), of(text()), of(body()), of(text()), of(vec(text(), 0..4)));
    let rest = (of(timing()), of(reminder), of(show_as), of(sensitivity), of(importance));
    (words, rest).prop_map(|(words, rest)| Event {
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
    })
}
