//! Any number of items that differ in all that can differ.

use crate::store::rng::Rng;
use crate::store::{
    Body, Content, Importance, Kind, Location, Mailbox, Person, Reminder, Role, Sensitivity,
    ShowAs, Zone, ZonedTime,
};
use jiff::civil::{Time, time};
use jiff::{SignedDuration, Timestamp};

const ZONES: [&str; 8] = [
    "W. Europe Standard Time",
    "GMT Standard Time",
    "Eastern Standard Time",
    "Pacific Standard Time",
    "India Standard Time",
    "Tokyo Standard Time",
    "AUS Eastern Standard Time",
    "UTC",
];
const SUBJECTS: [&str; 16] = [
    "Budget review",
    "Jour fixe Vertrieb",
    "1:1 with Priya",
    "Wartung Halle 3",
    "Customer call: Fabrikam & Söhne",
    "Release planning",
    "Arbeitsschutz-Unterweisung",
    "Lunch <optional>",
    "Vorstellungsgespräch",
    "会議 Tokyo",
    "Déjeuner d’équipe",
    "Steering committee",
    "Inventur",
    "Flight LH 1234 FRA–LHR",
    "🎉 Sommerfest",
    "Interview \"Backend\"",
];
const PLACES: [&str; 8] = [
    "",
    "Room 4.12",
    "Besprechungsraum Elbe",
    "Teams",
    "Werk 2, Tor B",
    "London",
    "Kantine",
    "Züri",
];
const CATEGORIES: [&str; 6] = ["Kunde", "Internal", "Projekt Ä", "Red category", "Travel", "HR"];
const SHOW_AS: [ShowAs; 5] =
    [ShowAs::Busy, ShowAs::Free, ShowAs::Tentative, ShowAs::OutOfOffice, ShowAs::WorkingElsewhere];
/// Days before and after now over which the items spread.
const SPREAD_DAYS: u64 = 365;

/// Puts `events` into the default calendar and `messages` into the inbox.
pub(super) fn fill(mailbox: &mut Mailbox, events: usize, messages: usize, mut rng: Rng) {
    let now = mailbox.now;
    let calendar = mailbox.role(Role::Calendar);
    for index in 0..events {
        mailbox.now = now - SignedDuration::from_hours(24 * rng.below(SPREAD_DAYS) as i64 + 1);
        let content = event(now, index, &mut rng);
        mailbox.create(calendar, content).expect("seeded events are valid");
    }
    let inbox = mailbox.role(Role::Inbox);
    for index in 0..messages {
        let at = now - SignedDuration::from_mins(rng.below(SPREAD_DAYS * 24 * 60) as i64 + 1);
        mailbox.now = at;
        let content = message(mailbox, at, index, &mut rng);
        mailbox.create(inbox, content).expect("seeded messages are valid");
    }
}

fn event(now: Timestamp, index: usize, rng: &mut Rng) -> Content {
    let zone = Zone::parse(rng.pick::<&str>(&ZONES)).expect("known zones");
    let all_day = rng.below(8) == 0;
    let days = rng.below(2 * SPREAD_DAYS) as i64 - SPREAD_DAYS as i64;
    let at = if all_day {
        Time::midnight()
    } else {
        time(rng.below(13) as i8 + 7, *rng.pick(&[0, 15, 30, 45]), 0, 0)
    };
    let day = zone.wall(now + SignedDuration::from_hours(24 * days)).date();
    let length = if all_day {
        SignedDuration::from_hours(24 * (rng.below(3) as i64 + 1))
    } else {
        SignedDuration::from_mins(*rng.pick(&[0, 15, 25, 30, 45, 60, 90, 180, 600]))
    };
    let start = day.to_datetime(at);
    let end = start + length;
    let utc = |wall| zone.instant(wall).expect("dates near now");
    let subject = format!("{} {}", rng.pick(&SUBJECTS), index + 1);
    // A skipped hour can swallow the whole length.
    let (start, end) = (utc(start), utc(end).max(utc(start)));
    let mut content = Content::event(
        &subject,
        ZonedTime { utc: start, zone: zone.clone() },
        ZonedTime { utc: end, zone },
    );
    content.body = body(index, rng);
    let skip = rng.below(3) as usize;
    let take = rng.below(3) as usize;
    content.categories =
        CATEGORIES.iter().skip(skip).take(take).map(|name| (*name).to_owned()).collect();
    content.reminder =
        Reminder { set: rng.below(3) > 0, minutes: *rng.pick(&[0, 5, 15, 30, 60, 1440]) };
    content.sensitivity = *rng.pick(&[
        Sensitivity::Normal,
        Sensitivity::Normal,
        Sensitivity::Private,
        Sensitivity::Personal,
        Sensitivity::Confidential,
    ]);
    content.importance =
        *rng.pick(&[Importance::Normal, Importance::Normal, Importance::High, Importance::Low]);
    if let Some(event) = content.as_event_mut() {
        event.all_day = all_day;
        event.show_as = *rng.pick(&SHOW_AS);
        let place = *rng.pick(&PLACES);
        if !place.is_empty() {
            event.locations.push(Location { name: place.to_owned(), ..Location::default() });
        }
    }
    content
}

fn body(index: usize, rng: &mut Rng) -> Body {
    match rng.below(3) {
        0 => Body::default(),
        1 => {
            Body::text(format!("Agenda {index}\r\n- Rückblick\r\n- Nächste Schritte & Fragen\r\n"))
        }
        _ => Body::html(format!(
            "<p>Notes for <b>item {index}</b>:</p><ul><li>Größe &lt; 5</li><li>next&nbsp;steps</li></ul>"
        )),
    }
}

fn message(mailbox: &Mailbox, at: Timestamp, index: usize, rng: &mut Rng) -> Content {
    let mut content = Content::message(&format!("{} {}", rng.pick(&SUBJECTS), index + 1));
    content.body = body(index, rng);
    content.importance = *rng.pick(&[Importance::Normal, Importance::Normal, Importance::High]);
    let owner = mailbox.owner();
    if let Kind::Message(message) = &mut content.kind {
        let address = format!("sender{}@fabrikam.example", rng.below(40));
        message.from = Some(Person { name: format!("Sender {}", index % 40), address });
        message.to = vec![owner];
        message.sent = Some(at);
        message.received = Some(at);
        message.read = rng.below(4) > 0;
        message.draft = false;
    }
    content
}
