//! The stretch of time that is synchronised, and the shorter one that a delta can look at.

use chrono::{DateTime, NaiveDate, SecondsFormat};
use items::recurrence::{End, Rule};
use items::{Event, Occurrence, Timing};

const DAY_SECONDS: i64 = 86_400;
/// Longest window of a calendarView delta, in seconds: 1825 days (the service's own error text).
pub(crate) const VIEW_SECONDS_MAX: i64 = 1825 * DAY_SECONDS;
/// How far back a view looks where nothing is configured, in seconds.
const BACK_SECONDS: i64 = 730 * DAY_SECONDS;
/// Occurrences up to which the last one is counted out; Exchange takes 999.
const COUNT_MAX: u32 = 5_000;

/// What is configured: an instant and a later one, in seconds since 1970 UTC, or all times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window(Option<(i64, i64)>);

impl Window {
    /// `None` for a window that ends before it begins, or lies in no year that has four digits.
    pub(crate) fn new(window: Option<(i64, i64)>) -> Option<Self> {
        let is_year = |instant| rfc3339(instant).is_some_and(|text| text.len() == 20);
        match window {
            Some((from, to)) if from >= to || !is_year(from) || !is_year(to) => None,
            other => Some(Self(other)),
        }
    }

    /// Whether an event lies wholly outside: of a series, all that may take place.
    pub(crate) fn excludes(&self, event: &Event) -> bool {
        let (Some((from, to)), Some(timing)) = (self.0, &event.timing) else { return false };
        let is_outside = |timing: &Timing| {
            let (start, end) = bounds(timing);
            // An event without duration lies where it starts.
            start >= to || (end <= from && start < from)
        };
        let Some(rule) = event.recurrence.as_ref().and_then(|recurrence| recurrence.rule()) else {
            return is_outside(timing);
        };
        let moved = event.occurrences.iter().flatten().filter_map(|(_, one)| match one {
            Occurrence::Changed(own) => own.timing.as_ref(),
            Occurrence::Deleted => None,
        });
        let (first, _) = bounds(timing);
        let end = last_date(rule, event.first_date()).and_then(|date| event.timing_on(date));
        let is_over = end.is_some_and(|last| bounds(&last).1 <= from && bounds(&last).0 < from);
        (first >= to || is_over) && moved.into_iter().all(is_outside)
    }

    /// What a delta looks at that begins at `now`: all of what is configured where that is short
    /// enough, else the part around `now`.
    pub(crate) fn view(&self, now: i64) -> (i64, i64) {
        let start = now - now.rem_euclid(DAY_SECONDS) - BACK_SECONDS;
        match self.0 {
            Some((from, to)) if to - from <= VIEW_SECONDS_MAX => (from, to),
            Some((from, to)) => {
                let start = start.clamp(from, to - VIEW_SECONDS_MAX);
                (start, start + VIEW_SECONDS_MAX)
            }
            None => (start, start + VIEW_SECONDS_MAX),
        }
    }

    /// Whether a delta that looks at `view` misses some of what is configured.
    pub(crate) fn exceeds(&self, view: (i64, i64)) -> bool {
        self.0.is_none_or(|(from, to)| from < view.0 || to > view.1)
    }

    /// Whether a delta that looks at `view` should begin anew at `now`: the configuration has
    /// changed, or the future that it sees has become short.
    pub(crate) fn is_outdated(&self, view: (i64, i64), now: i64) -> bool {
        let current = self.view(now);
        match self.0 {
            Some(configured) if configured == current => view != configured,
            _ => view != current && now > view.1 - BACK_SECONDS,
        }
    }
}

fn bounds(timing: &Timing) -> (i64, i64) {
    match timing {
        Timing::Timed { start, end, .. } => (*start, *end),
        Timing::AllDay { start, end, .. } => (midnight(*start), midnight(*end)),
    }
}

/// A date after which a series has no occurrence; nothing where it may go on for ever.
fn last_date(rule: &Rule, first: Option<NaiveDate>) -> Option<NaiveDate> {
    match rule.end {
        End::Never => None,
        End::On(date) => Some(date),
        End::Count(count) => (count <= COUNT_MAX).then(|| rule.last(first?)).flatten(),
    }
}

fn midnight(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
}

/// An instant as Graph's query options take it, in UTC.
pub(crate) fn rfc3339(instant: i64) -> Option<String> {
    Some(DateTime::from_timestamp(instant, 0)?.to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use items::Recurrence;
    use items::recurrence::Pattern;

    const NOW: i64 = 1_795_600_000;

    fn window(from: i64, to: i64) -> Window {
        Window::new(Some((from, to))).unwrap()
    }

    #[test]
    fn events_at_the_edge_are_in_or_out() {
        let window = window(1000, 2000);
        for (start, end, expected) in [
            (0, 999, true),
            (0, 1000, true),
            (0, 1001, false),
            (1000, 1000, false),
            (1999, 5000, false),
            (2000, 2000, true),
            (0, 9000, false),
        ] {
            assert_eq!(window.excludes(&event(start, end)), expected, "{start} {end}");
        }
        assert!(!Window::new(None).unwrap().excludes(&Event::default()));
    }

    fn event(start: i64, end: i64) -> Event {
        let timing = Timing::Timed { start, end, start_zone: None, end_zone: None };
        Event { timing: Some(timing), ..Event::default() }
    }

    #[test]
    fn a_series_lies_where_any_of_it_may() {
        // 2001-09-09 01:46:40, and the ten days from the 20th on.
        let start = 1_000_000_000;
        let window = window(start + 11 * DAY_SECONDS, start + 21 * DAY_SECONDS);
        let series = |days: i64, end| {
            let start = start + days * DAY_SECONDS;
            let rule = Rule { pattern: Pattern::Daily { interval: 2 }, end };
            Event { recurrence: Some(Recurrence::Rule(rule)), ..event(start, start + 3600) }
        };
        for (days, end, expected) in [
            (0, End::Never, false),
            (21, End::Never, true),
            (20, End::Never, false),
            (0, End::Count(6), true),
            (0, End::Count(7), false),
            (0, End::Count(u32::MAX), false),
            (0, End::On("2001-09-19".parse().unwrap()), true),
            (0, End::On("2001-09-20".parse().unwrap()), false),
        ] {
            assert_eq!(window.excludes(&series(days, end)), expected, "{days} {end:?}");
        }
        let mut ended = series(0, End::Count(6));
        let moved = event(start + 12 * DAY_SECONDS, start + 13 * DAY_SECONDS);
        let moved = Occurrence::Changed(Box::new(moved));
        ended.occurrences = Some([("2001-09-19".parse().unwrap(), moved)].into());
        assert!(!window.excludes(&ended));
    }

    #[test]
    fn a_view_is_never_too_long() {
        let all = Window::new(None).unwrap();
        let view = all.view(NOW);
        assert_eq!(view.1 - view.0, VIEW_SECONDS_MAX);
        assert!(view.0 < NOW - 729 * DAY_SECONDS && view.1 > NOW + 3 * 364 * DAY_SECONDS);
        assert!(all.exceeds(view));

        let short = window(NOW, NOW + 10);
        assert_eq!(short.view(NOW), (NOW, NOW + 10));
        assert!(!short.exceeds(short.view(NOW)));

        let long = window(0, NOW + 10);
        assert_eq!(long.view(NOW), (NOW + 10 - VIEW_SECONDS_MAX, NOW + 10));
        assert!(long.exceeds(long.view(NOW)));
    }

    #[test]
    fn a_view_is_renewed_when_its_future_is_short() {
        let all = Window::new(None).unwrap();
        let view = all.view(NOW);
        assert!(!all.is_outdated(view, NOW));
        assert!(!all.is_outdated(view, NOW + 300 * DAY_SECONDS));
        assert!(all.is_outdated(view, NOW + 400 * DAY_SECONDS));
        assert!(!window(NOW, NOW + 10).is_outdated((NOW, NOW + 10), i64::from(i32::MAX)));
        assert!(window(NOW, NOW + 10).is_outdated((NOW, NOW + 11), NOW));
    }

    #[test]
    fn impossible_windows_are_refused() {
        for (from, to) in [(5, 5), (6, 5), (i64::MIN, 0), (0, i64::MAX), (0, 253_402_300_800)] {
            assert_eq!(Window::new(Some((from, to))), None, "{from} {to}");
        }
    }
}
