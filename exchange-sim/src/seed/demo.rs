//! Two people's calendars around now, to show something that looks like life.

use crate::store::rng::Rng;
use crate::store::{
    Attendee, AttendeeRole, Body, Content, Location, Mailbox, Person, Reminder, Response, Role,
    Sensitivity, ShowAs, Zone, ZonedTime,
};
use jiff::SignedDuration;
use jiff::civil::Time;

/// One event: all that a line of a table says.
struct Row {
    /// Days from today.
    day: i64,
    /// `HH:MM`, or empty for all day.
    at: &'static str,
    /// Minutes, or days for all day.
    length: i64,
    subject: &'static str,
    place: &'static str,
    category: &'static str,
    notes: &'static str,
}

const fn row(
    day: i64,
    at: &'static str,
    length: i64,
    subject: &'static str,
    place: &'static str,
    category: &'static str,
    notes: &'static str,
) -> Row {
    Row { day, at, length, subject, place, category, notes }
}

const GERMAN: [Row; 21] = [
    row(-20, "", 5, "Urlaub Ostsee", "Warnemünde", "Privat", ""),
    row(
        -13,
        "09:00",
        60,
        "Jour fixe Produktion",
        "Besprechungsraum Elbe",
        "Intern",
        "Kennzahlen KW",
    ),
    row(
        -9,
        "14:00",
        90,
        "Lieferantengespräch Fabrikam GmbH & Co. KG",
        "Werk 2",
        "Kunde",
        "<p>Themen: <b>Preise</b>, Liefertermine</p>",
    ),
    row(
        -6,
        "09:00",
        60,
        "Jour fixe Produktion",
        "Besprechungsraum Elbe",
        "Intern",
        "Kennzahlen KW",
    ),
    row(-5, "08:00", 30, "Zahnarzt", "Praxis Dr. Lüders", "Privat", ""),
    row(
        -2,
        "10:30",
        45,
        "Budgetabstimmung 2027",
        "Teams",
        "Finanzen",
        "Vorlage liegt auf dem Laufwerk.\r\nBitte vorher lesen.",
    ),
    row(
        -1,
        "16:00",
        60,
        "Rücksprache Personal: Elternzeit Müller",
        "Raum 2.04",
        "Personal",
        "vertraulich",
    ),
    row(0, "08:30", 15, "Daily", "Teams", "Intern", ""),
    row(
        0,
        "11:00",
        60,
        "Kundentermin Tailspin Toys",
        "Hamburg, Großer Burstah 12",
        "Kunde",
        "<p>Angebot 4711 mitnehmen</p>",
    ),
    row(0, "15:00", 30, "Freigabe Messestand", "", "Marketing", "Entwurf C ist der Favorit"),
    row(1, "09:00", 120, "Schulung Arbeitsschutz", "Kantine", "Pflicht", "Teilnahme ist Pflicht."),
    row(
        1,
        "13:30",
        60,
        "Vorstellungsgespräch Frau Öztürk",
        "Raum 2.04",
        "Personal",
        "Lebenslauf im Anhang der Einladung",
    ),
    row(2, "", 1, "Inventur", "Lager Süd", "Intern", ""),
    row(2, "17:30", 150, "Weihnachtsfeier Planung", "Brauhaus", "Team", ""),
    row(5, "09:00", 60, "Jour fixe Produktion", "Besprechungsraum Elbe", "Intern", "Kennzahlen KW"),
    row(
        6,
        "10:00",
        45,
        "Abstimmung Schnittstelle ERP – Exchange",
        "Teams",
        "Projekt",
        "<ul><li>Termine</li><li>Kontakte</li></ul>",
    ),
    row(
        8,
        "07:15",
        480,
        "Dienstreise München (ICE 585)",
        "München Hbf",
        "Reise",
        "Wagen 23, Platz 41",
    ),
    row(9, "14:00", 60, "Quartalsgespräch mit Ben", "Teams", "Intern", ""),
    row(14, "11:00", 30, "TÜV Gabelstapler", "Werk 2, Tor B", "Pflicht", ""),
    row(20, "", 2, "Messe Nürnberg", "Nürnberg", "Marketing", "<p>Halle 7, Stand 311</p>"),
    row(30, "", 9, "Betriebsruhe", "", "Intern", ""),
];

const ENGLISH: [Row; 20] = [
    row(-16, "10:00", 60, "Board pre-read", "", "Finance", "Figures to be confirmed"),
    row(-12, "09:30", 30, "1:1 Priya", "Teams", "Team", ""),
    row(
        -8,
        "15:00",
        45,
        "Contoso UK pipeline review",
        "Room Thames",
        "Sales",
        "<p>Top five deals only</p>",
    ),
    row(-5, "09:30", 30, "1:1 Priya", "Teams", "Team", ""),
    row(-3, "12:30", 60, "Lunch with Northwind Traders", "Borough Market", "Customer", ""),
    row(
        -2,
        "16:30",
        30,
        "Security awareness training",
        "Online",
        "Mandatory",
        "Certificate is mailed afterwards",
    ),
    row(-1, "", 1, "Out of office", "", "Leave", ""),
    row(0, "09:00", 15, "Stand-up", "Teams", "Team", ""),
    row(
        0,
        "10:00",
        60,
        "Migration steering committee",
        "Room Thames",
        "Project",
        "<p>Cut-over date &amp; rollback plan</p>",
    ),
    row(
        0,
        "14:30",
        30,
        "Call: Adventure Works contract",
        "Phone",
        "Customer",
        "Dial-in +44 20 7946 0000",
    ),
    row(1, "09:30", 30, "1:1 Priya", "Teams", "Team", ""),
    row(
        1,
        "11:00",
        90,
        "Interview panel: integration engineer",
        "Room Avon",
        "HR",
        "Score sheets on the share",
    ),
    row(2, "13:00", 60, "Payroll cut-off review", "", "HR", ""),
    row(3, "15:30", 60, "Demo for Wingtip", "Teams", "Sales", "<p>Use the <i>new</i> tenant</p>"),
    row(6, "08:00", 240, "Flight LHR–HAM and transfer", "Heathrow T5", "Travel", "Seat 7C"),
    row(
        7,
        "09:00",
        420,
        "Workshop Hamburg",
        "Besprechungsraum Elbe",
        "Project",
        "Agenda:\r\n1. Calendars\r\n2. Mail\r\n3. Who decides conflicts",
    ),
    row(9, "13:00", 60, "Quarterly catch-up with Anna", "Teams", "Internal", ""),
    row(13, "", 1, "Company day", "London", "Team", ""),
    row(15, "17:00", 120, "Winter drinks", "The Anchor", "Team", ""),
    row(27, "", 6, "Annual leave", "Cornwall", "Leave", ""),
];

/// Fills the calendar, German in the first mailbox, English in the others.
pub(super) fn fill(mailbox: &mut Mailbox, index: usize, mut rng: Rng) {
    let (rows, zone): (&[Row], &str) = match index {
        0 => (&GERMAN, "W. Europe Standard Time"),
        _ => (&ENGLISH, "GMT Standard Time"),
    };
    let zone = Zone::parse(zone).expect("a known zone");
    let now = mailbox.now;
    let calendar = mailbox.role(Role::Calendar);
    for row in rows {
        mailbox.now = now - SignedDuration::from_hours(24 * (30 + rng.below(60) as i64));
        let content = event(mailbox, row, &zone, now);
        mailbox.create(calendar, content).expect("demo events are valid");
    }
}

fn event(mailbox: &Mailbox, row: &Row, zone: &Zone, now: jiff::Timestamp) -> Content {
    let day = zone.wall(now + SignedDuration::from_hours(24 * row.day)).date();
    let all_day = row.at.is_empty();
    let at: Time = if all_day { Time::midnight() } else { row.at.parse().expect("a time") };
    let start = day.to_datetime(at);
    let length = SignedDuration::from_mins(if all_day { row.length * 24 * 60 } else { row.length });
    let zoned =
        |wall| ZonedTime { utc: zone.instant(wall).expect("a date near now"), zone: zone.clone() };
    let mut content = Content::event(row.subject, zoned(start), zoned(start + length));
    content.categories.push(row.category.to_owned());
    content.body =
        if row.notes.starts_with('<') { Body::html(row.notes) } else { Body::text(row.notes) };
    content.reminder =
        if all_day { Reminder { set: false, minutes: 15 } } else { Reminder::DEFAULT };
    if matches!(row.category, "Privat" | "HR" | "Personal" | "Leave") {
        content.sensitivity = Sensitivity::Private;
    }
    let meets_colleague = row.subject.contains("mit Ben");
    let owner = mailbox.owner();
    if let Some(event) = content.as_event_mut() {
        event.all_day = all_day;
        event.show_as = show_as(row);
        if !row.place.is_empty() {
            event.locations.push(Location { name: row.place.to_owned(), ..Location::default() });
        }
        if meets_colleague {
            let host = owner.address.split('@').nth(1).unwrap_or("contoso.example");
            event.attendees.push(Attendee {
                person: Person {
                    name: "Ben Carter".to_owned(),
                    address: format!("ben.carter@{host}"),
                },
                role: AttendeeRole::Required,
                response: Response::Accepted,
                responded: None,
            });
        }
    }
    content
}

fn show_as(row: &Row) -> ShowAs {
    match row.category {
        "Leave" | "Privat" => ShowAs::OutOfOffice,
        "Reise" | "Travel" => ShowAs::WorkingElsewhere,
        "Team" => ShowAs::Tentative,
        _ if row.at.is_empty() => ShowAs::Free,
        _ => ShowAs::Busy,
    }
}
