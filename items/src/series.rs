//! A series and its occurrences: what an occurrence would be without a change of its own, and in
//! what it differs.

use crate::event::{Event, Occurrence, Timing};
use crate::field::Name;
use crate::recurrence::Recurrence;
use crate::{meaning, zone};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use std::collections::BTreeSet;

/// What can differ from one occurrence to the next.
pub(crate) const OWN: [Name; 9] = [
    Name::Subject,
    Name::Body,
    Name::Location,
    Name::Timing,
    Name::Categories,
    Name::Reminder,
    Name::ShowAs,
    Name::Sensitivity,
    Name::Importance,
];

impl Event {
    /// The day on which it starts, in its own zone.
    pub fn first_date(&self) -> Option<NaiveDate> {
        date_in(self.timing.as_ref()?, self.timing.as_ref()?)
    }

    /// The date on which the recurrence has an occurrence that was to start with `original`, by the
    /// clocks of the series.
    pub fn date_of(&self, original: &Timing) -> Option<NaiveDate> {
        date_in(self.timing.as_ref()?, original)
    }

    /// What its own clocks show when it starts; midnight where it lasts whole days.
    pub fn first_wall(&self) -> Option<NaiveDateTime> {
        match self.timing.as_ref()? {
            Timing::AllDay { start, .. } => Some(start.and_time(NaiveTime::MIN)),
            timing @ Timing::Timed { start, .. } => zone::to_wall(clock(timing), *start),
        }
    }

    /// The zones of its start and end.
    pub fn zones(&self) -> (Option<String>, Option<String>) {
        match &self.timing {
            Some(Timing::Timed { start_zone, end_zone, .. }) => {
                (start_zone.clone(), end_zone.clone())
            }
            Some(Timing::AllDay { zone, .. }) => (zone.clone(), zone.clone()),
            None => (None, None),
        }
    }

    /// Whether it is the master of a series.
    pub fn is_series(&self) -> bool {
        !matches!(self.recurrence, None | Some(Recurrence::Once))
    }

    /// Whether the clocks that Exchange has for its zone show what its own do as long as it goes on.
    /// By other clocks it would be another series.
    pub fn is_kept_by_windows(&self) -> bool {
        let Some(timing @ Timing::Timed { start, .. }) = &self.timing else { return true };
        let rule = self.recurrence.as_ref().and_then(Recurrence::rule);
        let last = rule.and_then(|rule| rule.last(self.first_date()?));
        let until = last.and_then(|date| date.checked_add_days(Days::new(2)));
        let until =
            until.map_or(i64::MAX, |date| date.and_time(NaiveTime::MIN).and_utc().timestamp());
        zone::is_kept_by_windows(clock(timing), *start, until)
    }

    /// When the occurrence of `date` takes place, unless it is moved: the same wall clock, and as
    /// long by it.
    pub fn timing_on(&self, date: NaiveDate) -> Option<Timing> {
        match self.timing.as_ref()? {
            Timing::AllDay { start, end, zone } => {
                let days = u64::try_from(end.signed_duration_since(*start).num_days()).ok()?;
                let end = date.checked_add_days(Days::new(days))?;
                Some(Timing::AllDay { start: date, end, zone: zone.clone() })
            }
            Timing::Timed { start, end, start_zone, end_zone } => {
                let clock = clock(self.timing.as_ref()?);
                let (from, to) = (zone::to_wall(clock, *start)?, zone::to_wall(clock, *end)?);
                let first = date.and_time(from.time());
                let last = first.checked_add_signed(to.signed_duration_since(from))?;
                let at = |wall: NaiveDateTime| zone::to_instant(clock, wall);
                Some(Timing::Timed {
                    start: at(first)?,
                    end: at(last)?,
                    start_zone: start_zone.clone(),
                    end_zone: end_zone.clone(),
                })
            }
        }
    }

    /// The occurrence of `date` as it would be without a change of its own.
    pub fn occurrence_on(&self, date: NaiveDate) -> Option<Self> {
        Some(Self {
            timing: Some(self.timing_on(date)?),
            recurrence: None,
            occurrences: None,
            ..self.clone()
        })
    }

    /// In what `occurrence` differs from what the series has on `date`. What the occurrence doesn't
    /// tell doesn't differ.
    pub fn difference(&self, date: NaiveDate, occurrence: &Self) -> Option<Occurrence> {
        let regular = self.occurrence_on(date)?;
        let (mine, theirs) = (meaning::of(&regular), meaning::of(occurrence));
        let differs = |name: &Name| {
            let field = BTreeSet::from([name.field()]);
            occurrence.has(*name) && theirs.only(&field) != mine.only(&field)
        };
        let fields = OWN.into_iter().filter(differs).map(Name::field).collect();
        Some(Occurrence::Changed(Box::new(occurrence.only(&fields))))
    }

    /// The occurrence of `date` with what is its own.
    pub fn changed_on(&self, date: NaiveDate, own: &Self) -> Option<Self> {
        let mut occurrence = self.occurrence_on(date)?;
        for field in own.present_fields() {
            // Its own fields are those that every event has.
            let _ = occurrence.take(&field, own);
        }
        Some(occurrence)
    }
}

/// The day on which `timing` starts by the clocks of `series`.
fn date_in(series: &Timing, timing: &Timing) -> Option<NaiveDate> {
    match timing {
        Timing::AllDay { start, .. } => Some(*start),
        Timing::Timed { start, .. } => Some(zone::to_wall(clock(series), *start)?.date()),
    }
}

/// The zone by whose clocks a series goes on; UTC where none is known.
fn clock(timing: &Timing) -> &str {
    let zone = match timing {
        Timing::AllDay { zone, .. } => zone.as_deref(),
        Timing::Timed { start_zone, end_zone, .. } => start_zone.as_deref().or(end_zone.as_deref()),
    };
    zone.filter(|name| zone::iana(name).is_some()).unwrap_or("UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recurrence::{End, Pattern, Rule};

    fn weekly() -> Event {
        let berlin = Some("W. Europe Standard Time".to_owned());
        // 2027-03-22T09:00 in Berlin, an hour.
        let (start, end) = (1_805_702_400, 1_805_706_000);
        let timing = Timing::Timed { start, end, start_zone: berlin.clone(), end_zone: berlin };
        let rule = Rule { pattern: Pattern::Daily { interval: 7 }, end: End::Never };
        Event {
            subject: Some("Stand-up".into()),
            timing: Some(timing),
            recurrence: Some(Recurrence::Rule(rule)),
            ..Event::default()
        }
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn occurrences_keep_their_wall_clock_over_a_change_of_the_clocks() {
        let event = weekly();
        assert_eq!(event.first_date(), Some(date("2027-03-22")));
        let Some(Timing::Timed { start, end, .. }) = event.timing_on(date("2027-03-29")) else {
            panic!("an occurrence");
        };
        assert_eq!((start - 1_805_702_400, end - start), (7 * 86_400 - 3600, 3600));
    }

    #[test]
    fn an_occurrence_differs_in_what_it_changes() {
        let event = weekly();
        let day = date("2027-03-29");
        let mut moved = event.occurrence_on(day).expect("an occurrence");
        let same = event.difference(day, &moved).expect("a difference");
        assert_eq!(same, Occurrence::Changed(Box::default()));
        moved.subject = Some("Retro".into());
        let Some(Occurrence::Changed(own)) = event.difference(day, &moved) else {
            panic!("a difference");
        };
        assert_eq!(own.present_fields(), BTreeSet::from([Name::Subject.field()]));
        assert_eq!(event.changed_on(day, &own), Some(moved));
    }
}
