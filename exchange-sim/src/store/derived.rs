//! Extended properties that show what is stored as something else.

use super::Error;
use super::conversation::normalized;
use super::goid;
use super::item::{Importance, Item, Kind, Message, Sensitivity, ShowAs};
use super::property::{
    APPOINTMENT_SET, COMMON_SET, MEETING_SET, PropertyId, PropertyKey, PropertyType, PropertyValue,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Bytes that an empty item weighs; sizes in recordings start about there.
const SIZE_BYTES_EMPTY: usize = 3500;
/// PidTagMessageFlags with its bits mfRead and mfUnsent (MS-OXCMSG 2.2.1.6).
const FLAGS: u16 = 0x0e07;
const READ: i64 = 0x1;
const UNSENT: i64 = 0x8;
/// PidTagMessageDeliveryTime.
const DELIVERY_TIME: u16 = 0x0e06;
/// PidTagClientSubmitTime.
const SUBMIT_TIME: u16 = 0x0039;

/// The properties that [`Message::take_property`] takes.
pub(crate) fn taken_of_messages() -> [PropertyId; 3] {
    [
        PropertyId::tag(PropertyType::Integer, FLAGS),
        PropertyId::tag(PropertyType::SystemTime, DELIVERY_TIME),
        PropertyId::tag(PropertyType::SystemTime, SUBMIT_TIME),
    ]
}

impl Message {
    /// Writes a property that is kept as something else: read and draft state, the two dates.
    /// `false` for every other property, which is stored as it is given.
    ///
    /// # Errors
    /// [`Error::InvalidPropertyValue`] where the value isn't of the property's type.
    pub(crate) fn take_property(
        &mut self,
        id: &PropertyId,
        value: &PropertyValue,
    ) -> Result<bool, Error> {
        if !taken_of_messages().contains(id) {
            return Ok(false);
        }
        let invalid = || Error::InvalidPropertyValue(id.to_string());
        let text = value.one().ok_or_else(invalid)?.trim();
        match id.key {
            PropertyKey::Tag(FLAGS) => {
                let flags: i64 = text.parse().map_err(|_| invalid())?;
                self.read = flags & READ != 0;
                self.draft = flags & UNSENT != 0;
            }
            PropertyKey::Tag(SUBMIT_TIME) => self.sent = Some(instant(text).ok_or_else(invalid)?),
            PropertyKey::Tag(_) | PropertyKey::Id { .. } | PropertyKey::Name { .. } => {
                self.received = Some(instant(text).ok_or_else(invalid)?);
            }
        }
        Ok(true)
    }
}

impl Item {
    /// The value of an extended property, stored or derived; `None` where the item has none.
    ///
    /// Names and numbers: MS-OXPROPS.
    pub fn property(&self, id: &PropertyId) -> Option<PropertyValue> {
        if let Some(value) = self.content.properties.get(id) {
            return Some(value.clone());
        }
        let text = match &id.key {
            PropertyKey::Tag(tag) => self.tagged(*tag, id.kind),
            PropertyKey::Id { set, id: number } => self.numbered(set, *number, id.kind),
            PropertyKey::Name { .. } => None,
        };
        text.map(PropertyValue::One)
    }

    fn tagged(&self, tag: u16, kind: PropertyType) -> Option<String> {
        let content = &self.content;
        match (tag, kind) {
            (0x0017, PropertyType::Integer) => Some(number(match content.importance {
                Importance::Low => 0,
                Importance::Normal => 1,
                Importance::High => 2,
            })),
            (0x001a, PropertyType::String) => Some(self.class().to_owned()),
            (0x0036, PropertyType::Integer) => Some(number(match content.sensitivity {
                Sensitivity::Normal => 0,
                Sensitivity::Personal => 1,
                Sensitivity::Private => 2,
                Sensitivity::Confidential => 3,
            })),
            (0x0037, PropertyType::String) => Some(content.subject.clone()),
            (0x0e1d, PropertyType::String) => Some(normalized(&content.subject).to_owned()),
            (0x0070, PropertyType::String) => Some(self.conversation_topic().to_owned()),
            (0x0071, PropertyType::Binary) => Some(STANDARD.encode(self.conversation_index()?)),
            (0x3013, PropertyType::Binary) => Some(STANDARD.encode(self.conversation_id()?)),
            (0x300b, PropertyType::Binary) => Some(STANDARD.encode(self.search_key)),
            // Inline attachments count too (MS-OXCMSG 2.2.1.2).
            (0x0e1b, PropertyType::Boolean) => Some((!content.attachments.is_empty()).to_string()),
            (0x3007, PropertyType::SystemTime) => Some(time(self.created)),
            (0x3008, PropertyType::SystemTime) => Some(time(self.modified)),
            (0x0e08, PropertyType::Integer) => Some(self.size().to_string()),
            // Ascending in each folder, as IMAP has them; a move gives no new one here.
            (0x0e23, PropertyType::Integer) => Some(self.id.0.to_string()),
            (0x1035, PropertyType::String) => match &content.kind {
                Kind::Message(message) => Some(message.internet_message_id.clone()),
                Kind::Event(_) => None,
            },
            (FLAGS, PropertyType::Integer) => match &content.kind {
                Kind::Message(message) => {
                    Some(number(READ * i64::from(message.read) + UNSENT * i64::from(message.draft)))
                }
                Kind::Event(_) => None,
            },
            (SUBMIT_TIME, PropertyType::SystemTime) => match &content.kind {
                Kind::Message(message) => message.sent.map(time),
                Kind::Event(_) => None,
            },
            (DELIVERY_TIME, PropertyType::SystemTime) => match &content.kind {
                Kind::Message(message) => message.received.map(time),
                Kind::Event(_) => None,
            },
            _ => None,
        }
    }

    fn numbered(&self, set: &str, id: u32, kind: PropertyType) -> Option<String> {
        let reminder = self.content.reminder;
        let meeting = self.content.meeting();
        let event = self.content.as_event().or(meeting.map(|meeting| &meeting.event));
        let occurrence = meeting.map_or(&self.occurrence, |meeting| &meeting.occurrence);
        match (set, id, kind) {
            (COMMON_SET, 0x8501, PropertyType::Integer) => Some(number(reminder.minutes.into())),
            (COMMON_SET, 0x8503, PropertyType::Boolean) => Some(reminder.set.to_string()),
            (MEETING_SET, 0x03, PropertyType::Binary) => {
                let goid = goid::clean(goid::from_uid(&event?.uid));
                let date = occurrence.as_ref().map(|occurrence| occurrence.date);
                Some(STANDARD.encode(goid::of_occurrence(goid, date)))
            }
            (MEETING_SET, 0x23, PropertyType::Binary) => {
                Some(STANDARD.encode(goid::clean(goid::from_uid(&event?.uid))))
            }
            (APPOINTMENT_SET, 0x8201, PropertyType::Integer) => {
                Some(number(event?.standing.sequence.into()))
            }
            (APPOINTMENT_SET, 0x8205, PropertyType::Integer) => {
                Some(number(match event?.show_as {
                    ShowAs::Free => 0,
                    ShowAs::Tentative => 1,
                    ShowAs::Busy | ShowAs::Unknown => 2,
                    ShowAs::OutOfOffice => 3,
                    ShowAs::WorkingElsewhere => 4,
                }))
            }
            (APPOINTMENT_SET, 0x8208, PropertyType::String) => {
                event?.locations.first().map(|location| location.name.clone())
            }
            (APPOINTMENT_SET, 0x820d, PropertyType::SystemTime) => Some(time(event?.start.utc)),
            (APPOINTMENT_SET, 0x820e, PropertyType::SystemTime) => Some(time(event?.end.utc)),
            (APPOINTMENT_SET, 0x8215, PropertyType::Boolean) => Some(event?.all_day.to_string()),
            (APPOINTMENT_SET, 0x8217, PropertyType::Integer) => {
                let event = event?;
                let meeting = i64::from(event.is_meeting());
                Some(number(meeting + 4 * i64::from(event.cancelled)))
            }
            (APPOINTMENT_SET, 0x8223, PropertyType::Boolean) => {
                Some((event?.series.is_some() || occurrence.is_some()).to_string())
            }
            _ => None,
        }
    }

    /// Its size in bytes, with what an empty item weighs.
    pub fn size(&self) -> usize {
        SIZE_BYTES_EMPTY + self.content.size()
    }

    /// The message class.
    pub fn class(&self) -> &'static str {
        match &self.content.kind {
            // Recordings; the class that MS-OXOCAL 2.2.10.1.6 gives the message of an exception.
            Kind::Event(_) => match &self.occurrence {
                Some(of) if of.is_exception => {
                    "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}"
                }
                Some(_) => "IPM.Appointment.Occurrence",
                None => "IPM.Appointment",
            },
            Kind::Message(message) => match &message.meeting {
                Some(meeting) => meeting.class(),
                None => "IPM.Note",
            },
        }
    }
}

fn number(value: i64) -> String {
    value.to_string()
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time of whole seconds; one without offset is UTC, as MAPI keeps it.
fn instant(text: &str) -> Option<Timestamp> {
    let instant = match text.parse::<Timestamp>() {
        Ok(instant) => instant,
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp(),
    };
    Timestamp::from_second(instant.as_second()).ok()
}
