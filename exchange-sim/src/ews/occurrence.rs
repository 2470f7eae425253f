//! What a series shows of its occurrences, and an occurrence of its series.

use super::context::item_id_element;
use super::field::View;
use super::recurrence;
use super::write::boolean;
use super::xml::Element;
use super::zone;
use crate::store::Event;
use crate::store::Item;
use crate::store::Response;
use crate::store::zone::Zone;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// The most occurrences that a range may name, like the items of a page.
const RANGE_MAX: usize = 1000;

/// What a property of series and occurrences shows; `None` where the item has none.
pub(crate) fn field(view: &View<'_>, item: &Item, name: &str) -> Option<Element> {
    let event = item.content.as_event()?;
    match name {
        "CalendarItemType" => Some(Element::t_text(name, kind(item))),
        "IsRecurring" => Some(Element::t_text(name, is_recurring(item, event).to_string())),
        // Both are the start that the recurrence gives it, whatever became of it since.
        "OriginalStart" | "RecurrenceId" => {
            let start = item.occurrence.as_ref()?.original_start;
            Some(Element::t_text(name, view.time(start)))
        }
        "Recurrence" => Some(recurrence::render(event.recurrence()?, &event.start.zone)),
        "FirstOccurrence" => Some(info(view, &first(item)?, name)),
        "LastOccurrence" => Some(info(view, &last(item)?, name)),
        "ModifiedOccurrences" => {
            let dates = item.series()?.exceptions.keys();
            let occurrences = dates.filter_map(|date| item.occurrence_on(*date));
            list(name, occurrences.map(|occurrence| info(view, &occurrence, "Occurrence")))
        }
        "DeletedOccurrences" => {
            let starts = item.series()?.deleted.iter().filter_map(|date| event.start_on(*date));
            let start = |start| Element::t_text("Start", view.time(start));
            list(name, starts.map(|at| Element::t("DeletedOccurrence").with(start(at))))
        }
        _ => None,
    }
}

/// When the next reminder of an item is due: that of its next occurrence, if it is a series.
pub(crate) fn reminder_due(item: &Item, now: Timestamp) -> Option<Timestamp> {
    let event = item.content.as_event()?;
    let start = |occurrence: &Item| Some(occurrence.content.as_event()?.start.utc);
    let Some(series) = item.series() else { return Some(event.start.utc) };
    let today = event.start.zone.wall(now).date();
    let coming = series.dates_from(today.yesterday().unwrap_or(today)).take(3);
    let next = coming.filter_map(|date| start(&item.occurrence_on(date)?)).find(|at| *at >= now);
    next.or_else(|| last(item).as_ref().and_then(start)).or(Some(event.start.utc))
}

/// The occurrences in the `Ranges` of a `RecurringMasterItemIdRanges`, each once (MS docs: Range).
pub(crate) fn in_ranges(master: &Item, id: &Element, zone: &Zone) -> Vec<Item> {
    let (Some(event), Some(series)) = (master.content.as_event(), master.series()) else {
        return Vec::new();
    };
    let mut found: BTreeMap<Date, Item> = BTreeMap::new();
    for range in id.child("Ranges").iter().flat_map(|ranges| &ranges.children) {
        let bound = |name| range.attribute(name).and_then(|text| zone::instant(text, zone));
        let (from, to) = (bound("Start"), bound("End"));
        let count = range.attribute("Count").and_then(|count| count.trim().parse().ok());
        let by_original = range.attribute("CompareOriginalStartTime").is_some_and(boolean);
        let at = |occurrence: &Item| match (by_original, &occurrence.occurrence) {
            (true, Some(of)) => Some(of.original_start),
            (true, None) | (false, _) => Some(occurrence.content.as_event()?.start.utc),
        };
        let starts = |item: &Item| at(item).is_some_and(|at| from.is_none_or(|from| at >= from));
        let ends = |item: &Item| at(item).is_some_and(|at| to.is_none_or(|to| at < to));
        // One that was moved stays between its neighbours.
        let day = from.map(|from| event.start.zone.wall(from).date());
        let before = day.and_then(|day| series.recurrence.neighbours(day).0);
        let occurrences = series
            .dates_from(before.unwrap_or(series.recurrence.range.start))
            .filter_map(|date| Some((date, master.occurrence_on(date)?)))
            .skip_while(|(_, item)| !starts(item))
            .take_while(|(_, item)| ends(item))
            .take(count.unwrap_or(RANGE_MAX).min(RANGE_MAX));
        found.extend(occurrences);
    }
    found.into_values().collect()
}

/// `CalendarItemTypeType`.
fn kind(item: &Item) -> &'static str {
    match (&item.occurrence, item.series()) {
        (Some(occurrence), _) if occurrence.is_exception => "Exception",
        (Some(_), _) => "Occurrence",
        (None, Some(_)) => "RecurringMaster",
        (None, None) => "Single",
    }
}

/// Of a master only an attendee's says so (MS docs: IsRecurring; recordings).
fn is_recurring(item: &Item, event: &Event) -> bool {
    item.occurrence.is_some()
        || (event.series.is_some() && event.my_response != Response::Organizer)
}

fn first(item: &Item) -> Option<Item> {
    let series = item.series()?;
    item.occurrence_on(series.dates_from(series.recurrence.range.start).next()?)
}

/// The last occurrence of a series that ends.
fn last(item: &Item) -> Option<Item> {
    let series = item.series()?;
    let mut date: Option<Date> = series.recurrence.last();
    while let Some(deleted) = date.filter(|date| series.deleted.contains(date)) {
        date = series.recurrence.neighbours(deleted).0;
    }
    item.occurrence_on(date?)
}

/// `OccurrenceInfoType`; as everywhere the ChangeKey is that of the series.
fn info(view: &View<'_>, occurrence: &Item, name: &str) -> Element {
    let mut element = Element::t(name).with(item_id_element(view.mailbox, occurrence));
    let event = occurrence.content.as_event();
    let original = occurrence.occurrence.as_ref().map(|of| of.original_start);
    for (name, time) in [
        ("Start", event.map(|event| event.start.utc)),
        ("End", event.map(|event| event.end.utc)),
        ("OriginalStart", original),
    ] {
        element = element.with_all(time.map(|time| Element::t_text(name, view.time(time))));
    }
    element
}

fn list(name: &str, children: impl Iterator<Item = Element>) -> Option<Element> {
    let list = Element::t(name).with_all(children);
    (!list.children.is_empty()).then_some(list)
}
