//! The occurrences of a series that differ from it or were deleted (MS docs: event resource type,
//! `exceptionOccurrences` and `cancelledOccurrences`).

use crate::map::people::{self, Native};
use crate::map::{event, time};
use chrono::{DateTime, NaiveDate};
use items::{Event, Occurrence, Timing};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{RemoteId, Version};
use sync_core::port::Trouble;

/// An occurrence of a series as Graph delivers it: an event with an id of its own.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// Its id, where it is told.
    pub id: Option<RemoteId>,
    /// Its etag: that of its master on the production service (MS docs: the example of
    /// event-list-instances).
    pub version: Option<Version>,
    /// What it is to the mailbox.
    pub native: Native,
    /// In which fields it differs from its master; in none, where nothing but its id is told.
    pub own: Event,
}

/// The exceptions of a master, by the dates on which the recurrence has them.
///
/// # Errors
/// `exception-without-date` where one doesn't say for which date it stands, and what
/// [`event::held`] can't read.
pub(crate) fn exceptions(
    master: &Event,
    value: &Value,
) -> Result<BTreeMap<NaiveDate, Instance>, Trouble> {
    let exceptions = value["exceptionOccurrences"].as_array();
    let read = |exception: &Value| {
        let date = original_date(master, exception).ok_or_else(|| {
            let detail = "an exception of the series doesn't say which occurrence it was";
            Trouble::new("exception-without-date", detail)
        })?;
        let mut held = event::held(exception)?;
        if let Some(timing) = &mut held.timing {
            time::fill_zones(timing, master.zones());
        }
        let own = match master.difference(date, &held) {
            Some(Occurrence::Changed(own)) => *own,
            Some(Occurrence::Deleted) | None => Event::default(),
        };
        Ok((date, Instance { own, ..instance(exception) }))
    };
    exceptions.into_iter().flatten().map(read).collect()
}

/// An occurrence of which nothing but its id is of interest.
pub(crate) fn instance(value: &Value) -> Instance {
    Instance {
        id: value["id"].as_str().map(RemoteId::from),
        version: event::version(value),
        native: people::native(value),
        own: Event::default(),
    }
}

/// The dates whose occurrences were deleted: what follows the last dot of `OID.{master}.{date}`, for
/// ids may have dots (seen by Corso's users).
pub(crate) fn cancelled(value: &Value) -> BTreeSet<NaiveDate> {
    let ids = value["cancelledOccurrences"].as_array().into_iter().flatten();
    ids.filter_map(|id| date_of_id(id.as_str()?)).collect()
}

/// Both as the set that an event holds; an exception that differs in nothing is none.
pub(crate) fn occurrences(
    exceptions: &BTreeMap<NaiveDate, Instance>,
    cancelled: &BTreeSet<NaiveDate>,
) -> BTreeMap<NaiveDate, Occurrence> {
    let changed = exceptions.iter().filter(|(_, instance)| instance.own != Event::default());
    let changed =
        changed.map(|(date, one)| (*date, Occurrence::Changed(Box::new(one.own.clone()))));
    changed.chain(cancelled.iter().map(|date| (*date, Occurrence::Deleted))).collect()
}

/// The date on which the recurrence of `master` has an occurrence: that of `originalStart`, by the
/// clocks of the series. An occurrence that nobody has changed starts when it was to.
pub(crate) fn original_date(master: &Event, occurrence: &Value) -> Option<NaiveDate> {
    if let Some(original) = occurrence["originalStart"].as_str() {
        // In UTC, or with an offset (mguessan/davmail#481).
        let instant = DateTime::parse_from_rfc3339(original).ok()?.timestamp();
        let zone = master.zones().0;
        return match master.timing.as_ref()? {
            Timing::AllDay { .. } => time::day_of(instant, zone.as_deref()),
            Timing::Timed { .. } => {
                let (end, start_zone, end_zone) = (instant, None, None);
                master.date_of(&Timing::Timed { start: instant, end, start_zone, end_zone })
            }
        };
    }
    if let Some(date) = occurrence["occurrenceId"].as_str().and_then(date_of_id) {
        return Some(date);
    }
    let is_regular = occurrence["type"].as_str() == Some("occurrence");
    let timing = is_regular.then(|| event::timing(occurrence))??;
    master.date_of(&timing)
}

fn date_of_id(id: &str) -> Option<NaiveDate> {
    id.rsplit('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::event::tests::sample;
    use items::Recurrence;
    use items::recurrence::{End, Pattern, Rule};
    use serde_json::json;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Daily at 00:30 in Berlin from 25 November 2026 on, which is the day before in UTC.
    fn master() -> (Event, Value) {
        let mut value = sample();
        value["start"]["dateTime"] = json!("2026-11-24T23:30:00.0000000");
        value["end"]["dateTime"] = json!("2026-11-25T00:30:00.0000000");
        let rule = Rule { pattern: Pattern::Daily { interval: 1 }, end: End::Never };
        let event =
            Event { recurrence: Some(Recurrence::Rule(rule)), ..event::held(&value).unwrap() };
        (event, value)
    }

    #[test]
    fn exceptions_stand_by_the_dates_of_the_recurrence() {
        let (master, mut exception) = master();
        exception["type"] = json!("exception");
        exception["subject"] = json!("Other");
        exception["start"]["dateTime"] = json!("2027-03-31T22:45:00.0000000");
        exception["end"]["dateTime"] = json!("2027-03-31T23:30:00.0000000");
        for (original, expected) in [
            ("2027-03-31T22:30:00Z", "2027-04-01"),
            ("2027-04-01T00:30:00+02:00", "2027-04-01"),
            ("2027-01-31T23:30:00Z", "2027-02-01"),
        ] {
            exception["originalStart"] = json!(original);
            let value = json!({"exceptionOccurrences": [exception]});
            let found = exceptions(&master, &value).unwrap();
            let own = &found[&date(expected)].own;
            let fields: Vec<String> =
                own.present_fields().iter().map(ToString::to_string).collect();
            assert_eq!(fields, ["subject", "timing"], "{original}");
        }
        exception["originalStart"] = Value::Null;
        let value = json!({"exceptionOccurrences": [exception]});
        assert_eq!(exceptions(&master, &value).unwrap_err().code, "exception-without-date");
        exception["occurrenceId"] = json!("OID.AAMk.x=.2027-04-01");
        let value = json!({"exceptionOccurrences": [exception]});
        assert!(exceptions(&master, &value).unwrap().contains_key(&date("2027-04-01")));
    }

    #[test]
    fn days_of_a_series_of_whole_days_stay_days() {
        let (mut master, _) = master();
        for (zone, original) in [
            ("W. Europe Standard Time", "2027-03-31T22:00:00Z"),
            ("Pacific Standard Time", "2027-04-01T07:00:00Z"),
            ("Pacific Standard Time", "2027-04-01T00:00:00Z"),
            ("UTC", "2027-04-01T00:00:00Z"),
        ] {
            let (start, end) = (date("2026-11-25"), date("2026-11-26"));
            master.timing = Some(Timing::AllDay { start, end, zone: Some(zone.to_owned()) });
            let found = original_date(&master, &json!({"originalStart": original}));
            assert_eq!(found, Some(date("2027-04-01")), "{zone} {original}");
        }
    }

    #[test]
    fn deleted_ones_are_found_behind_the_last_dot() {
        let ids = json!(["OID.AAMk=.2027-01-05", "OID.A.b.c.2027-02-29", "OID.A.2028-02-29", 7]);
        let found = cancelled(&json!({"cancelledOccurrences": ids}));
        assert_eq!(found, BTreeSet::from([date("2027-01-05"), date("2028-02-29")]));
        assert!(cancelled(&json!({})).is_empty());
    }

    #[test]
    fn an_exception_without_difference_is_none() {
        let (master, mut exception) = master();
        exception["originalStart"] = json!("2026-11-24T23:30:00Z");
        exception["originalStartTimeZone"] = json!("tzone://Microsoft/Custom");
        exception["originalEndTimeZone"] = json!("");
        let value = json!({"exceptionOccurrences": [exception]});
        let exceptions = exceptions(&master, &value).unwrap();
        assert_eq!(exceptions.len(), 1);
        let deleted = BTreeSet::from([date("2026-12-01")]);
        let expected = BTreeMap::from([(date("2026-12-01"), Occurrence::Deleted)]);
        assert_eq!(occurrences(&exceptions, &deleted), expected);
    }
}
