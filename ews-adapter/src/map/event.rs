//! A calendar item as an event.

use super::attachment::{self, Listed};
use super::series::{self, Exception};
use super::{people, time};
use crate::ops::{ItemId, lies_in};
use crate::soap::Element;
use crate::stamp::{self, Property};
use items::note;
use items::people::{Attendee, People};
use items::{
    Body, BodyKind, Digester, Event, Importance, Recurrence, Reminder, Sensitivity, ShowAs, Timing,
};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{Field, Version};
use sync_core::port::{Fetched, Sighted, Stamp, Trouble};

/// What Exchange reminds with where nobody chose, in minutes.
const REMINDER_MINUTES_DEFAULT: i32 = 15;

/// What to read, and how.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// The folder that items must lie in.
    pub(crate) folder: &'a str,
    /// The instants between which events are synchronised, in seconds since 1970 UTC.
    pub(crate) window: Option<(i64, i64)>,
    /// The stamp property.
    pub(crate) property: &'a Property,
    /// The owner's address.
    pub(crate) mailbox: &'a str,
}

/// An item as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What it holds; of a series only after its exceptions were read, too.
    pub(crate) event: Event,
    /// What is attached to it; what that holds is still to be read.
    pub(crate) attached: Vec<Listed>,
    /// The fields that can't be written to it.
    pub(crate) fixed: BTreeSet<Field>,
    /// What it is to the owner.
    pub(crate) kind: people::Kind,
    /// The ChangeKey.
    pub(crate) change_key: Option<String>,
    /// The exceptions that are still to be read.
    pub(crate) exceptions: Vec<Exception>,
    edited_ms: Option<i64>,
    stamp: Option<Stamp>,
}

impl Standing {
    /// The item as the core takes it.
    pub(crate) fn sighted(self, digester: &Digester) -> Sighted {
        let version = self.change_key.map(Version);
        let sighted = digester.sighted(&self.event, version, self.edited_ms, self.stamp);
        let rendition = sighted.rendition.fixing(self.fixed);
        Sighted { rendition, ..sighted }
    }
}

impl Reading<'_> {
    /// Reads one item of a GetItem response; `Err` where there is nothing to go on with.
    pub(crate) fn standing(&self, item: &Element) -> Result<Standing, Fetched> {
        if !lies_in(item, self.folder) {
            return Err(Fetched::Missing);
        }
        if series::is_occurrence(item) {
            return Err(Fetched::Outside);
        }
        let event = event(item).map_err(Fetched::Unreadable)?;
        let People { meeting, attendees } = people::people(item, self.mailbox);
        let event = Event { meeting, attendees, ..event };
        let span = || bounds(item).map(|first| series::span(item, &event, first));
        if self.window.is_some_and(|window| !overlaps(span(), window)) {
            return Err(Fetched::Outside);
        }
        let kind = people::kind(item, self.mailbox);
        let edited = item.child_text("LastModifiedTime").and_then(time::instant);
        Ok(Standing {
            exceptions: series::exceptions(item, &event),
            event,
            attached: attachment::listed(item),
            fixed: kind.fixed(),
            kind,
            change_key: ItemId::of(item).and_then(|id| id.change_key),
            edited_ms: edited.and_then(|seconds| seconds.checked_mul(1000)),
            stamp: self.property.read(item),
        })
    }
}

/// The event that a calendar item holds, without its people; of a series all but the occurrences
/// that were changed. Exchange leaves out what is empty, so that a text that is not there is empty,
/// not unknown.
pub(crate) fn event(item: &Element) -> Result<Event, Trouble> {
    if !item.is("CalendarItem") {
        let detail = format!("a {} lies in the calendar", item.name);
        return Err(Trouble::new("not-an-event", detail));
    }
    let text = |name| item.child_text(name).unwrap_or_default().to_owned();
    let uid = stamp::uid(item).or(item.child_text("UID"));
    let mut event = Event {
        uid: uid.filter(|uid| !uid.trim().is_empty()).map(str::to_owned),
        subject: Some(text("Subject")),
        body: Some(body(item)),
        location: Some(text("Location")),
        categories: Some(categories(item)),
        reminder: Some(reminder(item)),
        show_as: item.child_text("LegacyFreeBusyStatus").and_then(show_as),
        sensitivity: item.child_text("Sensitivity").and_then(sensitivity),
        importance: item.child_text("Importance").and_then(importance),
        occurrences: Some(BTreeMap::new()),
        ..schedule(item)?
    };
    if event.is_series() {
        event.occurrences = Some(series::deleted(item, &event));
    }
    Ok(event)
}

/// What must be known of an item to write to it what is valid only with the rest of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// When it takes place, how it recurs, its people, and its body if that was asked for: an event
    /// of these fields alone.
    pub(crate) event: Event,
    /// What it is to the owner of the mailbox.
    pub(crate) kind: people::Kind,
    /// The attendees that the server knows, where it is a meeting.
    pub(crate) native: Option<Vec<Attendee>>,
    /// The ChangeKey of the version in which it is so.
    pub(crate) change_key: Option<String>,
}

impl Known {
    /// Reads it from an item in the mailbox of this address.
    pub(crate) fn of(item: &Element, mailbox: &str) -> Result<Self, Trouble> {
        let People { meeting, attendees } = people::people(item, mailbox);
        let body = Some(body(item));
        let event = Event { body, meeting, attendees, ..schedule(item)? };
        let change_key = ItemId::of(item).and_then(|id| id.change_key);
        let native = people::native(item, mailbox).attendees;
        let kind = people::kind(item, mailbox);
        let native = native.filter(|_| kind != people::Kind::Appointment);
        Ok(Self { event, kind, native, change_key })
    }

    /// The people that the item has when `patch` was written to it.
    pub(crate) fn with_people(&self, patch: &Event) -> People {
        let (new, old) = (People::of(patch), People::of(&self.event));
        People { meeting: new.meeting.or(old.meeting), attendees: new.attendees.or(old.attendees) }
    }
}

/// When an item takes place, and how it recurs: an event of these fields alone.
fn schedule(item: &Element) -> Result<Event, Trouble> {
    let timing = timing(item).ok_or_else(|| {
        Trouble::new("no-times", "the server gives no start and end that can be read")
    })?;
    let timing = series::in_known_zone(item, timing)?;
    let recurrence: Recurrence = series::recurrence(item, &timing)?;
    Ok(Event { timing: Some(timing), recurrence: Some(recurrence), ..Event::default() })
}

/// The body, without the block that we tell people in: that is no edit of anybody's.
fn body(item: &Element) -> Body {
    let Some(body) = item.child("Body") else { return Body::default() };
    let html = body.attribute("BodyType").is_some_and(|kind| kind.eq_ignore_ascii_case("HTML"));
    let kind = if html { BodyKind::Html } else { BodyKind::Text };
    note::without(&Body { kind, content: body.text.clone() })
}

fn categories(item: &Element) -> Vec<String> {
    let Some(list) = item.child("Categories") else { return Vec::new() };
    list.all("String").map(|c| c.text.clone()).filter(|c| !c.trim().is_empty()).collect()
}

fn reminder(item: &Element) -> Reminder {
    if !is_true(item, "ReminderIsSet") {
        return Reminder::Off;
    }
    let minutes = item.child_text("ReminderMinutesBeforeStart").and_then(|m| m.trim().parse().ok());
    Reminder::Before(minutes.unwrap_or(REMINDER_MINUTES_DEFAULT))
}

fn bounds(item: &Element) -> Option<(i64, i64)> {
    let instant = |name| time::instant(item.child_text(name)?);
    Some((instant("Start")?, instant("End")?))
}

fn timing(item: &Element) -> Option<Timing> {
    let (start, end) = bounds(item)?;
    let (start_zone, end_zone) = (item.child("StartTimeZone"), item.child("EndTimeZone"));
    if is_true(item, "IsAllDayEvent") {
        let first = time::day(start, start_zone)?;
        let end = time::day_after(first, time::day(end, end_zone.or(start_zone)))?;
        return Some(Timing::AllDay { start: first, end, zone: time::zone_id(start_zone) });
    }
    Some(Timing::Timed {
        start,
        end,
        start_zone: time::zone_id(start_zone),
        end_zone: time::zone_id(end_zone),
    })
}

/// Whether an event touches the window; one without duration does so at its first instant, too.
fn overlaps(bounds: Option<(i64, i64)>, (from, until): (i64, i64)) -> bool {
    bounds.is_none_or(|(start, end)| start < until && (end > from || start >= from))
}

fn is_true(item: &Element, name: &str) -> bool {
    matches!(item.child_text(name).map(str::trim), Some("true" | "1"))
}

/// An unknown word is a value that we can't hold: absent, so that it is left alone.
fn show_as(word: &str) -> Option<ShowAs> {
    match word.trim() {
        "Free" => Some(ShowAs::Free),
        "Tentative" => Some(ShowAs::Tentative),
        "Busy" => Some(ShowAs::Busy),
        "OOF" => Some(ShowAs::OutOfOffice),
        "WorkingElsewhere" => Some(ShowAs::WorkingElsewhere),
        _ => None,
    }
}

fn sensitivity(word: &str) -> Option<Sensitivity> {
    match word.trim() {
        "Normal" => Some(Sensitivity::Normal),
        "Personal" => Some(Sensitivity::Personal),
        "Private" => Some(Sensitivity::Private),
        "Confidential" => Some(Sensitivity::Confidential),
        _ => None,
    }
}

fn importance(word: &str) -> Option<Importance> {
    match word.trim() {
        "Low" => Some(Importance::Low),
        "Normal" => Some(Importance::Normal),
        "High" => Some(Importance::High),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn item(inside: &str) -> Element {
        Element::parse(&format!(
            "<t:CalendarItem xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
             {inside}</t:CalendarItem>"
        ))
        .unwrap()
    }

    const TIMES: &str =
        "<t:Start>2026-11-25T08:00:00Z</t:Start><t:End>2026-11-25T09:00:00Z</t:End>";

    #[test]
    fn what_the_server_leaves_out_is_empty() {
        let event = event(&item(TIMES)).unwrap();
        assert_eq!(event.subject.as_deref(), Some(""));
        assert_eq!(event.location.as_deref(), Some(""));
        assert_eq!(event.body, Some(Body::default()));
        assert_eq!(event.categories, Some(vec![]));
        assert_eq!(event.reminder, Some(Reminder::Off));
        assert_eq!((event.uid, event.show_as, event.sensitivity), (None, None, None));
    }

    #[test]
    fn what_is_no_single_event_is_unreadable() {
        let code = |inside: &str| event(&item(inside)).unwrap_err().code;
        assert_eq!(code("<t:Start>x</t:Start>"), "no-times");
    }

    #[test]
    fn unknown_words_are_left_alone() {
        let item = item(&format!("{TIMES}<t:LegacyFreeBusyStatus>NoData</t:LegacyFreeBusyStatus>"));
        assert_eq!(event(&item).unwrap().show_as, None);
    }

    #[test]
    fn our_note_of_the_uid_comes_before_the_servers() {
        let note = format!(
            "<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId=\"{}\" \
             PropertyName=\"evensync-uid\" PropertyType=\"String\"/><t:Value>abc@x</t:Value>\
             </t:ExtendedProperty><t:UID>0400</t:UID>{TIMES}",
            stamp::PROPERTY_SET.to_uppercase()
        );
        assert_eq!(event(&item(&note)).unwrap().uid.as_deref(), Some("abc@x"));
        let own = format!("<t:UID>0400</t:UID>{TIMES}");
        assert_eq!(event(&item(&own)).unwrap().uid.as_deref(), Some("0400"));
    }

    #[test]
    fn an_all_day_event_has_dates() {
        let all_day = event(&item(
            "<t:Start>2026-11-24T23:00:00Z</t:Start><t:End>2026-11-26T23:00:00Z</t:End>\
             <t:IsAllDayEvent>true</t:IsAllDayEvent>\
             <t:StartTimeZone Id=\"W. Europe Standard Time\"/>",
        ))
        .unwrap();
        let date = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        let zone = Some("W. Europe Standard Time".to_owned());
        let expected = Timing::AllDay { start: date(25), end: date(27), zone };
        assert_eq!(all_day.timing, Some(expected));
    }

    #[test]
    fn the_window_takes_what_touches_it() {
        for (bounds, inside) in [
            ((0, 10), false),
            ((0, 11), true),
            ((19, 30), true),
            ((20, 30), false),
            ((10, 10), true),
            ((9, 9), false),
            ((0, 99), true),
        ] {
            assert_eq!(overlaps(Some(bounds), (10, 20)), inside, "{bounds:?}");
        }
    }
}
