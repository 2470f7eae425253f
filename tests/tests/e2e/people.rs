//! People with a client of their own on either side, who do what a seed says.

mod series;

use super::ledger::Ledger;
use super::place::{Change, Place, Standing, When};
use exchange_sim::store::rng::Rng;
use exchange_sim::store::{Importance, Sensitivity, ShowAs};
use jiff::civil::date;

const ZONES: [&str; 6] =
    ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC", "Asia/Kolkata", "Australia/Sydney"];

/// 2026-11-25 08:00 UTC, where the server's clock starts, in minutes.
const START_MINUTE: i64 = 1_795_593_600 / 60;

/// The people of both sides, and what they did.
pub struct People {
    pub places: [Place; 2],
    pub ledger: Ledger,
    pub log: Vec<String>,
    rng: Rng,
    written: u64,
    /// How many of the events are series.
    series_percent: u64,
}

impl People {
    pub fn new(places: [Place; 2], rng: Rng, series_percent: u64) -> Self {
        Self { places, ledger: Ledger::default(), log: vec![], rng, written: 0, series_percent }
    }

    /// The same event on both sides before anything else.
    pub fn share(&mut self) {
        let number = self.next();
        let (subject, uid) = (format!("#{number} shared"), format!("shared-{number}@contoso"));
        let (when, changes) = self.event();
        for place in &self.places {
            place.create(&subject, Some(&uid), &when, &changes);
        }
        let standing = self.places[0].find(&subject).expect("just made");
        self.ledger.shared(&standing.look);
        self.log.push(format!("both have #{number}"));
    }

    /// Someone makes an event.
    pub fn create(&mut self, side: usize) {
        let number = self.next();
        let subject = format!("#{number} new");
        let (when, changes) = self.event();
        self.places[side].create(&subject, None, &when, &changes);
        let standing = self.places[side].find(&subject).expect("just made");
        self.ledger.created(side, &standing.look);
        self.log.push(format!("side {side} makes #{number}"));
    }

    /// Someone does something.
    pub fn act(&mut self) {
        let side = self.rng.below(2) as usize;
        let standing = self.places[side].standing();
        let choice = self.rng.below(10);
        if choice < 2 || standing.is_empty() {
            return self.create(side);
        }
        let chosen = self.rng.pick(&standing).clone();
        match choice {
            2 | 3 if self.series_percent == 0 || self.rng.below(3) == 0 => {
                self.delete(side, &chosen);
            }
            _ if chosen.look["recurs"] != "once" => self.edit_series(side, &chosen),
            _ if self.repeats() => self.repeat(side, &chosen),
            _ => {
                let change = self.change(&chosen.look["subject"]);
                self.apply(side, &chosen, &change);
            }
        }
    }

    fn delete(&mut self, side: usize, chosen: &Standing) {
        self.places[side].delete(&chosen.handle);
        self.ledger.deleted(side, &chosen.look);
        self.log.push(format!("side {side} deletes {:?}", chosen.look["subject"]));
    }

    fn apply(&mut self, side: usize, chosen: &Standing, change: &Change) {
        self.places[side].change(&chosen.handle, change);
        self.wrote(side, chosen, &format!("{change:?}"));
    }

    fn wrote(&mut self, side: usize, chosen: &Standing, what: &str) {
        let find = |standing: Vec<Standing>| {
            standing
                .into_iter()
                .find(|s| format!("{:?}", s.handle) == format!("{:?}", chosen.handle))
        };
        let after = find(self.places[side].standing()).expect("it was only changed");
        self.ledger.changed(side, &chosen.look, &after.look);
        self.log.push(format!("side {side} changes {:?}: {what}", chosen.look["subject"]));
    }

    /// A time and details of a new event.
    fn event(&mut self) -> (When, Vec<Change>) {
        if !self.repeats() {
            return (self.when(), self.details());
        }
        let when = self.series_when();
        let mut details = self.details();
        details.push(Change::Recurs(Some(self.rule(when.first()))));
        (when, details)
    }

    fn change(&mut self, subject: &str) -> Change {
        let n = self.next();
        match self.rng.below(11) {
            0 | 1 => {
                let number = subject.split(' ').next().unwrap_or_default();
                Change::Subject(format!("{number} Besprechung <{n}> & \u{1f389}"))
            }
            2 => Change::Text(format!("Zeile {n}\r\n- Größe < 5 & mehr\r\n\r\nEnde")),
            3 => Change::Html(format!("<p>Zeile <b>{n}</b> &amp; Größe</p><p>Ende</p>")),
            4 | 5 => Change::Location(format!("Raum {n}")),
            6 | 7 => Change::When(self.when()),
            8 => Change::Category(format!("Gruppe {n}")),
            9 => Change::Reminder(Some(i32::try_from(1000 + n).unwrap_or_default())),
            _ => self.untracked(),
        }
    }

    fn untracked(&mut self) -> Change {
        match self.rng.below(3) {
            0 => Change::ShowAs(*self.rng.pick(&[
                ShowAs::Free,
                ShowAs::Tentative,
                ShowAs::Busy,
                ShowAs::OutOfOffice,
                ShowAs::WorkingElsewhere,
            ])),
            1 => Change::Sensitivity(*self.rng.pick(&[
                Sensitivity::Normal,
                Sensitivity::Personal,
                Sensitivity::Private,
                Sensitivity::Confidential,
            ])),
            _ => Change::Importance(*self.rng.pick(&[
                Importance::Low,
                Importance::Normal,
                Importance::High,
            ])),
        }
    }

    fn details(&mut self) -> Vec<Change> {
        let count = self.rng.below(5);
        let mut details = vec![];
        for _ in 0..count {
            match self.change("") {
                Change::Subject(_) | Change::When(_) => details.push(self.untracked()),
                change => details.push(change),
            }
        }
        details
    }

    /// A time that nobody used before.
    fn when(&mut self) -> When {
        let zone = *self.rng.pick::<&'static str>(&ZONES);
        let n = self.next().cast_signed();
        if self.rng.below(5) == 0 {
            let first = date(2026, 1, 1) + jiff::Span::new().days(n);
            // A series of longer ones would overlap itself.
            let days = if self.series_percent > 0 { 1 } else { 1 + n % 3 };
            return When::Days { first, days, zone };
        }
        let minute = START_MINUTE + (n % 300 - 150) * 24 * 60 + n;
        When::Timed { minute, minutes: *self.rng.pick(&[0, 15, 60, 600]), zone }
    }

    /// A number that stands for nothing yet.
    fn next(&mut self) -> u64 {
        self.written += 1;
        self.written
    }
}
