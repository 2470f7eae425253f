//! Writes properties from request elements into an item's content: for CreateItem and UpdateItem.

use super::attachment;
use super::failure::Failure;
use super::failure::failure;
use super::message;
use super::mime;
use super::path::Path;
use super::path::extended_property;
use super::recurrence;
use super::xml::Element;
use super::zone;
use crate::mime::in_reply_to;
use crate::store::Attendee;
use crate::store::AttendeeRole;
use crate::store::Body;
use crate::store::Content;
use crate::store::Event;
use crate::store::Importance;
use crate::store::Kind;
use crate::store::Location;
use crate::store::Person;
use crate::store::PropertyId;
use crate::store::PropertyType;
use crate::store::PropertyValue;
use crate::store::Reminder;
use crate::store::Response;
use crate::store::Sensitivity;
use crate::store::Series;
use crate::store::ShowAs;
use crate::store::zone::Zone;
use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil;
use std::sync::Arc;

/// An item while a request writes into it. Times wait until all zones are known, because `Start`
/// comes before `StartTimeZone` in the schema's order.
pub(crate) struct Draft {
    pub(crate) content: Content,
    context: Zone,
    start: Option<String>,
    end: Option<String>,
    start_zone: Option<Zone>,
    end_zone: Option<Zone>,
    /// Made by this request: an end that isn't stated is half an hour after the start.
    fresh: bool,
}

/// What the server alone writes, or what makes no sense on an item (MS docs: read-only elements).
pub(crate) fn read_only(name: &str) -> Failure {
    Failure::new("ErrorInvalidPropertySet", "Set action is invalid for property.").about(uri(name))
}

fn uri(name: &str) -> Element {
    Path::Field(field_uri(name)).element()
}

/// The `FieldURI` of a property element of an item.
pub(crate) fn field_uri(name: &str) -> String {
    let of_item = [
        "MimeContent",
        "ItemId",
        "ParentFolderId",
        "ItemClass",
        "Subject",
        "Sensitivity",
        "Body",
        "Attachments",
        "DateTimeReceived",
        "Size",
        "Categories",
        "Importance",
        "InReplyTo",
        "IsSubmitted",
        "IsDraft",
        "IsFromMe",
        "IsResend",
        "IsUnmodified",
        "InternetMessageHeaders",
        "DateTimeSent",
        "DateTimeCreated",
        "ResponseObjects",
        "ReminderDueBy",
        "ReminderIsSet",
        "ReminderNextTime",
        "ReminderMinutesBeforeStart",
        "DisplayCc",
        "DisplayTo",
        "DisplayBcc",
        "HasAttachments",
        "Culture",
        "EffectiveRights",
        "LastModifiedName",
        "LastModifiedTime",
        "IsAssociated",
        "ConversationId",
        "UniqueBody",
        "Flag",
        "TextBody",
        "Preview",
    ];
    if of_item.contains(&name) {
        format!("item:{name}")
    } else if message::FIELDS.contains(&name) {
        format!("message:{name}")
    } else {
        format!("calendar:{name}")
    }
}

impl Draft {
    /// Goes on from existing content; dateTimes without offset are meant in `context`.
    pub(crate) fn new(content: Content, context: Zone) -> Draft {
        let (start_zone, end_zone) = (None, None);
        Draft { content, context, start: None, end: None, start_zone, end_zone, fresh: false }
    }

    /// Begins with the defaults of a new item.
    pub(crate) fn fresh(content: Content, context: Zone) -> Draft {
        Draft { fresh: true, ..Draft::new(content, context) }
    }

    /// Sets the property of one element of an item.
    pub(crate) fn set(&mut self, element: &Element) -> Result<(), Failure> {
        let text = element.text.trim();
        match element.name.as_str() {
            "Subject" => self.content.subject = element.text.clone(),
            "Body" => self.content.body = body(element),
            "Sensitivity" => self.content.sensitivity = sensitivity(text),
            "Importance" => self.content.importance = importance(text),
            "Categories" => {
                let names = element.children.iter().map(|name| name.text.clone());
                self.content.categories = names.collect();
            }
            "ReminderIsSet" => self.content.reminder.set = boolean(text),
            "ReminderMinutesBeforeStart" => {
                self.content.reminder.minutes = text.parse().unwrap_or(Reminder::DEFAULT.minutes);
            }
            "InReplyTo" => {
                let value = PropertyValue::One(text.to_owned());
                self.content.properties.insert(in_reply_to(), value);
            }
            "ExtendedProperty" => {
                let (id, value) = extended_property(element)?;
                let taken = match &mut self.content.kind {
                    Kind::Message(message) => {
                        message.take_property(&id, &value).map_err(failure)?
                    }
                    Kind::Event(_) => false,
                };
                if !taken {
                    self.content.properties.insert(id, value);
                }
            }
            // Derived from Start by the server; clients send it back and are not refused.
            "ReminderDueBy" | "Culture" => {}
            // Later they are added and taken off one by one.
            "Attachments" if self.fresh => {
                let start = match &self.content.kind {
                    Kind::Event(event) => event.start.utc,
                    Kind::Message(message) => message.received.unwrap_or_default(),
                };
                let list = attachment::read_all(element, &self.context, start)?;
                self.content.attachments.extend(list);
            }
            // First among an item's elements: what else the request states wins over it.
            "MimeContent" => return self.set_stream(text),
            "IsReadReceiptRequested" | "IsDeliveryReceiptRequested" | "IsResponseRequested"
                if self.content.as_event().is_none() =>
            {
                let value = PropertyValue::One(boolean(text).to_string());
                self.content.properties.insert(receipt(element.name.as_str()), value);
            }
            _ => {
                return match &mut self.content.kind {
                    Kind::Message(message) => message::set(message, element),
                    Kind::Event(_) => self.set_event(element),
                };
            }
        }
        Ok(())
    }

    /// Takes the stream of a new item, or of a draft.
    fn set_stream(&mut self, base64: &str) -> Result<(), Failure> {
        let writable = match &self.content.kind {
            Kind::Message(message) => self.fresh || message.draft,
            Kind::Event(_) => self.fresh,
        };
        if !writable {
            return Err(read_only("MimeContent"));
        }
        mime::read(&mut self.content, base64, &self.context)?;
        if let Some(event) = self.content.as_event() {
            self.start = Some(event.start.utc.to_string());
            self.end = Some(event.end.utc.to_string());
        }
        Ok(())
    }

    fn set_event(&mut self, element: &Element) -> Result<(), Failure> {
        let text = element.text.trim();
        let name = element.name.as_str();
        match name {
            "ItemClass" if text == "IPM.Appointment" => {}
            "Start" => self.start = Some(text.to_owned()),
            "End" => self.end = Some(text.to_owned()),
            "StartTimeZone" => self.start_zone = Some(zone::read(element)?),
            "EndTimeZone" => self.end_zone = Some(zone::read(element)?),
            // The zone of Exchange 2007; the later elements win over it.
            "MeetingTimeZone" => {
                let name = element.attribute("TimeZoneName").unwrap_or_default();
                let zone = Zone::parse(name).or_else(|| zone::by_display_name(name));
                self.start_zone = self.start_zone.take().or(zone);
            }
            _ => {
                let Some(event) = self.content.as_event_mut() else { return Err(read_only(name)) };
                return set_simple(event, element, name, text);
            }
        }
        Ok(())
    }

    /// Removes a property; times and other required ones can't be removed.
    pub(crate) fn delete(&mut self, path: &Path) -> Result<(), Failure> {
        let refused = || {
            Failure::new("ErrorInvalidPropertyDelete", "Delete action is invalid for property.")
                .about(path.element())
        };
        match path {
            Path::Extended(id, _) => {
                self.content.properties.remove(id);
                Ok(())
            }
            Path::Indexed(..) => Err(refused()),
            Path::Field(uri) => self.delete_field(uri).ok_or_else(refused),
        }
    }

    fn delete_field(&mut self, uri: &str) -> Option<()> {
        match uri {
            "item:Subject" => self.content.subject.clear(),
            "item:Body" => self.content.body = Body::default(),
            "item:Categories" => self.content.categories.clear(),
            "item:Importance" => self.content.importance = Importance::Normal,
            "item:Sensitivity" => self.content.sensitivity = Sensitivity::Normal,
            "item:InReplyTo" => {
                self.content.properties.remove(&in_reply_to());
            }
            "item:ReminderIsSet" => self.content.reminder.set = false,
            "item:ReminderMinutesBeforeStart" => {
                self.content.reminder.minutes = Reminder::DEFAULT.minutes;
            }
            "calendar:Location" => self.content.as_event_mut()?.locations.clear(),
            "calendar:RequiredAttendees" => self.remove_attendees(AttendeeRole::Required)?,
            "calendar:OptionalAttendees" => self.remove_attendees(AttendeeRole::Optional)?,
            "calendar:Resources" => self.remove_attendees(AttendeeRole::Resource)?,
            "calendar:Recurrence" => self.content.as_event_mut()?.series = None,
            // None of these is kept, so nothing is left to remove.
            "calendar:When"
            | "calendar:ConferenceType"
            | "calendar:MeetingTimeZone"
            | "calendar:MeetingWorkspaceUrl"
            | "calendar:NetShowUrl" => {}
            _ => match &mut self.content.kind {
                Kind::Message(message) => return message::delete(message, uri),
                Kind::Event(_) => return None,
            },
        }
        Some(())
    }

    fn remove_attendees(&mut self, role: AttendeeRole) -> Option<()> {
        self.content.as_event_mut()?.attendees.retain(|attendee| attendee.role != role);
        Some(())
    }

    /// Appends to a body or to a list of people; nothing else can be appended to (MS docs:
    /// AppendToItemField).
    pub(crate) fn append(&mut self, element: &Element) -> Result<(), Failure> {
        let name = element.name.as_str();
        if name == "Body" {
            self.content.body.content.push_str(&body(element).content);
            return Ok(());
        }
        let appended = match &mut self.content.kind {
            Kind::Message(message) => message::append(message, element),
            Kind::Event(event) => {
                matches!(name, "RequiredAttendees" | "OptionalAttendees" | "Resources")
                    .then(|| event.attendees.extend(attendees(element, role(name))))
            }
        };
        appended.ok_or_else(|| {
            let text = "Append action is invalid for property.";
            Failure::new("ErrorInvalidPropertyAppend", text).about(uri(name))
        })
    }

    /// Settles times and zones and gives the content back.
    ///
    /// A zone without a time keeps the wall clock and so shifts the instant (MS docs: how to update
    /// the time zone); all-day events are rounded to midnights of their zone.
    pub(crate) fn finish(mut self) -> Result<Content, Failure> {
        let Some(event) = self.content.as_event_mut() else { return Ok(self.content) };
        let without_end = self.fresh && self.end.is_none();
        let end_zone = self.end_zone.or_else(|| self.start_zone.clone());
        let start = (self.start, self.start_zone);
        let end = (self.end, end_zone);
        for (time, (text, zone)) in [(&mut event.start, start), (&mut event.end, end)] {
            let meant = zone.clone().unwrap_or_else(|| self.context.clone());
            time.utc = match (&text, &zone) {
                (Some(text), _) => zone::instant(text, &meant).ok_or_else(invalid_time)?,
                (None, Some(zone)) => {
                    zone.instant(time.zone.wall(time.utc)).ok_or_else(invalid_time)?
                }
                (None, None) => time.utc,
            };
            if let Some(zone) = zone {
                time.zone = zone;
            }
        }
        if without_end {
            let end = event.start.utc.checked_add(SignedDuration::from_mins(30));
            event.end.utc = end.map_err(|_| invalid_time())?;
        }
        if event.all_day {
            round_to_days(event).ok_or_else(invalid_time)?;
        }
        Ok(self.content)
    }
}

/// The start of a new item's times: Exchange takes the next half hour where none is stated.
pub(crate) fn next_half_hour(now: Timestamp) -> Timestamp {
    let second = now.as_second().div_euclid(1800).saturating_add(1).saturating_mul(1800);
    Timestamp::from_second(second).unwrap_or(now)
}

/// What a message asks its readers for: PidTagReadReceiptRequested,
/// PidTagOriginatorDeliveryReportRequested, PidTagReplyRequested (MS-OXPROPS).
pub(crate) fn receipt(name: &str) -> PropertyId {
    let tag = match name {
        "IsReadReceiptRequested" => 0x0029,
        "IsDeliveryReceiptRequested" => 0x0023,
        _ => 0x0c17,
    };
    PropertyId::tag(PropertyType::Boolean, tag)
}

fn invalid_time() -> Failure {
    Failure::new("ErrorInvalidValueForProperty", "The specified value is invalid for property.")
}

/// Midnight before the start to midnight after the end, at least one day, by the start's zone.
fn round_to_days(event: &mut Event) -> Option<()> {
    let zone = event.start.zone.clone();
    let first = zone.wall(event.start.utc).date();
    let end = zone.wall(event.end.utc);
    let after = match end.time() == civil::Time::midnight() {
        true => end.date(),
        false => end.date().tomorrow().ok()?,
    };
    let after = after.max(first.tomorrow().ok()?);
    event.start.utc = zone.instant(first.to_datetime(civil::Time::midnight()))?;
    event.end.utc = zone.instant(after.to_datetime(civil::Time::midnight()))?;
    Some(())
}

fn set_simple(event: &mut Event, element: &Element, name: &str, text: &str) -> Result<(), Failure> {
    match name {
        "UID" => event.uid = text.to_owned(),
        "IsAllDayEvent" => event.all_day = boolean(text),
        "LegacyFreeBusyStatus" => event.show_as = show_as(text),
        "Location" => {
            let location = Location { name: element.text.clone(), ..Location::default() };
            event.locations = if text.is_empty() { Vec::new() } else { vec![location] };
        }
        "IsResponseRequested" => event.response_requested = boolean(text),
        "AllowNewTimeProposal" => event.allow_new_time_proposals = boolean(text),
        "IsOnlineMeeting" => event.online_meeting = boolean(text),
        "RequiredAttendees" | "OptionalAttendees" | "Resources" => {
            let role = role(name);
            event.attendees.retain(|attendee| attendee.role != role);
            event.attendees.extend(attendees(element, role));
        }
        // Kept by old clients for NetMeeting; the server takes them and has no use for them.
        "ConferenceType" | "MeetingWorkspaceUrl" | "NetShowUrl" | "When" => {}
        "Recurrence" => {
            let mut recurrence =
                recurrence::read(element).map_err(|error| error.about(uri(name)))?;
            recurrence.settle();
            // What becomes of the exceptions is for the store to say.
            let series = event.series.as_deref().cloned();
            let series = series.unwrap_or_else(|| Series::new(recurrence));
            event.series = Some(Arc::new(Series { recurrence, ..series }));
        }
        _ => return Err(read_only(name)),
    }
    Ok(())
}

fn role(name: &str) -> AttendeeRole {
    match name {
        "OptionalAttendees" => AttendeeRole::Optional,
        "Resources" => AttendeeRole::Resource,
        _ => AttendeeRole::Required,
    }
}

fn attendees(list: &Element, role: AttendeeRole) -> Vec<Attendee> {
    let attendee = |element: &Element| {
        let person = person(element.child("Mailbox")?)?;
        let response = Response::None;
        Some(Attendee { person, role, response, responded: None })
    };
    list.children.iter().filter_map(attendee).collect()
}

/// A person from `Mailbox`; without an address nobody is meant.
pub(crate) fn person(mailbox: &Element) -> Option<Person> {
    let address = mailbox.child_text("EmailAddress")?.trim().to_owned();
    let name = mailbox.child_text("Name").map_or_else(|| address.clone(), str::to_owned);
    (!address.is_empty()).then_some(Person { name, address })
}

/// A body with its declared type.
pub(crate) fn body(element: &Element) -> Body {
    match element.attribute("BodyType") {
        Some("HTML") => Body::html(&element.text),
        Some(_) | None => Body::text(&element.text),
    }
}

/// An `xs:boolean`, which may be a digit.
pub(crate) fn boolean(text: &str) -> bool {
    matches!(text.trim(), "true" | "1")
}

/// `SensitivityChoicesType`.
pub(crate) fn sensitivity(text: &str) -> Sensitivity {
    match text {
        "Personal" => Sensitivity::Personal,
        "Private" => Sensitivity::Private,
        "Confidential" => Sensitivity::Confidential,
        _ => Sensitivity::Normal,
    }
}

/// `ImportanceChoicesType`.
pub(crate) fn importance(text: &str) -> Importance {
    match text {
        "Low" => Importance::Low,
        "High" => Importance::High,
        _ => Importance::Normal,
    }
}

/// `LegacyFreeBusyType`.
pub(crate) fn show_as(text: &str) -> ShowAs {
    match text {
        "Free" => ShowAs::Free,
        "Tentative" => ShowAs::Tentative,
        "OOF" => ShowAs::OutOfOffice,
        "WorkingElsewhere" => ShowAs::WorkingElsewhere,
        "NoData" => ShowAs::Unknown,
        _ => ShowAs::Busy,
    }
}
