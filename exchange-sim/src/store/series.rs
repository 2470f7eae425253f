//! Series: an event that recurs, with its exceptions and deleted occurrences.
//!
//! As on Exchange all of them live inside the master; an occurrence is made up when it is asked
//! for, and a change of one is a change of the master (MS-OXOCAL 2.2.1.44).

use super::Error;
use super::changes::{What, Window};
use super::folder::FolderId;
use super::item::{Content, Event, Item, ItemId, ItemRef, ZonedTime};
use super::mailbox::Mailbox;
use super::meeting::keep_answers;
use super::recurrence::Recurrence;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What makes an event the master of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// On which dates it takes place, in the zone of the master's start.
    pub recurrence: Recurrence,
    /// Occurrences that differ, by the date on which the recurrence has them.
    pub exceptions: BTreeMap<Date, Content>,
    /// Dates whose occurrence was deleted.
    pub deleted: BTreeSet<Date>,
}

/// What an item is of a series that it isn't stored apart from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The date on which the recurrence has it.
    pub date: Date,
    /// When it would start were it no exception.
    pub original_start: Timestamp,
    /// Whether it differs from the master in more than its time.
    pub is_exception: bool,
}

impl Series {
    /// A series without exceptions.
    pub fn new(recurrence: Recurrence) -> Self {
        Self { recurrence, exceptions: BTreeMap::new(), deleted: BTreeSet::new() }
    }

    /// The dates that take place, exceptions included, from `from` on.
    pub fn dates_from(&self, from: Date) -> impl Iterator<Item = Date> {
        self.recurrence.dates_from(from).filter(|date| !self.deleted.contains(date))
    }
}

impl Event {
    /// The recurrence of a series' master.
    pub fn recurrence(&self) -> Option<&Recurrence> {
        self.series.as_ref().map(|series| &series.recurrence)
    }

    /// The series to change; contents share it until then.
    pub(super) fn series_mut(&mut self) -> Option<&mut Series> {
        self.series.as_mut().map(Arc::make_mut)
    }

    /// The instant at which a series starts on a date of its recurrence.
    pub fn start_on(&self, date: Date) -> Option<Timestamp> {
        self.times_on(date).map(|(start, _)| start.utc)
    }

    /// Start and end on a date: the wall clock of the start's zone is kept, and the length by it.
    fn times_on(&self, date: Date) -> Option<(ZonedTime, ZonedTime)> {
        let zone = &self.start.zone;
        let (first, last) = (zone.wall(self.start.utc), zone.wall(self.end.utc));
        let start = date.to_datetime(first.time());
        let end = start.checked_add(first.duration_until(last)).ok()?;
        let start = ZonedTime { utc: zone.instant(start)?, zone: zone.clone() };
        let end = ZonedTime { utc: zone.instant(end)?, zone: self.end.zone.clone() };
        Some((start, end))
    }

    /// Days that one occurrence may reach into, the day of its start included.
    fn days(&self) -> i64 {
        self.end.utc.duration_since(self.start.utc).as_hours() / 24 + 2
    }

    /// Whether an occurrence would begin before the one before it is over.
    fn overlaps_itself(&self, recurrence: &Recurrence) -> bool {
        let day = SignedDuration::from_hours(24);
        if self.end.utc.duration_since(self.start.utc) <= day {
            return false;
        }
        // Patterns repeat themselves long before that many.
        let times = |date| self.times_on(date).map(|(start, end)| (start.utc, end.utc));
        let times: Vec<_> = recurrence.dates().take(100).filter_map(times).collect();
        times.windows(2).any(|pair| pair[0].1 > pair[1].0)
    }

    /// Puts the start of a series on its first date, and a start that was moved into its range.
    pub(super) fn settle_series(&mut self, before: Option<&Event>) -> Result<(), Error> {
        let date = self.start.zone.wall(self.start.utc).date();
        let Some(series) = self.series.as_mut().map(Arc::make_mut) else { return Ok(()) };
        // The range starts with its first occurrence (MS-OXOCAL 2.2.1.44.1: StartDate).
        series.recurrence.settle();
        if let Some(before) = before
            && let Some(old) = &before.series
        {
            let was = before.start.zone.wall(before.start.utc).date();
            if old.recurrence == series.recurrence && date != was {
                series.recurrence.range.start = date;
            }
            let is_same = old.recurrence.pattern == series.recurrence.pattern
                && old.recurrence.range.start == series.recurrence.range.start
                && before.start == self.start;
            // Another end brings no deleted occurrence back (GitHub: ews-managed-api 235).
            let recurrence = series.recurrence;
            series.exceptions.retain(|date, _| is_same && recurrence.occurs_on(*date));
            series.deleted.retain(|date| is_same && recurrence.occurs_on(*date));
        }
        series.recurrence.check().map_err(Error::Recurrence)?;
        series.recurrence.settle();
        let recurrence = series.recurrence;
        let first = recurrence.range.start;
        if series.dates_from(first).next().is_none() {
            return Err(Error::NoOccurrence);
        }
        if self.overlaps_itself(&recurrence) {
            return Err(Error::OccurrencesOverlap);
        }
        if first != date {
            let (start, end) = self.times_on(first).ok_or(Error::NoOccurrence)?;
            (self.start, self.end) = (start, end);
        }
        Ok(())
    }
}

impl Item {
    /// How to address it.
    pub fn reference(&self) -> ItemRef {
        ItemRef { id: self.id, date: self.occurrence.as_ref().map(|occurrence| occurrence.date) }
    }

    /// The series, if it is a master.
    pub fn series(&self) -> Option<&Series> {
        self.content.as_event()?.series.as_deref()
    }

    /// The occurrence on a date of the recurrence; `None` where there is none or it is deleted.
    pub fn occurrence_on(&self, date: Date) -> Option<Item> {
        let event = self.content.as_event()?;
        let series = event.series.as_deref()?;
        if series.deleted.contains(&date) || !series.recurrence.occurs_on(date) {
            return None;
        }
        let (start, end) = event.times_on(date)?;
        let original_start = start.utc;
        let exception = series.exceptions.get(&date);
        let content = match exception {
            Some(exception) => exception.clone(),
            None => self.content.occurring(start, end),
        };
        let is_exception = exception.is_some();
        let occurrence = Some(Occurrence { date, original_start, is_exception });
        Some(Item {
            id: self.id,
            folder: self.folder,
            moves: self.moves,
            change: self.change,
            created: self.created,
            modified: self.modified,
            transaction_id: None,
            search_key: self.search_key,
            occurrence,
            content,
        })
    }

    /// The dates of a series whose occurrences may touch a window, unordered.
    fn dates_about(&self, window: Window) -> impl Iterator<Item = Date> {
        let master = self.content.as_event().zip(self.series());
        master.into_iter().flat_map(move |(event, series)| {
            let zone = &event.start.zone;
            let from = zone.wall(window.start).date().saturating_sub(event.days().days());
            let to = zone.wall(window.end).date().saturating_add(1.days());
            let regular = series
                .dates_from(from)
                .take_while(move |date| *date <= to)
                .filter(|date| !series.exceptions.contains_key(date));
            regular.chain(series.exceptions.keys().copied())
        })
    }

    /// How many entries a page about a window needs for it: a series about as many as it has
    /// occurrences there, and one for its master.
    pub fn size_in(&self, window: Window) -> usize {
        1 + self.dates_about(window).count()
    }

    /// The start of the occurrence on a date, where it touches a window.
    fn start_in(&self, window: Window, date: Date) -> Option<Timestamp> {
        let event = self.content.as_event()?;
        let exception = self.series()?.exceptions.get(&date);
        let (start, end) = match exception.and_then(Content::as_event) {
            Some(exception) => (exception.start.utc, exception.end.utc),
            None => event.times_on(date).map(|(start, end)| (start.utc, end.utc))?,
        };
        window.touches(start, end).then_some(start)
    }

    fn starts_in(&self, window: Window) -> impl Iterator<Item = (Timestamp, Date)> {
        self.dates_about(window)
            .filter_map(move |date| self.start_in(window, date).map(|start| (start, date)))
    }

    /// The occurrences that touch a window, by start; each is made up when it is reached.
    pub fn occurrences_in(&self, window: Window) -> impl Iterator<Item = Item> {
        self.references_in(window).into_iter().filter_map(|at| self.occurrence_on(at.date?))
    }

    /// The same, without making them up.
    pub fn references_in(&self, window: Window) -> Vec<ItemRef> {
        let mut found: Vec<(Timestamp, Date)> = self.starts_in(window).collect();
        found.sort();
        found.into_iter().map(|(_, date)| ItemRef { id: self.id, date: Some(date) }).collect()
    }

    /// Whether an event, or any occurrence of a series, touches a window.
    pub fn is_in(&self, window: Window) -> bool {
        match self.series() {
            Some(_) => self.starts_in(window).next().is_some(),
            None => self.content.as_event().is_some_and(|event| event.is_in(window)),
        }
    }
}

impl Content {
    /// What one occurrence has of its master.
    fn occurring(&self, start: ZonedTime, end: ZonedTime) -> Content {
        let mut content = self.clone();
        if let Some(event) = content.as_event_mut() {
            (event.start, event.end) = (start, end);
            event.series = None;
        }
        content
    }

    /// Lets an exception follow what changed in its master and isn't its own.
    fn follow(&mut self, date: Date, before: &Content, after: &Content) {
        follow(&mut self.subject, &before.subject, &after.subject);
        follow(&mut self.body, &before.body, &after.body);
        follow(&mut self.categories, &before.categories, &after.categories);
        follow(&mut self.importance, &before.importance, &after.importance);
        follow(&mut self.sensitivity, &before.sensitivity, &after.sensitivity);
        follow(&mut self.reminder, &before.reminder, &after.reminder);
        follow(&mut self.properties, &before.properties, &after.properties);
        follow(&mut self.attachments, &before.attachments, &after.attachments);
        let (Some(mine), Some(before), Some(after)) =
            (self.as_event_mut(), before.as_event(), after.as_event())
        else {
            return;
        };
        if let (Some(was), Some(is)) = (before.times_on(date), after.times_on(date))
            && mine.start == was.0
        {
            follow(&mut mine.end, &was.1, &is.1);
        }
        follow(&mut mine.all_day, &before.all_day, &after.all_day);
        follow(&mut mine.locations, &before.locations, &after.locations);
        follow(&mut mine.show_as, &before.show_as, &after.show_as);
        follow(&mut mine.uid, &before.uid, &after.uid);
        follow(&mut mine.organizer, &before.organizer, &after.organizer);
        follow(&mut mine.attendees, &before.attendees, &after.attendees);
        follow(&mut mine.response_requested, &before.response_requested, &after.response_requested);
        follow(
            &mut mine.allow_new_time_proposals,
            &before.allow_new_time_proposals,
            &after.allow_new_time_proposals,
        );
        follow(&mut mine.hide_attendees, &before.hide_attendees, &after.hide_attendees);
        follow(&mut mine.cancelled, &before.cancelled, &after.cancelled);
        follow(&mut mine.my_response, &before.my_response, &after.my_response);
        follow(&mut mine.request_sent, &before.request_sent, &after.request_sent);
        follow(&mut mine.online_meeting, &before.online_meeting, &after.online_meeting);
        follow(&mut mine.standing, &before.standing, &after.standing);
    }
}

fn follow<T: PartialEq + Clone>(mine: &mut T, before: &T, after: &T) {
    if mine == before && before != after {
        mine.clone_from(after);
    }
}

/// Lets every exception follow its master.
pub(super) fn follow_master(before: &Content, after: &mut Content) {
    let mut exceptions = match after.as_event().and_then(|event| event.series.as_ref()) {
        Some(series) if !series.exceptions.is_empty() => series.exceptions.clone(),
        Some(_) | None => return,
    };
    for (date, exception) in &mut exceptions {
        exception.follow(*date, before, after);
    }
    if let Some(series) = after.as_event_mut().and_then(Event::series_mut) {
        series.exceptions = exceptions;
    }
}

impl Mailbox {
    /// An item, or an occurrence of a series as an item.
    pub fn opened(&self, at: impl Into<ItemRef>) -> Result<Cow<'_, Item>, Error> {
        let at = at.into();
        let item = self.item(at.id)?;
        match at.date {
            None => Ok(Cow::Borrowed(item)),
            Some(date) => {
                let series = item.series().ok_or(Error::ItemNotFound)?;
                if series.deleted.contains(&date) {
                    return Err(Error::OccurrenceDeleted);
                }
                item.occurrence_on(date).map(Cow::Owned).ok_or(Error::ItemNotFound)
            }
        }
    }

    /// The occurrence that the recurrence counts as `index`, from 1 on, deleted ones included.
    pub fn nth_occurrence(&self, master: ItemId, index: usize) -> Result<Item, Error> {
        let item = self.item(master)?;
        let series = item.series().ok_or(Error::NoSeries)?;
        let date = series.recurrence.nth(index).ok_or(Error::OccurrenceOutOfRange)?;
        let at = ItemRef { id: master, date: Some(date) };
        self.opened(at).map(Cow::into_owned)
    }

    /// The events of a folder that touch a window, series as their occurrences, by start.
    pub fn view(&self, folder: FolderId, window: Window) -> Vec<Cow<'_, Item>> {
        let found = self.references_in(folder, window).into_iter();
        found.filter_map(|at| self.opened(at).ok()).collect()
    }

    /// What [`view`](Self::view) shows, without making the occurrences up.
    pub fn references_in(&self, folder: FolderId, window: Window) -> Vec<ItemRef> {
        let mut found: Vec<(Timestamp, ItemRef)> = Vec::new();
        for item in self.items_in(folder) {
            let id = item.id;
            match (item.series(), item.content.as_event()) {
                (Some(_), _) => {
                    let at = |(start, date)| (start, ItemRef { id, date: Some(date) });
                    found.extend(item.starts_in(window).map(at));
                }
                (None, Some(event)) if event.is_in(window) => {
                    found.push((event.start.utc, id.into()));
                }
                (None, _) => {}
            }
        }
        found.sort();
        found.into_iter().map(|(_, at)| at).collect()
    }

    /// Writes an occurrence, which makes it an exception.
    pub(super) fn update_occurrence(
        &mut self,
        id: ItemId,
        date: Date,
        mut content: Content,
    ) -> Result<(), Error> {
        let current = self.opened(ItemRef { id, date: Some(date) })?.into_owned();
        if content.as_event().is_some_and(|event| event.series.is_some()) {
            return Err(Error::RecurrenceOfOccurrence);
        }
        let uid = current.content.as_event().map(|event| event.uid.clone()).unwrap_or_default();
        if let Some(event) = content.as_event_mut() {
            event.uid = uid;
        }
        let mut content = self.rewritten(content)?;
        keep_answers(&current.content, &mut content);
        let item = self.item(id)?;
        check_crossing(item, date, &content)?;
        let mut master = item.content.clone();
        if let Some(series) = master.as_event_mut().and_then(Event::series_mut) {
            series.exceptions.insert(date, content);
        }
        self.touch(id, What::Changed, Some(master));
        Ok(())
    }

    /// Deletes an occurrence; the last one can't be.
    pub(super) fn delete_occurrence(&mut self, id: ItemId, date: Date) -> Result<(), Error> {
        self.opened(ItemRef { id, date: Some(date) })?;
        let mut master = self.item(id)?.content.clone();
        if let Some(series) = master.as_event_mut().and_then(Event::series_mut) {
            series.deleted.insert(date);
            series.exceptions.remove(&date);
            if series.dates_from(series.recurrence.range.start).next().is_none() {
                return Err(Error::NoOccurrence);
            }
        }
        self.touch(id, What::Changed, Some(master));
        Ok(())
    }
}

/// An occurrence stays between its neighbours: it starts on a day of its own (MS-OXOCAL 3.1.4.6)
/// and overlaps none of them (MS docs: ResponseCode, ErrorOccurrenceCrossingBoundary).
fn check_crossing(master: &Item, date: Date, content: &Content) -> Result<(), Error> {
    let (Some(series), Some(whole), Some(event)) =
        (master.series(), master.content.as_event(), content.as_event())
    else {
        return Ok(());
    };
    let day = |event: &Event| whole.start.zone.wall(event.start.utc).date();
    let before = earlier(series, date).and_then(|date| master.occurrence_on(date));
    let after = date.tomorrow().ok().and_then(|next| series.dates_from(next).next());
    let after = after.and_then(|date| master.occurrence_on(date));
    let follows = |first: &Event, second: &Event| {
        day(first) < day(second) && first.end.utc <= second.start.utc
    };
    let before = before.as_ref().and_then(|item| item.content.as_event());
    let after = after.as_ref().and_then(|item| item.content.as_event());
    let fits = before.is_none_or(|before| follows(before, event))
        && after.is_none_or(|after| follows(event, after));
    if fits { Ok(()) } else { Err(Error::OccurrenceCrossing) }
}

/// The date before `date` that takes place.
fn earlier(series: &Series, date: Date) -> Option<Date> {
    let mut at = series.recurrence.neighbours(date).0;
    while let Some(before) = at
        && series.deleted.contains(&before)
    {
        at = series.recurrence.neighbours(before).0;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::folder::Role;
    use super::super::recurrence::{End, Pattern, Range};
    use super::super::zone::Zone;
    use super::super::{DeleteType, World};
    use super::*;
    use crate::Config;
    use jiff::civil::date;

    /// Every other day from 1 February 2027 on, so many times, each `hours` long.
    fn series(count: u32, hours: i64) -> Content {
        let at = |hour: i64| {
            let start: Timestamp = "2027-02-01T09:00:00Z".parse().expect("a time");
            ZonedTime { utc: start + SignedDuration::from_hours(hour), zone: Zone::utc() }
        };
        let mut content = Content::event("Series", at(0), at(hours));
        let range = Range { start: date(2027, 2, 1), end: End::Count(count) };
        let recurrence = Recurrence { pattern: Pattern::Daily { interval: 2 }, range };
        if let Some(event) = content.as_event_mut() {
            event.series = Some(Arc::new(Series::new(recurrence)));
        }
        content
    }

    fn shifted(item: &Item, hours: i64) -> Content {
        let mut content = item.content.clone();
        if let Some(event) = content.as_event_mut() {
            event.start.utc += SignedDuration::from_hours(hours);
            event.end.utc += SignedDuration::from_hours(hours);
        }
        content
    }

    #[test]
    fn occurrences_never_overlap() {
        let mut world = World::new(Config::default());
        let mailbox = world.add_mailbox("anna@contoso.example", "secret");
        let calendar = mailbox.role(Role::Calendar);
        assert_eq!(mailbox.create(calendar, series(3, 49)), Err(Error::OccurrencesOverlap));
        let id = mailbox.create(calendar, series(3, 36)).expect("created");
        let second = mailbox.nth_occurrence(id, 2).expect("there");
        for (hours, fits) in [(12, true), (13, false), (-12, true), (-13, false), (48, false)] {
            let moved = mailbox.update(second.reference(), None, shifted(&second, hours));
            let wanted = if fits { Ok(()) } else { Err(Error::OccurrenceCrossing) };
            assert_eq!(moved, wanted, "{hours}");
        }
    }

    #[test]
    fn a_window_shows_what_touches_it() {
        let mut world = World::new(Config::default());
        let mailbox = world.add_mailbox("anna@contoso.example", "secret");
        let calendar = mailbox.role(Role::Calendar);
        let id = mailbox.create(calendar, series(4, 1)).expect("created");
        let third = mailbox.nth_occurrence(id, 3).expect("there");
        mailbox.update(third.reference(), None, shifted(&third, -24)).expect("moved");
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let window = |start, end| Window { start: at(start), end: at(end) };
        let dates = |window| -> Vec<Date> {
            let found = mailbox.references_in(calendar, window).into_iter();
            found.filter_map(|reference| reference.date).collect()
        };
        // The third, of 5 February, takes place on the 4th.
        let whole = window("2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z");
        let all = [date(2027, 2, 1), date(2027, 2, 3), date(2027, 2, 5), date(2027, 2, 7)];
        assert_eq!(dates(whole), all);
        assert_eq!(dates(window("2027-02-04T00:00:00Z", "2027-02-05T00:00:00Z")), all[2..3]);
        assert_eq!(dates(window("2027-02-05T00:00:00Z", "2027-02-06T00:00:00Z")), []);
        assert_eq!(dates(window("2027-02-03T09:30:00Z", "2027-02-03T09:40:00Z")), all[1..2]);
        assert_eq!(dates(window("2027-02-03T10:00:00Z", "2027-02-04T09:00:00Z")), []);
        let master = mailbox.item(id).expect("there");
        assert_eq!(master.size_in(whole), 5);
        assert!(!master.is_in(window("2027-02-05T00:00:00Z", "2027-02-06T00:00:00Z")));
    }

    #[test]
    fn a_deleted_neighbour_leaves_its_days_and_the_last_one_stays() {
        let mut world = World::new(Config::default());
        let mailbox = world.add_mailbox("anna@contoso.example", "secret");
        let id = mailbox.create(mailbox.role(Role::Calendar), series(3, 1)).expect("created");
        let nth = |mailbox: &Mailbox, index| mailbox.nth_occurrence(id, index).expect("there");
        let second = nth(mailbox, 2);
        mailbox.delete(nth(mailbox, 3).reference(), DeleteType::HardDelete).expect("deleted");
        mailbox.update(second.reference(), None, shifted(&second, 72)).expect("moved");
        assert!(nth(mailbox, 2).occurrence.expect("an occurrence").is_exception);
        mailbox.delete(nth(mailbox, 2).reference(), DeleteType::HardDelete).expect("deleted");
        let first = nth(mailbox, 1).reference();
        assert_eq!(mailbox.delete(first, DeleteType::HardDelete), Err(Error::NoOccurrence));
        let dump = mailbox.dump().to_string();
        assert!(dump.contains(r#""deleted":["2027-02-03","2027-02-05"]"#), "{dump}");
    }
}
