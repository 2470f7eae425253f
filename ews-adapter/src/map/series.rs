//! What a calendar item says of the series that it is the master of.

use super::{recurrence, time, zone};
use crate::soap::Element;
use chrono::NaiveDate;
use items::recurrence::End;
use items::{Event, Occurrence, Recurrence, Timing};
use std::collections::BTreeMap;
use sync_core::port::Trouble;

const DAY_SECONDS: i64 = 24 * 3600;

/// An occurrence that differs from its series; only reading it tells in what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    /// The date on which the recurrence has it.
    pub(crate) date: NaiveDate,
    /// Its id, which changes with the series.
    pub(crate) id: String,
}

/// How an item recurs that takes place at `timing`.
///
/// # Errors
/// `recurrence-unreadable` for a series whose recurrence nobody understands.
pub(crate) fn recurrence(item: &Element, timing: &Timing) -> Result<Recurrence, Trouble> {
    if !is_master(item) {
        return Ok(Recurrence::Once);
    }
    let event = Event { timing: Some(timing.clone()), ..Event::default() };
    let rule = event.first_date().zip(item.child("Recurrence"));
    let rule = rule.and_then(|(first, element)| recurrence::rule(element, first));
    rule.map(Recurrence::Rule).ok_or_else(|| {
        let detail = "the server gives no recurrence of this series that can be read";
        Trouble::new("recurrence-unreadable", detail)
    })
}

/// The times of an item, in a zone whose clocks are known if it is a series: those decide when it
/// takes place.
///
/// # Errors
/// `zone-unknown` for a series in a zone that nobody knows by its id or its definition.
pub(crate) fn in_known_zone(item: &Element, timing: Timing) -> Result<Timing, Trouble> {
    let Timing::Timed { start, end, start_zone, end_zone } = &timing else { return Ok(timing) };
    let Some(id) = start_zone.as_ref().or(end_zone.as_ref()) else { return Ok(timing) };
    if !is_master(item) || items::zone::iana(id).is_some() {
        return Ok(timing);
    }
    let definition = item.child("StartTimeZone").or(item.child("EndTimeZone"));
    match definition.and_then(|one| zone::defined(one, *start, last_year(item))) {
        Some(zone) => {
            let zone = Some(zone.to_owned());
            Ok(Timing::Timed { start: *start, end: *end, start_zone: zone.clone(), end_zone: zone })
        }
        None => {
            let detail = format!("the series goes on by the clocks of {id}, which nobody knows");
            Err(Trouble::new("zone-unknown", detail))
        }
    }
}

/// The year in which a series ends; the last of all where nothing tells.
fn last_year(item: &Element) -> i32 {
    let range = item.child("Recurrence").and_then(|all| all.child("EndDateRecurrence"));
    let last = range.and_then(|range| range.child_text("EndDate")?.trim().get(..4)?.parse().ok());
    last.unwrap_or(i32::MAX)
}

fn is_master(item: &Element) -> bool {
    item.child_text("CalendarItemType").is_some_and(|kind| kind.trim() == "RecurringMaster")
}

/// Whether an item is but one occurrence of a series; its master is what is synchronised.
pub(crate) fn is_occurrence(item: &Element) -> bool {
    let kind = item.child_text("CalendarItemType").map(str::trim);
    matches!(kind, Some("Occurrence" | "Exception"))
}

/// The deleted occurrences of a series.
pub(crate) fn deleted(item: &Element, series: &Event) -> BTreeMap<NaiveDate, Occurrence> {
    let deleted = list(item, "DeletedOccurrences", "DeletedOccurrence");
    let dates = deleted.filter_map(|one| date(item, series, one.child_text("Start")?));
    dates.map(|date| (date, Occurrence::Deleted)).collect()
}

/// The exceptions of a series; each has been given its regular start by the series' clocks.
pub(crate) fn exceptions(item: &Element, series: &Event) -> Vec<Exception> {
    let modified = list(item, "ModifiedOccurrences", "Occurrence");
    let exception = |one: &Element| {
        let id = one.child("ItemId")?.attribute("Id")?.to_owned();
        Some(Exception { date: date(item, series, one.child_text("OriginalStart")?)?, id })
    };
    modified.filter_map(exception).collect()
}

/// From when until when a series takes place at most, if its first occurrence is at `first`: in
/// seconds since 1970 UTC.
pub(crate) fn span(item: &Element, series: &Event, first: (i64, i64)) -> (i64, i64) {
    let rule = series.recurrence.as_ref().and_then(Recurrence::rule);
    let (Some(rule), Some(date)) = (rule, series.first_date()) else { return first };
    let last = match rule.end {
        End::Never => return (first.0, i64::MAX),
        End::On(last) => last,
        End::Count(_) => rule.last(date).unwrap_or(date),
    };
    // A day more, because clocks are changed.
    let days = last.signed_duration_since(date).num_days() + 1;
    let regular = (first.0, first.1.saturating_add(days * DAY_SECONDS));
    let instant = |one: &Element, name| one.child_text(name).and_then(time::instant);
    list(item, "ModifiedOccurrences", "Occurrence").fold(regular, |(from, until), one| {
        let from = instant(one, "Start").map_or(from, |start| from.min(start));
        (from, instant(one, "End").map_or(until, |end| until.max(end)))
    })
}

/// An exception that names no zone that is known is in those of its series.
pub(crate) fn in_zones_of(series: &Event, mut exception: Event) -> Event {
    let known = |zone: &Option<String>| zone.as_deref().and_then(items::zone::iana).is_some();
    match &mut exception.timing {
        Some(Timing::Timed { start_zone, end_zone, .. })
            if !known(start_zone) && !known(end_zone) =>
        {
            (*start_zone, *end_zone) = series.zones();
        }
        Some(Timing::Timed { .. } | Timing::AllDay { .. }) | None => {}
    }
    exception
}

fn list<'a>(
    item: &'a Element,
    name: &str,
    each: &'static str,
) -> impl Iterator<Item = &'a Element> + use<'a> {
    item.child(name).into_iter().flat_map(|list| list.all(each))
}

/// The date on which the series has the occurrence that was to start at an instant.
fn date(item: &Element, series: &Event, start: &str) -> Option<NaiveDate> {
    let start = time::instant(start)?;
    let original = match series.timing.as_ref()? {
        Timing::AllDay { .. } => {
            let day = time::day(start, item.child("StartTimeZone"))?;
            Timing::AllDay { start: day, end: day, zone: None }
        }
        Timing::Timed { .. } => {
            Timing::Timed { start, end: start, start_zone: None, end_zone: None }
        }
    };
    series.date_of(&original)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::event::event;

    const DAILY: &str = "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>";

    fn master(inside: &str, range: &str) -> Element {
        let start = "<t:StartDate>2027-03-27+01:00</t:StartDate>";
        Element::parse(&format!(
            "<t:CalendarItem xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
             {inside}<t:CalendarItemType>RecurringMaster</t:CalendarItemType><t:Recurrence>{DAILY}\
             <t:{range}Recurrence>{start}{}</t:{range}Recurrence></t:Recurrence>\
             <t:ModifiedOccurrences><t:Occurrence><t:ItemId Id=\"x\"/>\
             <t:Start>2027-03-31T20:00:00Z</t:Start><t:End>2027-03-31T21:00:00Z</t:End>\
             <t:OriginalStart>2027-03-29T22:15:00Z</t:OriginalStart></t:Occurrence>\
             </t:ModifiedOccurrences><t:DeletedOccurrences>\
             <t:DeletedOccurrence><t:Start>2027-03-27T23:15:00Z</t:Start></t:DeletedOccurrence>\
             <t:DeletedOccurrence><t:Start>2027-03-29T00:15:00+02:00</t:Start>\
             </t:DeletedOccurrence></t:DeletedOccurrences>\
             <t:StartTimeZone Id=\"W. Europe Standard Time\"/></t:CalendarItem>",
            match range {
                "Numbered" => "<t:NumberOfOccurrences>4</t:NumberOfOccurrences>",
                "EndDate" => "<t:EndDate>2027-03-30+02:00</t:EndDate>",
                _ => "",
            }
        ))
        .unwrap()
    }

    /// Every day at a quarter past midnight in Berlin, over a change of the clocks.
    const NIGHT: &str =
        "<t:Start>2027-03-26T23:15:00Z</t:Start><t:End>2027-03-26T23:45:00Z</t:End>";

    fn dates(dates: impl Iterator<Item = NaiveDate>) -> Vec<String> {
        dates.map(|date| date.to_string()).collect()
    }

    #[test]
    fn occurrences_are_named_by_the_clocks_of_the_series() {
        let item = master(NIGHT, "NoEnd");
        let series = event(&item).unwrap();
        let occurrences = series.occurrences.clone().unwrap();
        assert_eq!(dates(occurrences.into_keys()), ["2027-03-28", "2027-03-29"]);
        let exceptions = exceptions(&item, &series);
        assert_eq!(dates(exceptions.into_iter().map(|e| e.date)), ["2027-03-30"]);
    }

    #[test]
    fn those_of_whole_days_are_named_by_their_midnight() {
        let days = "<t:Start>2027-03-26T23:00:00Z</t:Start><t:End>2027-03-27T23:00:00Z</t:End>\
                    <t:IsAllDayEvent>true</t:IsAllDayEvent>";
        let series = event(&master(days, "NoEnd")).unwrap();
        let occurrences = series.occurrences.unwrap();
        assert_eq!(dates(occurrences.into_keys()), ["2027-03-28", "2027-03-29"]);
    }

    #[test]
    fn a_series_spans_its_occurrences() {
        let span = |range| {
            let item = master(NIGHT, range);
            let (from, until) = super::span(&item, &event(&item).unwrap(), (100, 200));
            (from, until)
        };
        assert_eq!(span("NoEnd"), (100, i64::MAX));
        // The exception ends last.
        assert_eq!(span("Numbered"), (100, 1_806_526_800));
        assert_eq!(span("EndDate"), (100, 1_806_526_800));
    }

    #[test]
    fn the_clocks_of_a_series_are_known() {
        let with = |zone: &str| {
            let around = format!(
                "<t:X xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
                 {zone}</t:X>"
            );
            let mut item = master(NIGHT, "NoEnd");
            item.children.retain(|child| !child.is("StartTimeZone"));
            item.children.extend(Element::parse(&around).unwrap().children);
            event(&item)
        };
        let defined = "<t:StartTimeZone Id=\"Mitteleuropäische Zeit!\"><t:Periods>\
                       <t:Period Bias=\"-PT3H\" Id=\"s\"/></t:Periods><t:TransitionsGroups>\
                       <t:TransitionsGroup Id=\"0\"><t:Transition><t:To>s</t:To></t:Transition>\
                       </t:TransitionsGroup></t:TransitionsGroups><t:Transitions><t:Transition>\
                       <t:To>0</t:To></t:Transition></t:Transitions></t:StartTimeZone>";
        let zone = Some("E. Africa Standard Time".to_owned());
        assert_eq!(with(defined).unwrap().zones(), (zone.clone(), zone));
        let unknown = with("<t:StartTimeZone Id=\"Customized Time Zone\"/>");
        assert_eq!(unknown.unwrap_err().code, "zone-unknown");
    }

    #[test]
    fn a_series_without_a_recurrence_is_unreadable() {
        let item = |kind| {
            Element::parse(&format!(
                "<t:CalendarItem \
                 xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">{NIGHT}\
                 <t:CalendarItemType>{kind}</t:CalendarItemType></t:CalendarItem>"
            ))
            .unwrap()
        };
        assert_eq!(event(&item("RecurringMaster")).unwrap_err().code, "recurrence-unreadable");
        assert!(event(&item("Single")).is_ok());
        assert!(is_occurrence(&item("Exception")) && is_occurrence(&item("Occurrence")));
        assert!(!is_occurrence(&item("Single")));
    }
}
