//! The part of GetUserAvailability that suggests times for a meeting.

use super::availability::instant;
use super::context::Context;
use super::failure::Failure;
use super::failure::success;
use super::field::free_busy;
use super::xml::Element;
use crate::store::Mailbox;
use crate::store::ShowAs;
use crate::store::Window;
use crate::store::free_busy::WINDOW_MAX;
use crate::store::free_busy::WORK_MINUTES;
use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

/// Suggested times start every half hour (MS docs: GetUserAvailability example).
const STEP_MINUTES: i64 = 30;
/// How good a suggestion is, the best first (MS docs: MinimumSuggestionQuality).
const QUALITIES: [&str; 4] = ["Excellent", "Good", "Fair", "Poor"];

/// What is wanted; defaults are those of MS docs, SuggestionsViewOptions, and MS-OXWAVLS.
struct Wish {
    zone: TimeZone,
    window: Window,
    /// Below this percentage of conflicts a time is good.
    good: i64,
    per_day: usize,
    per_day_off_work: usize,
    minutes: i64,
    /// The worst quality to show, an index of [`QUALITIES`].
    worst: usize,
}

/// A time for the meeting.
struct Suggestion {
    at: Timestamp,
    is_work: bool,
    quality: usize,
    /// What each attendee does then; nothing is known of those who aren't here.
    attendees: Vec<Option<ShowAs>>,
}

/// `SuggestionsResponse`; nobody is known of an attendee without a mailbox here.
pub(super) fn get(
    context: &Context<'_>,
    options: &Element,
    zone: &TimeZone,
    attendees: &[Option<&Mailbox>],
) -> Element {
    let response = Element::m("SuggestionsResponse");
    let message = |message: Element| Element { name: "ResponseMessage".to_owned(), ..message };
    match Wish::read(options, zone) {
        Ok(wish) => {
            let days = wish.days().into_iter().map(|day| wish.day(context, day, attendees));
            let days = Element::m("SuggestionDayResultArray").with_all(days);
            response.with(message(success())).with(days)
        }
        Err(failure) => response.with(message(failure.message())),
    }
}

impl Wish {
    fn read(options: &Element, zone: &TimeZone) -> Result<Wish, Failure> {
        let number = |name, default: i64, range: std::ops::RangeInclusive<i64>| {
            let given = options.child_text(name).map(|text| text.trim().parse().ok());
            match given {
                None => Ok(default),
                Some(Some(number)) if range.contains(&number) => Ok(number),
                Some(_) => Err(Failure::new(
                    "ErrorInvalidRequest",
                    "An option of the suggestions view is out of range.",
                )),
            }
        };
        let bound = |name| {
            let window = options.child("DetailedSuggestionsWindow")?;
            instant(window.child_text(name)?, zone)
        };
        let interval = || Failure::new("ErrorInvalidTimeInterval", "The time window is invalid.");
        let (start, end) = bound("StartTime").zip(bound("EndTime")).ok_or_else(interval)?;
        if end <= start {
            return Err(interval());
        }
        if end.duration_since(start) > WINDOW_MAX {
            let text = "The requested time window is longer than 62 days.";
            return Err(Failure::new("ErrorTimeIntervalTooBig", text));
        }
        let worst = options.child_text("MinimumSuggestionQuality").unwrap_or("Fair").trim();
        Ok(Wish {
            zone: zone.clone(),
            window: Window { start, end },
            good: number("GoodThreshold", 25, 1..=49)?,
            per_day: number("MaximumResultsByDay", 10, 0..=48)? as usize,
            per_day_off_work: number("MaximumNonWorkHourResultsByDay", 0, 0..=48)? as usize,
            minutes: number("MeetingDurationInMinutes", 60, 30..=1440)?,
            worst: QUALITIES.iter().position(|name| *name == worst).unwrap_or(2),
        })
    }

    /// The days that the window touches, in the zone of the request.
    fn days(&self) -> Vec<Date> {
        let first = self.zone.to_datetime(self.window.start).date();
        let days = first.series(jiff::Span::new().days(1));
        days.take_while(|day| self.midnight(*day).is_some_and(|at| at < self.window.end)).collect()
    }

    fn midnight(&self, day: Date) -> Option<Timestamp> {
        self.zone.to_timestamp(day.at(0, 0, 0, 0)).ok()
    }

    /// The best times of a day, those of working hours first come.
    fn day(&self, context: &Context<'_>, day: Date, attendees: &[Option<&Mailbox>]) -> Element {
        let mut found: Vec<Suggestion> = self
            .starts(day)
            .map(|at| self.suggestion(context, at, attendees))
            .filter(|suggestion| suggestion.quality <= self.worst)
            .collect();
        let best = found.iter().filter(|one| one.is_work).map(|one| one.quality).min();
        found.sort_by_key(|suggestion| (suggestion.quality, suggestion.at));
        let (mut work, mut off) = (self.per_day, self.per_day_off_work);
        found.retain(|suggestion| {
            let left = if suggestion.is_work { &mut work } else { &mut off };
            let shown = *left > 0;
            *left = left.saturating_sub(1);
            shown
        });
        let date = day.at(0, 0, 0, 0).strftime("%Y-%m-%dT%H:%M:%S").to_string();
        Element::t("SuggestionDayResult")
            .with(Element::t_text("Date", date))
            .with(Element::t_text("DayQuality", QUALITIES[best.unwrap_or(3)]))
            .with(Element::t("SuggestionArray").with_all(found.iter().map(|one| self.element(one))))
    }

    fn starts(&self, day: Date) -> impl Iterator<Item = Timestamp> {
        let length = SignedDuration::from_mins(self.minutes);
        (0..1440 / STEP_MINUTES).filter_map(move |step| {
            let (hour, minute) = (step * STEP_MINUTES / 60, step * STEP_MINUTES % 60);
            let wall = day.at(hour as i8, minute as i8, 0, 0);
            let at = self.zone.to_timestamp(wall).ok()?;
            let end = at.checked_add(length).ok()?;
            let inside = at >= self.window.start && end <= self.window.end;
            inside.then_some(at)
        })
    }

    fn suggestion(
        &self,
        context: &Context<'_>,
        at: Timestamp,
        attendees: &[Option<&Mailbox>],
    ) -> Suggestion {
        let end = at.checked_add(SignedDuration::from_mins(self.minutes));
        let end = end.unwrap_or(at);
        let window = Window { start: at, end };
        let attendees: Vec<Option<ShowAs>> =
            attendees.iter().map(|mailbox| mailbox.map(|mailbox| does(mailbox, window))).collect();
        let is_conflict = |show_as: &&Option<ShowAs>| {
            !matches!(show_as, Some(ShowAs::Free | ShowAs::WorkingElsewhere))
        };
        let conflicts = attendees.iter().filter(is_conflict).count();
        let percent = (conflicts * 100 / attendees.len().max(1)) as i64;
        let quality = match percent {
            0 if conflicts == 0 => 0,
            percent if percent < self.good => 1,
            percent if percent < 50 => 2,
            _ => 3,
        };
        Suggestion { at, is_work: is_work(context.mailbox(), window), quality, attendees }
    }

    fn element(&self, suggestion: &Suggestion) -> Element {
        let wall = self.zone.to_datetime(suggestion.at).strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let attendees = suggestion.attendees.iter().map(|show_as| match show_as {
            Some(show_as) => Element::t("IndividualAttendeeConflictData")
                .with(Element::t_text("BusyType", free_busy(*show_as))),
            None => Element::t("UnknownAttendeeConflictData"),
        });
        Element::t("Suggestion")
            .with(Element::t_text("MeetingTime", wall))
            .with(Element::t_text("IsWorkTime", suggestion.is_work.to_string()))
            .with(Element::t_text("SuggestionQuality", QUALITIES[suggestion.quality]))
            .with(Element::t("AttendeeConflictDataArray").with_all(attendees))
    }
}

/// What the owner of a mailbox does in a window: what speaks most against a meeting.
fn does(mailbox: &Mailbox, window: Window) -> ShowAs {
    let weight = |show_as: ShowAs| match show_as {
        ShowAs::Free => 0,
        ShowAs::WorkingElsewhere => 1,
        ShowAs::Unknown => 2,
        ShowAs::Tentative => 3,
        ShowAs::Busy => 4,
        ShowAs::OutOfOffice => 5,
    };
    let events = mailbox.busy_times(window);
    let kinds = events.iter().filter_map(|item| Some(item.content.as_event()?.show_as));
    kinds.max_by_key(|show_as| weight(*show_as)).unwrap_or(ShowAs::Free)
}

/// Whether a window lies in the working hours of the mailbox that asks.
fn is_work(mailbox: &Mailbox, window: Window) -> bool {
    let zone = &mailbox.settings.zone;
    let (start, end) = (zone.wall(window.start), zone.wall(window.end));
    let minute =
        |wall: jiff::civil::DateTime| i32::from(wall.hour()) * 60 + i32::from(wall.minute());
    let is_weekend = matches!(start.date().weekday(), Weekday::Saturday | Weekday::Sunday);
    !is_weekend
        && start.date() == end.date()
        && minute(start) >= WORK_MINUTES.0
        && minute(end) <= WORK_MINUTES.1
}
