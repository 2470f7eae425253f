//! When people are free and busy, as both faces tell others.

use super::changes::Window;
use super::folder::Role;
use super::item::{Item, ShowAs};
use super::mailbox::Mailbox;
use jiff::SignedDuration;
use std::borrow::Cow;

/// Longest time that can be asked about (evolution-ews issue 319: seen on Exchange 2019; MS docs,
/// TimeWindow, state the default of older servers, 42 days).
pub const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(62 * 24);
/// Bounds of the interval of merged views, in minutes (MS docs: MergedFreeBusyIntervalInMinutes).
pub const INTERVAL_MINUTES: std::ops::RangeInclusive<i64> = 5..=1440;
/// The same where none is given.
pub const INTERVAL_MINUTES_DEFAULT: i64 = 30;
/// Working hours of a new mailbox in minutes after midnight, Monday to Friday.
pub const WORK_MINUTES: (i32, i32) = (480, 1020);

impl Mailbox {
    /// The events that count, series as their occurrences.
    pub fn busy_times(&self, window: Window) -> Vec<Cow<'_, Item>> {
        self.view(self.role(Role::Calendar), window).into_iter().collect()
    }
}

/// One digit for each interval of a window: the busiest of what touches it.
pub fn merged(events: &[Cow<'_, Item>], window: Window, interval_minutes: i64) -> String {
    let step = interval_minutes.max(1) * 60;
    let (from, to) = (window.start.as_second(), window.end.as_second());
    let mut digits = vec![b'0'; usize::try_from((to - from + step - 1) / step).unwrap_or(0)];
    for event in events.iter().filter_map(|item| item.content.as_event()) {
        let first = (event.start.utc.as_second() - from).max(0) / step;
        let past = (event.end.utc.as_second() - from + step - 1) / step;
        for at in first..past.min(digits.len() as i64) {
            if let Some(place) = usize::try_from(at).ok().and_then(|at| digits.get_mut(at)) {
                *place = digit(event.show_as).max(*place);
            }
        }
    }
    String::from_utf8(digits).unwrap_or_default()
}

/// MS docs: MergedFreeBusy; Graph docs, scheduleInformation: who works elsewhere counts as free.
fn digit(show_as: ShowAs) -> u8 {
    match show_as {
        ShowAs::Free | ShowAs::WorkingElsewhere => b'0',
        ShowAs::Tentative => b'1',
        ShowAs::Busy => b'2',
        ShowAs::OutOfOffice => b'3',
        ShowAs::Unknown => b'4',
    }
}
