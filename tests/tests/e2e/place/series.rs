//! Series, as their owner changes them, and an event of the local store as a mailbox would hold it.

use super::{Change, Handle, Place, on_content, on_event};
use exchange_sim::store::recurrence::{self, Recurrence, Weekdays};
use exchange_sim::store::{
    Body, BodyKind, Content, DeleteType, Importance, ItemRef, Location, Sensitivity, Series,
    ShowAs, Zone, ZonedTime,
};
use items::recurrence::{End, Index, Pattern, Weekday};
use items::{Event, Occurrence, Reminder, Rule, Timing};
use jiff::Timestamp;
use jiff::civil::Date;
use std::fmt::Display;
use std::sync::Arc;

impl Place {
    /// Changes one occurrence; nothing happens where it is gone.
    pub fn change_on(&self, handle: &Handle, date: Date, change: &Change) {
        if let (Self::Mailbox { .. }, Handle::Item(id)) = (self, handle) {
            let at = ItemRef { id: *id, date: Some(date) };
            return self.mailbox(|mailbox| {
                let Ok(item) = mailbox.opened(at) else { return };
                let mut content = item.content.clone();
                on_content(&mut content, change);
                mailbox.update(at, None, content).expect("a valid occurrence");
            });
        }
        self.put_on(handle, date, |event, before| {
            let mut own = match before {
                Some(Occurrence::Changed(own)) => *own,
                Some(Occurrence::Deleted) | None => Event::default(),
            };
            // A category is added to those of the series.
            if let Change::Category(_) = change {
                own.categories = own.categories.or_else(|| event.categories.clone());
            }
            on_event(&mut own, change);
            Occurrence::Changed(Box::new(own))
        });
    }

    /// Deletes one occurrence, which must not be the last.
    pub fn delete_on(&self, handle: &Handle, date: Date) {
        if let (Self::Mailbox { .. }, Handle::Item(id)) = (self, handle) {
            let at = ItemRef { id: *id, date: Some(date) };
            return self.mailbox(|mailbox| {
                mailbox.delete(at, DeleteType::MoveToDeletedItems).expect("it is there");
            });
        }
        self.put_on(handle, date, |_, _| Occurrence::Deleted);
    }

    /// Writes one occurrence of a series in the local store.
    fn put_on(
        &self,
        handle: &Handle,
        date: Date,
        make: impl FnOnce(&Event, Option<Occurrence>) -> Occurrence,
    ) {
        let Some(event) = self.local(handle) else { return };
        let mut occurrences = event.occurrences.clone().unwrap_or_default();
        let date = parsed(&date);
        let made = make(&event, occurrences.remove(&date));
        occurrences.insert(date, made);
        let occurrences = Some(occurrences);
        self.put(&Event { uid: event.uid, occurrences, ..Event::default() });
    }
}

/// Which occurrences stay as they are where `patch` is put on `event`: none with another pattern or
/// start, as Exchange has it, and those within the range with another end.
pub(super) fn staying(event: &Event, patch: &mut Event) {
    if patch.timing.is_none() && patch.recurrence.is_none() {
        return;
    }
    let is_kept = patch.timing.is_none() && pattern(event) == pattern(patch);
    let changed = Event { recurrence: patch.recurrence.clone(), ..event.clone() };
    let mut occurrences = event.occurrences.clone().unwrap_or_default();
    let range = recurring(&changed);
    occurrences
        .retain(|date, _| is_kept && range.is_some_and(|range| range.occurs_on(parsed(date))));
    patch.occurrences = Some(occurrences);
}

fn pattern(event: &Event) -> Option<&Pattern> {
    event.recurrence.as_ref()?.rule().map(|rule| &rule.pattern)
}

/// An event of the local store as a mailbox would hold it.
pub fn content(event: &Event) -> Content {
    let nowhen = ZonedTime { utc: Timestamp::UNIX_EPOCH, zone: Zone::utc() };
    let mut content = Content::event("", nowhen.clone(), nowhen);
    content.reminder.set = false;
    apply(&mut content, event);
    let Some(recurrence) = recurring(event) else { return content };
    let mut series = Series::new(recurrence);
    for (date, occurrence) in event.occurrences.iter().flatten() {
        let date: Date = parsed(date);
        match occurrence {
            Occurrence::Deleted => drop(series.deleted.insert(date)),
            Occurrence::Changed(own) => {
                let mut exception = self::occurrence(&content, date);
                apply(&mut exception, own);
                series.exceptions.insert(date, exception);
            }
        }
    }
    content.as_event_mut().expect("an event").series = Some(Arc::new(series));
    content
}

/// The occurrence of `date` without anything of its own: by the clocks of the series' zone.
pub fn occurrence(master: &Content, date: Date) -> Content {
    let mut content = master.clone();
    let event = content.as_event_mut().expect("an event");
    let zone = event.start.zone.clone();
    let (first, last) = (zone.wall(event.start.utc), zone.wall(event.end.utc));
    let start = date.to_datetime(first.time());
    let end = start.checked_add(first.duration_until(last)).expect("a year of four digits");
    event.start.utc = zone.instant(start).expect("a year of four digits");
    event.end.utc = zone.instant(end).expect("a year of four digits");
    event.series = None;
    content
}

/// Gives `content` the fields that `from` holds, except for those of a series.
fn apply(content: &mut Content, from: &Event) {
    if let Some(subject) = &from.subject {
        content.subject.clone_from(subject);
    }
    if let Some(body) = &from.body {
        let kind = match body.kind {
            items::BodyKind::Text => BodyKind::Text,
            items::BodyKind::Html => BodyKind::Html,
        };
        content.body = Body { kind, content: body.content.clone() };
    }
    if let Some(categories) = &from.categories {
        content.categories.clone_from(categories);
    }
    if let Some(reminder) = from.reminder {
        content.reminder.set = reminder != Reminder::Off;
        if let Reminder::Before(minutes) = reminder {
            content.reminder.minutes = minutes;
        }
    }
    if let Some(sensitivity) = from.sensitivity {
        content.sensitivity = match sensitivity {
            items::Sensitivity::Normal => Sensitivity::Normal,
            items::Sensitivity::Personal => Sensitivity::Personal,
            items::Sensitivity::Private => Sensitivity::Private,
            items::Sensitivity::Confidential => Sensitivity::Confidential,
        };
    }
    if let Some(importance) = from.importance {
        content.importance = match importance {
            items::Importance::Low => Importance::Low,
            items::Importance::Normal => Importance::Normal,
            items::Importance::High => Importance::High,
        };
    }
    let event = content.as_event_mut().expect("an event");
    if let Some(name) = &from.location {
        event.locations = vec![Location { name: name.clone(), ..Location::default() }];
    }
    if let Some(timing) = &from.timing {
        (event.start, event.end, event.all_day) = times(timing);
    }
    if let Some(show_as) = from.show_as {
        event.show_as = match show_as {
            items::ShowAs::Free => ShowAs::Free,
            items::ShowAs::Tentative => ShowAs::Tentative,
            items::ShowAs::Busy => ShowAs::Busy,
            items::ShowAs::OutOfOffice => ShowAs::OutOfOffice,
            items::ShowAs::WorkingElsewhere => ShowAs::WorkingElsewhere,
        };
    }
}

fn times(timing: &Timing) -> (ZonedTime, ZonedTime, bool) {
    let zone =
        |name: &Option<String>| name.as_deref().and_then(Zone::parse).unwrap_or_else(Zone::utc);
    match timing {
        Timing::Timed { start, end, start_zone, end_zone } => {
            let at = |second: i64, name: &Option<String>| ZonedTime {
                utc: Timestamp::from_second(second).expect("a year of four digits"),
                zone: zone(name),
            };
            (at(*start, start_zone), at(*end, end_zone), false)
        }
        Timing::AllDay { start, end, zone: name } => {
            let at = |date: &dyn Display| {
                let (date, zone): (Date, Zone) = (parsed(date), zone(name));
                let utc = zone.instant(date.at(0, 0, 0, 0)).expect("a year of four digits");
                ZonedTime { utc, zone }
            };
            (at(start), at(end), true)
        }
    }
}

/// How an event of the local store recurs, if it does.
fn recurring(event: &Event) -> Option<Recurrence> {
    let rule = event.recurrence.as_ref()?.rule()?;
    let (start, ..) = times(event.timing.as_ref()?);
    Some(of_rule(rule, start.zone.wall(start.utc).date()))
}

/// The same rule in the server's words, for a series that starts on `first`.
pub fn of_rule(rule: &Rule, first: Date) -> Recurrence {
    let small = |number: u32| u8::try_from(number).expect("a day or a month");
    let pattern = match &rule.pattern {
        Pattern::Daily { interval } => recurrence::Pattern::Daily { interval: *interval },
        Pattern::Weekly { interval, days, first_day } => recurrence::Pattern::Weekly {
            interval: *interval,
            days: weekdays(days),
            first_day: weekday(*first_day),
        },
        Pattern::AbsoluteMonthly { interval, day } => {
            recurrence::Pattern::AbsoluteMonthly { interval: *interval, day: small(*day) }
        }
        Pattern::RelativeMonthly { interval, index, days } => {
            recurrence::Pattern::RelativeMonthly {
                interval: *interval,
                days: weekdays(days),
                index: of_index(*index),
            }
        }
        Pattern::AbsoluteYearly { interval, month, day } => recurrence::Pattern::AbsoluteYearly {
            interval: *interval,
            month: small(*month),
            day: small(*day),
        },
        Pattern::RelativeYearly { interval, month, index, days } => {
            recurrence::Pattern::RelativeYearly {
                interval: *interval,
                days: weekdays(days),
                index: of_index(*index),
                month: small(*month),
            }
        }
    };
    Recurrence { pattern, range: recurrence::Range { start: first, end: of_end(rule.end) } }
}

/// The same end in the server's words.
pub fn of_end(end: End) -> recurrence::End {
    match end {
        End::Never => recurrence::End::Never,
        End::On(date) => recurrence::End::On(parsed(&date)),
        End::Count(count) => recurrence::End::Count(count),
    }
}

fn weekdays<'a>(days: impl IntoIterator<Item = &'a Weekday>) -> Weekdays {
    days.into_iter().map(|day| weekday(*day)).collect()
}

fn weekday(day: Weekday) -> jiff::civil::Weekday {
    match day {
        Weekday::Monday => jiff::civil::Weekday::Monday,
        Weekday::Tuesday => jiff::civil::Weekday::Tuesday,
        Weekday::Wednesday => jiff::civil::Weekday::Wednesday,
        Weekday::Thursday => jiff::civil::Weekday::Thursday,
        Weekday::Friday => jiff::civil::Weekday::Friday,
        Weekday::Saturday => jiff::civil::Weekday::Saturday,
        Weekday::Sunday => jiff::civil::Weekday::Sunday,
    }
}

fn of_index(index: Index) -> recurrence::Index {
    match index {
        Index::First => recurrence::Index::First,
        Index::Second => recurrence::Index::Second,
        Index::Third => recurrence::Index::Third,
        Index::Fourth => recurrence::Index::Fourth,
        Index::Last => recurrence::Index::Last,
    }
}

/// A date of one calendar library as another has it.
pub fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(date: &dyn Display) -> T {
    date.to_string().parse().expect("ISO 8601")
}
