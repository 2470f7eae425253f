//! An event as a calendar item to create, or as updates of one.
//!
//! The two have the same parts: a property's path and its element. A new item is the elements in
//! the schema's order; an update sets each of them, or deletes it where it is empty.

use super::event::Known;
use super::{people, recurrence, time};
use crate::soap::Xml;
use crate::stamp::{self, Property};
use chrono::NaiveDate;
use items::note;
use items::people::{Attendee, People, Travel};
use items::{Body, BodyKind, Event, Importance, Recurrence, Reminder, Sensitivity, ShowAs, Timing};
use sync_core::port::{Stamp, Trouble};

/// Longest subject that Exchange takes, in UTF-16 units (MS docs: Subject).
const SUBJECT_UNITS_MAX: usize = 255;
/// Largest reminder that the schema allows, in minutes: five years.
const REMINDER_MINUTES_MAX: i32 = 2_629_800;

/// What to write, and the zone in which the server is to understand it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    /// The elements of a `CalendarItem`, or of `Updates`.
    pub(crate) xml: String,
    /// A Windows id; absent where no times are written.
    pub(crate) zone: Option<&'static str>,
}

/// The mailbox that is written to, and what its items are marked with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// The stamp property.
    pub(crate) property: &'a Property,
    /// The owner's address.
    pub(crate) mailbox: &'a str,
    /// Whether people are told in the body, too. The server mails nobody, whatever this says.
    pub(crate) travel: Travel,
}

/// A new item that holds `event`; of a series without its occurrences, and without attachments.
///
/// The reminder is always stated, because the server's default is one 15 minutes before. People are
/// invited on it only where the owner of the mailbox organises the meeting, or the owner would
/// become the organizer of a meeting of others; everybody else's travel in our property.
pub(crate) fn create(event: &Event, setting: Setting<'_>, stamp: &Stamp) -> Result<Draft, Trouble> {
    let mut event = event.clone();
    event.reminder.get_or_insert(Reminder::Off);
    let people = People::of(&event);
    let is_own = people::is_own(&people, setting.mailbox);
    if setting.notes() && !is_own {
        event.body = Some(note::with(&event.body.unwrap_or_default(), &people));
    }
    let invited = event.attendees.as_deref().filter(|_| is_own);
    let (parts, zone) = parts(&event, &Event::default(), invited)?;
    let (item, calendar): (Vec<_>, Vec<_>) =
        parts.iter().partition(|part| part.field.starts_with("item:"));
    let xml = Xml::text_of(|xml| {
        let elements = |xml: &mut Xml, parts: &[&Part]| {
            parts.iter().filter_map(|part| part.element.as_deref()).for_each(|e| xml.raw(e));
        };
        elements(xml, &item);
        setting.property.write(xml, stamp);
        if let Some(note) = people::note(&people, is_own.then_some(&[])) {
            stamp::write_people(xml, &note);
        }
        if let Some(uid) = event.uid.as_deref().filter(|uid| !uid.trim().is_empty()) {
            xml.leaf("t:UID", uid);
        }
        elements(xml, &calendar);
    });
    Ok(Draft { xml, zone })
}

/// Updates that set the fields `patch` holds, and no others, on an item of which that much is
/// known, where [`Setting::wants_more`] says so. The identity never changes.
///
/// An appointment never becomes a meeting: people are invited only where they were before.
pub(crate) fn update(
    patch: &Event,
    known: &Known,
    setting: Setting<'_>,
    stamp: &Stamp,
) -> Result<Draft, Trouble> {
    known.kind.check(&patch.present_fields())?;
    let people = known.with_people(patch);
    let mut patch = patch.clone();
    let is_noted = setting.notes() && known.kind == people::Kind::Appointment;
    if is_noted && setting.touches_people(&patch) {
        let body = patch.body.as_ref().or(known.event.body.as_ref());
        patch.body = Some(note::with(&body.cloned().unwrap_or_default(), &people));
    }
    let invited = patch.attendees.as_deref().filter(|_| known.kind == people::Kind::Organized);
    let (parts, zone) = parts(&patch, &known.event, invited)?;
    let xml = Xml::text_of(|xml| {
        parts.iter().for_each(|part| part.update(xml));
        if writes_people(&patch) {
            set_people(xml, people::note(&people, known.native.as_deref()).as_deref());
        }
        xml.raw(&stamped(setting.property, stamp));
    });
    Ok(Draft { xml, zone })
}

/// Notes people, or that there are none.
fn set_people(xml: &mut Xml, note: Option<&str>) {
    match note {
        None => xml.node("t:DeleteItemField", &[], stamp::people_path),
        Some(note) => {
            set(xml, stamp::people_path, |xml| stamp::write_people(xml, note));
        }
    }
}

/// Updates of an occurrence, whose series carries the stamp.
///
/// What is empty is written so: without a value of its own an occurrence has that of its series
/// (MS-OXOCAL 2.2.1.44.2: OverrideFlags).
pub(crate) fn occurrence(patch: &Event) -> Result<Draft, Trouble> {
    let (mut parts, zone) = parts(patch, &Event::default(), None)?;
    for part in parts.iter_mut().filter(|part| part.element.is_none()) {
        part.element = Some(Xml::text_of(|xml| xml.empty(&part.name(), &[])));
    }
    let xml = Xml::text_of(|xml| parts.iter().for_each(|part| part.update(xml)));
    Ok(Draft { xml, zone })
}

/// The update that renews a stamp.
pub(crate) fn stamped(property: &Property, stamp: &Stamp) -> String {
    Xml::text_of(|xml| set(xml, |xml| property.path(xml), |xml| property.write(xml, stamp)))
}

impl Setting<'_> {
    /// Whether more must be known of an item to write this patch to it.
    pub(crate) fn wants_more(self, patch: &Event) -> bool {
        wants_schedule(patch) || self.touches_people(patch)
    }

    /// Whether a patch concerns people, or the body in which they are told.
    fn touches_people(self, patch: &Event) -> bool {
        writes_people(patch) || self.notes() && patch.body.is_some()
    }

    /// Whether people are told in bodies.
    pub(crate) fn notes(self) -> bool {
        match self.travel {
            Travel::Note => true,
            Travel::Carry | Travel::Write => false,
        }
    }
}

/// Whether a patch holds people, who are noted together.
fn writes_people(patch: &Event) -> bool {
    patch.meeting.is_some() || patch.attendees.is_some()
}

/// Whether a patch holds only one of what a series is written with: its range starts with the
/// start of the event.
fn wants_schedule(patch: &Event) -> bool {
    match &patch.recurrence {
        Some(Recurrence::Rule(_)) => patch.timing.is_none(),
        Some(Recurrence::Once | Recurrence::Other(_)) => false,
        None => patch.timing.is_some(),
    }
}

fn set(xml: &mut Xml, path: impl FnOnce(&mut Xml), element: impl FnOnce(&mut Xml)) {
    xml.node("t:SetItemField", &[], |xml| {
        path(xml);
        xml.node("t:CalendarItem", &[], element);
    });
}

/// A property of a calendar item.
#[derive(Debug)]
pub(super) struct Part {
    /// Its path.
    field: &'static str,
    /// Its element; absent where the value is empty, which Exchange stores as no value.
    element: Option<String>,
}

impl Part {
    /// The property of this path with that element, if it has a value.
    pub(super) fn of(field: &'static str, element: Option<String>) -> Self {
        Self { field, element }
    }

    fn new(field: &'static str, build: impl FnOnce(&mut Xml)) -> Self {
        Self { field, element: Some(Xml::text_of(build)) }
    }

    /// The name of its element.
    fn name(&self) -> String {
        let name = self.field.split_once(':').map_or(self.field, |(_, name)| name);
        format!("t:{name}")
    }

    /// Writes the update that sets it, or deletes it where it is empty.
    fn update(&self, xml: &mut Xml) {
        let path = |xml: &mut Xml| xml.empty("t:FieldURI", &[("FieldURI", self.field)]);
        match &self.element {
            Some(element) => set(xml, path, |xml| xml.raw(element)),
            None => xml.node("t:DeleteItemField", &[], path),
        }
    }

    fn leaf(field: &'static str, name: &str, text: &str) -> Self {
        Self::new(field, |xml| xml.leaf(name, text))
    }

    /// A text; Exchange trims it, so that blanks alone are no value.
    fn line(field: &'static str, name: &str, text: &str) -> Self {
        if text.trim().is_empty() {
            Self { field, element: None }
        } else {
            Self::leaf(field, name, text)
        }
    }
}

/// The parts of the fields that are present, in the order of the schema, and the zone to
/// understand them in; with the lists of those who are invited, where they are to be.
fn parts(
    event: &Event,
    standing: &Event,
    invited: Option<&[Attendee]>,
) -> Result<(Vec<Part>, Option<&'static str>), Trouble> {
    let mut parts = Vec::new();
    if let Some(subject) = &event.subject {
        parts.push(Part::line("item:Subject", "t:Subject", checked_subject(subject)?));
    }
    if let Some(sensitivity) = event.sensitivity {
        parts.push(Part::leaf("item:Sensitivity", "t:Sensitivity", sensitivity_word(sensitivity)));
    }
    if let Some(body) = &event.body {
        parts.push(Part::new("item:Body", |xml| write_body(xml, body)));
    }
    if let Some(categories) = &event.categories {
        parts.push(categories_part(categories));
    }
    if let Some(importance) = event.importance {
        parts.push(Part::leaf("item:Importance", "t:Importance", importance_word(importance)));
    }
    if let Some(reminder) = event.reminder {
        parts.extend(reminder_parts(reminder)?);
    }
    let timed = event.timing.as_ref().map(Times::of).transpose()?;
    if let Some(times) = &timed {
        let all_day = if times.all_day { "true" } else { "false" };
        parts.push(Part::leaf("calendar:Start", "t:Start", &times.start));
        parts.push(Part::leaf("calendar:End", "t:End", &times.end));
        parts.push(Part::leaf("calendar:IsAllDayEvent", "t:IsAllDayEvent", all_day));
    }
    if let Some(show_as) = event.show_as {
        let word = show_as_word(show_as);
        parts.push(Part::leaf("calendar:LegacyFreeBusyStatus", "t:LegacyFreeBusyStatus", word));
    }
    if let Some(location) = &event.location {
        parts.push(Part::line("calendar:Location", "t:Location", location));
    }
    if let Some(invited) = invited {
        parts.extend(people::parts(invited)?);
    }
    let recurs = Recurs::of(event, standing)?;
    parts.extend(recurs.part);
    if let Some(times) = &timed {
        let zone =
            |field, name, id| Part::new(field, |xml: &mut Xml| xml.empty(name, &[("Id", id)]));
        parts.push(zone("calendar:StartTimeZone", "t:StartTimeZone", times.start_zone));
        parts.push(zone("calendar:EndTimeZone", "t:EndTimeZone", times.end_zone));
    }
    Ok((parts, timed.map(|times| times.start_zone).or(recurs.zone)))
}

/// How an item is to recur.
struct Recurs {
    /// The property, if it is to be written.
    part: Option<Part>,
    /// The zone that its dates are in.
    zone: Option<&'static str>,
}

impl Recurs {
    const FIELD: &str = "calendar:Recurrence";

    /// Written where the recurrence changes, or the start that the range of a series starts with.
    fn of(event: &Event, standing: &Event) -> Result<Self, Trouble> {
        let moved = event.timing.as_ref().and(standing.recurrence.as_ref());
        let rule = match (&event.recurrence, moved) {
            (Some(Recurrence::Rule(rule)), _) | (None, Some(Recurrence::Rule(rule))) => rule,
            (Some(Recurrence::Once), _) => {
                return Ok(Self {
                    part: Some(Part { field: Self::FIELD, element: None }),
                    zone: None,
                });
            }
            (Some(Recurrence::Other(_)), _) => {
                let why = "only iCalendar has such a rule";
                return Err(recurrence::inexpressible(why));
            }
            (None, None | Some(Recurrence::Once | Recurrence::Other(_))) => {
                return Ok(Self { part: None, zone: None });
            }
        };
        let timing = event.timing.as_ref().or(standing.timing.as_ref());
        let (first, zone) = first_date(timing)?;
        let recurrence = Some(Recurrence::Rule(rule.clone()));
        let series = Event { timing: timing.cloned(), recurrence, ..Event::default() };
        if !series.is_kept_by_windows() {
            let why = "its time zone has other clocks than any that Exchange knows";
            return Err(recurrence::inexpressible(why));
        }
        let element = recurrence::recurrence(rule, first)?;
        Ok(Self {
            part: Some(Part { field: Self::FIELD, element: Some(element) }),
            zone: Some(zone),
        })
    }
}

/// The date on which a series starts, and the zone that it goes on in.
fn first_date(timing: Option<&Timing>) -> Result<(NaiveDate, &'static str), Trouble> {
    let no_start = || recurrence::inexpressible("it has no start");
    let timing = timing.ok_or_else(no_start)?;
    let event = Event { timing: Some(timing.clone()), ..Event::default() };
    let (start_zone, end_zone) = event.zones();
    let zone = start_zone.or(end_zone);
    let zone = zone.as_deref();
    match timing {
        Timing::Timed { .. } if zone.is_some_and(|zone| items::zone::windows(zone).is_none()) => {
            // Its clocks may change on other days than those of any zone that Exchange knows.
            let why = format!("it has no time zone {}", zone.unwrap_or_default());
            Err(recurrence::inexpressible(&why))
        }
        Timing::Timed { .. } | Timing::AllDay { .. } => {
            Ok((event.first_date().ok_or_else(no_start)?, time::windows_zone(zone)))
        }
    }
}

fn checked_subject(subject: &str) -> Result<&str, Trouble> {
    let units = subject.trim().encode_utf16().count();
    if units > SUBJECT_UNITS_MAX {
        let detail = format!(
            "the subject has {units} characters, and Exchange keeps {SUBJECT_UNITS_MAX}; shorten it"
        );
        return Err(Trouble::new("subject-too-long", detail));
    }
    Ok(subject)
}

fn write_body(xml: &mut Xml, body: &Body) {
    let kind = match body.kind {
        BodyKind::Text => "Text",
        BodyKind::Html => "HTML",
    };
    xml.node("t:Body", &[("BodyType", kind)], |xml| xml.text(&body.content));
}

fn categories_part(categories: &[String]) -> Part {
    let named: Vec<_> = categories.iter().filter(|c| !c.trim().is_empty()).collect();
    let write = |xml: &mut Xml| {
        xml.node("t:Categories", &[], |xml| named.iter().for_each(|c| xml.leaf("t:String", c)));
    };
    let element = (!named.is_empty()).then(|| Xml::text_of(write));
    Part { field: "item:Categories", element }
}

fn reminder_parts(reminder: Reminder) -> Result<Vec<Part>, Trouble> {
    let is_set = |word| Part::leaf("item:ReminderIsSet", "t:ReminderIsSet", word);
    match reminder {
        Reminder::Off => Ok(vec![is_set("false")]),
        Reminder::Before(minutes) if (0..=REMINDER_MINUTES_MAX).contains(&minutes) => {
            let (field, name) = ("item:ReminderMinutesBeforeStart", "t:ReminderMinutesBeforeStart");
            Ok(vec![is_set("true"), Part::leaf(field, name, &minutes.to_string())])
        }
        Reminder::Before(minutes) => {
            let detail = format!(
                "the reminder, {minutes} minutes before the start, is none that Exchange can hold: \
                 it takes 0 to {REMINDER_MINUTES_MAX}"
            );
            Err(Trouble::new("reminder-out-of-range", detail))
        }
    }
}

/// Start, end and both zones go together: the server would shift times to fit a zone alone, and
/// give times alone the zone of the request (MS docs: "Update the time zone for an appointment").
struct Times {
    start: String,
    end: String,
    all_day: bool,
    start_zone: &'static str,
    end_zone: &'static str,
}

impl Times {
    fn of(timing: &Timing) -> Result<Self, Trouble> {
        let (start, end, all_day, start_zone, end_zone) = match timing {
            Timing::Timed { start, end, start_zone, end_zone } => {
                let end_zone = end_zone.as_deref().or(start_zone.as_deref());
                let start_zone = start_zone.as_deref().or(end_zone);
                let zones = (time::windows_zone(start_zone), time::windows_zone(end_zone));
                (Some(*start), Some(*end), false, zones.0, zones.1)
            }
            Timing::AllDay { start, end, zone } => {
                let zone = time::windows_zone(zone.as_deref());
                let midnight = |day| time::midnight(day, zone);
                (midnight(*start), midnight(*end), true, zone, zone)
            }
        };
        let text = |instant: Option<i64>| instant.and_then(time::utc);
        match (text(start), text(end)) {
            (Some(start), Some(end)) => Ok(Self { start, end, all_day, start_zone, end_zone }),
            _ => {
                let detail = "the event's time is outside the years that Exchange can hold";
                Err(Trouble::new("time-out-of-range", detail))
            }
        }
    }
}

fn show_as_word(show_as: ShowAs) -> &'static str {
    match show_as {
        ShowAs::Free => "Free",
        ShowAs::Tentative => "Tentative",
        ShowAs::Busy => "Busy",
        ShowAs::OutOfOffice => "OOF",
        ShowAs::WorkingElsewhere => "WorkingElsewhere",
    }
}

fn sensitivity_word(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Normal => "Normal",
        Sensitivity::Personal => "Personal",
        Sensitivity::Private => "Private",
        Sensitivity::Confidential => "Confidential",
    }
}

fn importance_word(importance: Importance) -> &'static str {
    match importance {
        Importance::Low => "Low",
        Importance::Normal => "Normal",
        Importance::High => "High",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::event;
    use crate::soap::Element;
    use chrono::Datelike;
    use items::Digester;
    use items::recurrence::{End, Pattern, Rule, Weekday};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use sync_core::ids::{IntentKey, LinkId};

    fn stamped(event: &Event) -> Element {
        let stamp = Stamp { link: LinkId(1), key: IntentKey("k".into()) };
        let property = Property::new("s");
        let mailbox = "anna@contoso.example";
        let setting = Setting { property: &property, mailbox, travel: Travel::Carry };
        let draft = create(event, setting, &stamp).unwrap();
        let kind = if event.is_series() { "RecurringMaster" } else { "Single" };
        let element = Element::parse(&format!(
            "<t:CalendarItem xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
             {}<t:CalendarItemType>{kind}</t:CalendarItemType></t:CalendarItem>",
            draft.xml
        ))
        .unwrap();
        assert_eq!(Property::new("s").read(&element), Some(stamp));
        assert_eq!(Property::new("other").read(&element), None);
        element
    }

    fn zone() -> impl Strategy<Value = Option<String>> {
        let zones = ["Europe/Berlin", "Pacific Standard Time", "Asia/Kolkata", "UTC", "Asia/Tokyo"];
        proptest::option::of(proptest::sample::select(zones.map(str::to_owned).to_vec()))
    }

    fn timing() -> impl Strategy<Value = Timing> {
        let timed = (0..4_000_000_000i64, 0..1_000_000i64, zone(), zone()).prop_map(
            |(start, length, start_zone, end_zone)| Timing::Timed {
                start,
                end: start + length,
                start_zone,
                end_zone,
            },
        );
        let days = (0..40_000u64, 1..30u64, zone()).prop_map(|(day, length, zone)| {
            let start = NaiveDate::default() + chrono::Days::new(day);
            Timing::AllDay { start, end: start + chrono::Days::new(length), zone }
        });
        prop_oneof![timed, days]
    }

    fn recurrence(kind: i32, first: NaiveDate) -> Recurrence {
        let pattern = match kind {
            0 => return Recurrence::Once,
            1 => Pattern::Daily { interval: 3 },
            2 => Pattern::Weekly {
                interval: 2,
                days: [Weekday::of(first), Weekday::Monday].into(),
                first_day: Weekday::Sunday,
            },
            _ => Pattern::AbsoluteMonthly { interval: 1, day: first.day() },
        };
        Recurrence::Rule(Rule { pattern, end: End::Count(5) })
    }

    prop_compose! {
        fn event()(
            subject in "\\PC{0,60}",
            body in "[\\PC\r\n\t]{0,60}",
            html: bool,
            timing in timing(),
            categories in proptest::collection::vec("[a-z&<äöü]{1,9}", 0..4),
            minutes in proptest::option::of(0..50_000),
            recurs in 0..4,
        ) -> Event {
            let kind = if html { BodyKind::Html } else { BodyKind::Text };
            let dated = Event { timing: Some(timing.clone()), ..Event::default() };
            Event {
                uid: Some("abc@example".into()),
                location: Some(subject.clone()),
                subject: Some(subject),
                body: Some(Body { kind, content: body }),
                timing: Some(timing),
                recurrence: Some(recurrence(recurs, dated.first_date().unwrap())),
                occurrences: Some(BTreeMap::new()),
                categories: Some(categories),
                reminder: Some(minutes.map_or(Reminder::Off, Reminder::Before)),
                show_as: Some(ShowAs::OutOfOffice),
                sensitivity: Some(Sensitivity::Private),
                importance: Some(Importance::High),
                ..Event::default()
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back_with_the_same_meaning(event in event()) {
            let read = event::event(&stamped(&event)).unwrap();
            let digester = Digester::new([1; 32]);
            let meaning = |event: &Event| {
                let rendition = digester.rendition(event, None, None);
                let fields = rendition.fields.into_iter().map(|(name, v)| (name, v.elsewhere()));
                (fields.collect::<Vec<_>>(), rendition.identity)
            };
            prop_assert_eq!(meaning(&read), meaning(&event));
        }
    }
}
