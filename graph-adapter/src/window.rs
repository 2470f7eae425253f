//! The stretch of time that is synchronised, and the shorter one that a delta can look at.

use chrono::{DateTime, NaiveDate, SecondsFormat};
use items::Timing;

const DAY_SECONDS: i64 = 86_400;
/// Longest window of a calendarView delta, in seconds: 1825 days (the service's own error text).
const VIEW_SECONDS_MAX: i64 = 1825 * DAY_SECONDS;
/// How far back a view looks where nothing is configured, in seconds.
const BACK_SECONDS: i64 = 730 * DAY_SECONDS;

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

    /// Whether an event lies wholly outside.
    pub(crate) fn excludes(&self, timing: Option<&Timing>) -> bool {
        let (Some((from, to)), Some(timing)) = (self.0, timing) else { return false };
        let (start, end) = match timing {
            Timing::Timed { start, end, .. } => (*start, *end),
            Timing::AllDay { start, end, .. } => (midnight(*start), midnight(*end)),
        };
        // An event without duration lies where it starts.
        start >= to || (end <= from && start < from)
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
            let timing = Timing::Timed { start, end, start_zone: None, end_zone: None };
            assert_eq!(window.excludes(Some(&timing)), expected, "{start} {end}");
        }
        assert!(!Window::new(None).unwrap().excludes(None));
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
