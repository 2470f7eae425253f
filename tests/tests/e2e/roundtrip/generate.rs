//! Events as a seed makes them: what an Exchange may hold in a calendar.

use exchange_sim::store::recurrence::{End, Index, Pattern, Range, Recurrence, Weekdays};
use exchange_sim::store::rng::Rng;
use exchange_sim::store::{
    Body, Content, DeleteType, Importance, ItemRef, Location, Mailbox, Role, Sensitivity, Series,
    ShowAs, Zone, ZonedTime,
};
use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZoneDatabase;
use jiff::{SignedDuration, Span, Timestamp};
use std::sync::{Arc, LazyLock};

/// Every zone that Windows has.
static ZONES: LazyLock<Vec<Zone>> = LazyLock::new(|| {
    let names = TimeZoneDatabase::bundled();
    let mut zones: Vec<Zone> =
        names.available().filter_map(|name| Zone::parse(name.as_str())).collect();
    zones.retain(|zone| zone.id().ends_with("Standard Time") || zone.id().starts_with("UTC"));
    zones.sort();
    zones.dedup();
    zones
});

const WORDS: [&str; 18] = [
    "Besprechung",
    "Größe",
    "naïve café",
    "日本語の予定",
    "встреча",
    "اجتماع",
    "פגישה",
    "\u{1f389} Fest \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "a & b",
    "<i>kein HTML</i>",
    "\"Zitat\"",
    "it's; ok, no: \\n",
    "x=y?z#1",
    "100 %",
    "1\u{a0}000\u{202f}€",
    "e\u{301}",
    "BEGIN:VEVENT",
    "--",
];

const HTML: [&str; 6] = [
    "<p>Zeile eins</p><p>Zeile <b>zwei</b></p>",
    "<div>a &amp; b &lt; c</div><div><br></div><div>Ende</div>",
    "<ul><li>eins</li><li>zwei</li></ul>",
    "<html><body><p style=\"color:red\">rot &euro;</p></body></html>",
    "<table><tr><td>A</td><td>B</td></tr></table>",
    "<p>Link: <a href=\"https://contoso.example/?a=1&amp;b=2\">hier</a></p>",
];

const SHOW_AS: [ShowAs; 5] =
    [ShowAs::Free, ShowAs::Tentative, ShowAs::Busy, ShowAs::OutOfOffice, ShowAs::WorkingElsewhere];
const SENSITIVITY: [Sensitivity; 4] =
    [Sensitivity::Normal, Sensitivity::Personal, Sensitivity::Private, Sensitivity::Confidential];
const IMPORTANCE: [Importance; 3] = [Importance::Low, Importance::Normal, Importance::High];

/// Puts the event of a seed into a mailbox's calendar.
pub fn put(mailbox: &mut Mailbox, seed: u64) {
    let rng = &mut Rng::fork(seed, "roundtrip");
    let mut content = event(rng, seed);
    details(rng, &mut content);
    let is_series = rng.below(100) < 45;
    if is_series {
        recurring(rng, &mut content);
    }
    let calendar = mailbox.role(Role::Calendar);
    let told = format!("seed {seed}: {content:?}");
    let id = mailbox.create(calendar, content).unwrap_or_else(|e| panic!("{e}: {told}"));
    if is_series {
        let master = mailbox.item(id).expect("just made").content.clone();
        let event = master.as_event().expect("an event").clone();
        let series = event.series.as_ref().expect("a series");
        let dates: Vec<Date> = series.recurrence.dates().take(12).collect();
        let (mut left, mut none_yet) = (dates.len(), true);
        for date in dates {
            let at = ItemRef { id, date: Some(date) };
            match rng.below(8) {
                0 if left > 1 => {
                    left -= 1;
                    mailbox.delete(at, DeleteType::MoveToDeletedItems).expect("it is there");
                }
                1 | 2 if none_yet || rng.below(2) == 0 => {
                    none_yet = false;
                    let mut own = mailbox.opened(at).expect("it is there").content.clone();
                    exception(rng, &mut own);
                    mailbox.update(at, None, own).unwrap_or_else(|e| panic!("{e}: {told}"));
                }
                _ => {}
            }
        }
    }
}

/// A single event: its subject, which no other has, and its times.
fn event(rng: &mut Rng, seed: u64) -> Content {
    let zone = rng.pick(&ZONES).clone();
    let subject = format!("#{seed} {}", text(rng));
    let day = date(1998, 1, 1) + Span::new().days(rng.below(15_000).cast_signed());
    if rng.below(5) == 0 {
        let days = 1 + [0, 0, 0, 1, 13][rng.below(5) as usize];
        let at = |date: Date| ZonedTime {
            utc: zone.instant(date.at(0, 0, 0, 0)).expect("a year of four digits"),
            zone: zone.clone(),
        };
        let mut content = Content::event(&subject, at(day), at(day + Span::new().days(days)));
        content.as_event_mut().expect("an event").all_day = true;
        return content;
    }
    let wall = day.at(rng.below(24) as i8, (rng.below(12) * 5) as i8, 0, 0);
    let start = zone.instant(wall).expect("a year of four digits");
    let minutes = *rng.pick(&[0, 5, 30, 60, 90, 480]);
    let end_zone = if rng.below(8) == 0 { rng.pick(&ZONES).clone() } else { zone.clone() };
    let at = |utc: Timestamp, zone: Zone| ZonedTime { utc, zone };
    let end = start + SignedDuration::from_mins(minutes);
    Content::event(&subject, at(start, zone), at(end, end_zone))
}

/// Everything but times and recurrence.
fn details(rng: &mut Rng, content: &mut Content) {
    content.body = body(rng);
    content.reminder.set = rng.below(3) > 0;
    content.reminder.minutes = *rng.pick(&[0, 5, 15, 1080, 20_160, 2_629_800]);
    content.sensitivity = *rng.pick(&SENSITIVITY);
    content.importance = *rng.pick(&IMPORTANCE);
    content.categories = categories(rng);
    let show_as = *rng.pick(&SHOW_AS);
    let locations = if rng.below(3) > 0 {
        vec![Location { name: text(rng), ..Location::default() }]
    } else {
        vec![]
    };
    let event = content.as_event_mut().expect("an event");
    (event.show_as, event.locations) = (show_as, locations);
}

fn text(rng: &mut Rng) -> String {
    if rng.below(40) == 0 {
        return "lang ".repeat(45).trim_end().to_owned();
    }
    let words: Vec<&str> = (0..1 + rng.below(4)).map(|_| *rng.pick::<&str>(&WORDS)).collect();
    words.join(" ")
}

fn body(rng: &mut Rng) -> Body {
    match rng.below(4) {
        0 => Body::default(),
        1 => {
            let lines: Vec<String> = (0..1 + rng.below(6)).map(|_| text(rng)).collect();
            Body::text(lines.join(*rng.pick::<&str>(&["\r\n", "\r\n\r\n"])))
        }
        2 => Body::html(*rng.pick::<&str>(&HTML)),
        _ => {
            let escaped = text(rng).replace('&', "&amp;").replace('<', "&lt;");
            Body::html(format!("<p>{escaped}</p>{}", rng.pick::<&str>(&HTML)))
        }
    }
}

fn categories(rng: &mut Rng) -> Vec<String> {
    let mut names = vec![];
    for _ in 0..rng.below(4) {
        let name = format!("{} {}", rng.pick::<&str>(&WORDS), rng.below(9)).replace([',', ';'], "");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Makes it a series; its times move to the first date that the pattern has.
fn recurring(rng: &mut Rng, content: &mut Content) {
    let event = content.as_event_mut().expect("an event");
    let day = SignedDuration::from_hours(24);
    if event.end.utc.duration_since(event.start.utc) > day && !event.all_day {
        event.end.utc = event.start.utc + SignedDuration::from_mins(30);
    }
    if event.all_day {
        let zone = &event.start.zone;
        let first = zone.wall(event.start.utc).date();
        let next = (first + Span::new().days(1)).at(0, 0, 0, 0);
        event.end.utc = zone.instant(next).expect("a year of four digits");
    }
    let start = event.start.zone.wall(event.start.utc).date();
    let pattern = pattern(rng);
    let end = match rng.below(3) {
        0 => End::Never,
        1 => End::Count(1 + rng.below(300) as u32),
        _ => End::On(start + Span::new().days(2200 + rng.below(3000).cast_signed())),
    };
    let recurrence = Recurrence { pattern, range: Range { start, end } };
    event.series = Some(Arc::new(Series::new(recurrence)));
}

fn pattern(rng: &mut Rng) -> Pattern {
    let rare = |rng: &mut Rng, max: u64| {
        u32::try_from(if rng.below(3) == 0 { 1 } else { 1 + rng.below(max) }).expect("small")
    };
    let index = *rng.pick(&[Index::First, Index::Second, Index::Third, Index::Fourth, Index::Last]);
    let (day, month) = (1 + rng.below(31) as u8, 1 + rng.below(12) as u8);
    let counted = match rng.below(7) {
        0 => Weekdays::ALL,
        1 => Weekdays::WORKING,
        2 => Weekdays::WEEKEND,
        _ => Weekdays::from(weekday(rng)),
    };
    match rng.below(6) {
        0 => Pattern::Daily { interval: rare(rng, 40) },
        1 => {
            let mut days: Vec<Weekday> =
                Weekday::Monday.cycle_forward().take(7).filter(|_| rng.below(3) == 0).collect();
            days.push(weekday(rng));
            let (interval, days) = (rare(rng, 5), days.into_iter().collect());
            Pattern::Weekly { interval, days, first_day: weekday(rng) }
        }
        2 => Pattern::AbsoluteMonthly { interval: rare(rng, 14), day },
        3 => Pattern::RelativeMonthly { interval: rare(rng, 14), days: counted, index },
        // Of years, EWS can tell each one only.
        4 => Pattern::AbsoluteYearly { interval: 1, month, day },
        _ => Pattern::RelativeYearly { interval: 1, days: counted, index, month },
    }
}

fn weekday(rng: &mut Rng) -> Weekday {
    let days: Vec<Weekday> = Weekday::Monday.cycle_forward().take(7).collect();
    *rng.pick(&days)
}

/// Changes an occurrence: one field, or many.
fn exception(rng: &mut Rng, own: &mut Content) {
    let all_day = own.as_event().is_some_and(|event| event.all_day);
    for _ in 0..1 + rng.below(3) {
        match rng.below(8) {
            0 => {
                own.subject =
                    format!("{} {}", own.subject.split(' ').next().unwrap_or(""), text(rng))
            }
            1 => own.body = body(rng),
            2 if !all_day => {
                let minutes = SignedDuration::from_mins(5 + rng.below(20).cast_signed());
                let event = own.as_event_mut().expect("an event");
                let zone = &event.start.zone;
                let later = event.start.utc + minutes;
                // On the same day, so that it meets no neighbour.
                if zone.wall(later).date() == zone.wall(event.start.utc).date() {
                    event.start.utc = later;
                    event.end.utc = event.end.utc.max(later);
                }
            }
            2 | 3 => {
                let locations = vec![Location { name: text(rng), ..Location::default() }];
                own.as_event_mut().expect("an event").locations = locations;
            }
            4 => own.reminder.set = !own.reminder.set,
            5 => own.as_event_mut().expect("an event").show_as = *rng.pick(&SHOW_AS),
            6 => own.importance = *rng.pick(&IMPORTANCE),
            _ => own.categories = categories(rng),
        }
    }
}
