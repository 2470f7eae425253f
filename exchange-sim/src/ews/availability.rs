//! GetUserAvailability: who is free and busy when, as others may see it.

use super::context::Context;
use super::failure::Failure;
use super::failure::success;
use super::field::free_busy;
use super::suggestions;
use super::xml::Element;
use super::zone;
use crate::store::Item;
use crate::store::Mailbox;
use crate::store::Sensitivity;
use crate::store::Window;
use crate::store::free_busy::INTERVAL_MINUTES;
use crate::store::free_busy::INTERVAL_MINUTES_DEFAULT;
use crate::store::free_busy::WINDOW_MAX;
use crate::store::free_busy::WORK_MINUTES;
use crate::store::free_busy::merged;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Mailboxes in one request (MS docs: GetUserAvailability operation).
const MAILBOXES_MAX: usize = 100;

/// What is asked about every mailbox.
struct Question {
    /// The zone in which the request and its answer state times.
    zone: TimeZone,
    window: Window,
    interval: i64,
    view: View,
}

/// How much an answer tells (MS docs: FreeBusyViewType).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct View {
    merged: bool,
    events: bool,
    details: bool,
}

/// The whole response: one FreeBusyResponse a mailbox, and suggestions if they are asked for.
pub(crate) fn get(context: &Context<'_>, request: &Element) -> Element {
    let question = Question::read(context, request);
    let mailboxes = request.child("MailboxDataArray").into_iter().flat_map(|list| &list.children);
    let answers = mailboxes.enumerate().map(|(at, data)| {
        let found = question.as_ref().map_err(Clone::clone).and_then(|question| {
            let mailbox = mailbox(context, data)?;
            if at >= MAILBOXES_MAX {
                let text = "The number of mailboxes exceeds what one request may ask about.";
                return Err(Failure::new("ErrorResultSetTooBig", text));
            }
            Ok(question.view_of(mailbox, mailbox.address == context.mailbox().address))
        });
        let (message, view) = match found {
            Ok(view) => (success(), view),
            Err(failure) => (failure.message(), Element::m("FreeBusyView").with(kind("None"))),
        };
        let message = Element { name: "ResponseMessage".to_owned(), ..message };
        Element::m("FreeBusyResponse").with(message).with(view)
    });
    let mut response = Element::m("GetUserAvailabilityResponse");
    let suggested = request.child("SuggestionsViewOptions");
    if suggested.is_none() || request.child("FreeBusyViewOptions").is_some() {
        response = response.with(Element::m("FreeBusyResponseArray").with_all(answers));
    }
    if let Some(options) = suggested {
        let zone = zone_of(context, request).unwrap_or(TimeZone::UTC);
        let data = request.child("MailboxDataArray").into_iter().flat_map(|list| &list.children);
        let attendees: Vec<_> = data.map(|data| mailbox(context, data).ok()).collect();
        response = response.with(suggestions::get(context, options, &zone, &attendees));
    }
    response
}

/// The zone in which a request states times.
fn zone_of(context: &Context<'_>, request: &Element) -> Result<TimeZone, Failure> {
    let invalid = || Failure::new("ErrorTimeZone", "The time zone of the request is invalid.");
    match request.child("TimeZone") {
        Some(element) => zone::read_serializable(element).ok_or_else(invalid),
        None => Ok(context.zone.rules()),
    }
}

fn mailbox<'a>(context: &'a Context<'_>, data: &Element) -> Result<&'a Mailbox, Failure> {
    let address = data.child("Email").and_then(|email| email.child_text("Address"));
    let address = address.unwrap_or_default().trim();
    context.mailboxes().find(|mailbox| mailbox.address.eq_ignore_ascii_case(address)).ok_or_else(
        || {
            let text = format!(
                "Unable to resolve e-mail address <{address}> to an Active Directory object."
            );
            Failure::new("ErrorMailRecipientNotFound", &text)
        },
    )
}

impl Question {
    fn read(context: &Context<'_>, request: &Element) -> Result<Question, Failure> {
        let options = request.child("FreeBusyViewOptions").ok_or_else(|| {
            Failure::new("ErrorInvalidFreeBusyViewType", "FreeBusyViewOptions are missing.")
        })?;
        let zone = zone_of(context, request)?;
        let bound = |name| {
            let text = options.child("TimeWindow").and_then(|window| window.child_text(name));
            text.and_then(|text| instant(text, &zone))
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
        let minutes = options.child_text("MergedFreeBusyIntervalInMinutes");
        let minutes =
            minutes.and_then(|text| text.trim().parse().ok()).unwrap_or(INTERVAL_MINUTES_DEFAULT);
        if !INTERVAL_MINUTES.contains(&minutes) {
            let text = "The merged free/busy interval must lie between 5 and 1440 minutes.";
            return Err(Failure::new("ErrorInvalidMergedFreeBusyInterval", text));
        }
        let view = View::parse(options.child_text("RequestedView").unwrap_or_default())?;
        Ok(Question { zone, window: Window { start, end }, interval: minutes, view })
    }

    /// What the caller sees of a mailbox: of others no more than the times, as is the default.
    fn view_of(&self, mailbox: &Mailbox, own: bool) -> Element {
        let shown = View { details: self.view.details && own, ..self.view };
        let events = mailbox.busy_times(self.window);
        let mut view = Element::m("FreeBusyView").with(kind(shown.name()));
        if shown.merged {
            view = view.with(Element::t_text(
                "MergedFreeBusy",
                merged(&events, self.window, self.interval),
            ));
        }
        if shown.events {
            let listed = events.iter().filter_map(|item| self.event(mailbox, item, shown));
            view = view.with(Element::t("CalendarEventArray").with_all(listed));
        }
        view.with(working_hours(mailbox))
    }

    fn event(&self, mailbox: &Mailbox, item: &Item, shown: View) -> Option<Element> {
        let event = item.content.as_event()?;
        let time = |name, at: Timestamp| {
            let wall = self.zone.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S").to_string();
            Element::t_text(name, wall)
        };
        let element = Element::t("CalendarEvent")
            .with(time("StartTime", event.start.utc))
            .with(time("EndTime", event.end.utc))
            .with(Element::t_text("BusyType", free_busy(event.show_as)));
        if !shown.details {
            return Some(element);
        }
        let id: String = mailbox.ews_id(item).bytes().map(|byte| format!("{byte:02X}")).collect();
        let place = event.locations.first().map(|place| place.name.clone()).unwrap_or_default();
        let flag = |name, value: bool| Element::t_text(name, value.to_string());
        let is_exception = item.occurrence.as_ref().is_some_and(|place| place.is_exception);
        let details = Element::t("CalendarEventDetails")
            .with(Element::t_text("ID", id))
            .with(Element::t_text("Subject", &item.content.subject))
            .with(Element::t_text("Location", place))
            .with(flag("IsMeeting", event.is_meeting()))
            .with(flag("IsRecurring", item.occurrence.is_some()))
            .with(flag("IsException", is_exception))
            .with(flag("IsReminderSet", item.content.reminder.set))
            .with(flag("IsPrivate", item.content.sensitivity == Sensitivity::Private));
        Some(element.with(details))
    }
}

impl View {
    /// The fullest of the views listed; the type is a list of flags.
    fn parse(text: &str) -> Result<View, Failure> {
        let mut view = View { merged: false, events: false, details: false };
        let names = if text.trim().is_empty() { "FreeBusy" } else { text };
        for name in names.split_whitespace() {
            match name {
                "None" => {}
                "MergedOnly" => view.merged = true,
                "FreeBusy" => view.events = true,
                "FreeBusyMerged" => (view.merged, view.events) = (true, true),
                "Detailed" => (view.events, view.details) = (true, true),
                "DetailedMerged" => view = View { merged: true, events: true, details: true },
                _ => return Err(invalid_view()),
            }
        }
        match view.merged || view.events {
            true => Ok(view),
            false => Err(invalid_view()),
        }
    }

    fn name(self) -> &'static str {
        match (self.merged, self.events, self.details) {
            (true, false, _) => "MergedOnly",
            (false, _, false) => "FreeBusy",
            (true, true, false) => "FreeBusyMerged",
            (false, _, true) => "Detailed",
            (true, true, true) => "DetailedMerged",
        }
    }
}

fn invalid_view() -> Failure {
    Failure::new("ErrorInvalidFreeBusyViewType", "The requested view is invalid.")
}

fn kind(name: &str) -> Element {
    Element::t_text("FreeBusyViewType", name)
}

/// An instant from `xs:dateTime`: an offset wins over the zone.
pub(super) fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    match text.parse::<Timestamp>() {
        Ok(instant) => Some(instant),
        Err(_) => zone.to_timestamp(text.parse::<DateTime>().ok()?).ok(),
    }
}

fn working_hours(mailbox: &Mailbox) -> Element {
    let zone = &mailbox.settings.zone;
    let year = zone.wall(mailbox.now).year();
    let period = Element::t("WorkingPeriod")
        .with(Element::t_text("DayOfWeek", "Monday Tuesday Wednesday Thursday Friday"))
        .with(Element::t_text("StartTimeInMinutes", WORK_MINUTES.0.to_string()))
        .with(Element::t_text("EndTimeInMinutes", WORK_MINUTES.1.to_string()));
    Element::t("WorkingHours")
        .with(zone::serializable(zone, year))
        .with(Element::t("WorkingPeriodArray").with(period))
}
