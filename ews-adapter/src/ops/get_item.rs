//! GetItem: items whole, or as much of them as a check needs.

use crate::soap::Xml;
use crate::stamp::{self, Property};

/// What is read of an item.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape<'a> {
    /// Everything that an event holds but attachments, and the stamp.
    Event(&'a Property),
    /// The same, and the list of what is attached.
    EventWithAttachments(&'a Property),
    /// Version, folder, stamp, and what it is to the owner.
    Mark(&'a Property),
    /// Version, folder, when it takes place, how it recurs, and its people.
    Known,
    /// The same, and the body.
    KnownWithBody,
}

/// What an event is made of (see `map::event`).
const EVENT_FIELDS: [&str; 29] = [
    "item:ParentFolderId",
    "item:Subject",
    "item:Sensitivity",
    "item:Body",
    "item:Categories",
    "item:Importance",
    "item:ReminderIsSet",
    "item:ReminderMinutesBeforeStart",
    "item:LastModifiedTime",
    "calendar:UID",
    "calendar:Start",
    "calendar:End",
    "calendar:IsAllDayEvent",
    "calendar:LegacyFreeBusyStatus",
    "calendar:Location",
    "calendar:IsMeeting",
    "calendar:IsCancelled",
    "calendar:IsRecurring",
    "calendar:CalendarItemType",
    "calendar:MyResponseType",
    "calendar:Organizer",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
    "calendar:Resources",
    "calendar:Recurrence",
    "calendar:ModifiedOccurrences",
    "calendar:DeletedOccurrences",
    "calendar:StartTimeZone",
    "calendar:EndTimeZone",
];

/// Where an item lies, and what it is to the owner (see `map::people::kind`).
const MARK_FIELDS: [&str; 4] =
    ["item:ParentFolderId", "calendar:IsMeeting", "calendar:MyResponseType", "calendar:Organizer"];

/// What an event's times, recurrence and people are made of (see `map::event::Known`).
const KNOWN_FIELDS: [&str; 15] = [
    "item:ParentFolderId",
    "calendar:Start",
    "calendar:End",
    "calendar:IsAllDayEvent",
    "calendar:IsMeeting",
    "calendar:IsCancelled",
    "calendar:CalendarItemType",
    "calendar:MyResponseType",
    "calendar:Organizer",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
    "calendar:Resources",
    "calendar:Recurrence",
    "calendar:StartTimeZone",
    "calendar:EndTimeZone",
];

/// Asks for items by id; answers come in the same order.
pub(crate) fn request<'a>(ids: impl Iterator<Item = &'a str>, shape: Shape<'_>) -> String {
    Xml::text_of(|xml| {
        xml.node("m:GetItem", &[], |xml| {
            xml.node("m:ItemShape", &[], |xml| write_shape(xml, shape));
            xml.node("m:ItemIds", &[], |xml| {
                ids.for_each(|id| xml.empty("t:ItemId", &[("Id", id)]));
            });
        });
    })
}

fn write_shape(xml: &mut Xml, shape: Shape<'_>) {
    xml.leaf("t:BaseShape", "IdOnly");
    let fields: &[&str] = match shape {
        Shape::Event(_) | Shape::EventWithAttachments(_) => {
            xml.leaf("t:BodyType", "Best");
            &EVENT_FIELDS
        }
        Shape::Mark(_) => &MARK_FIELDS,
        Shape::Known => &KNOWN_FIELDS,
        Shape::KnownWithBody => {
            xml.leaf("t:BodyType", "Best");
            &KNOWN_FIELDS
        }
    };
    xml.node("t:AdditionalProperties", &[], |xml| {
        let path = |xml: &mut Xml, field: &str| xml.empty("t:FieldURI", &[("FieldURI", field)]);
        fields.iter().for_each(|field| path(xml, field));
        match shape {
            Shape::EventWithAttachments(_) => path(xml, "item:Attachments"),
            Shape::KnownWithBody => path(xml, "item:Body"),
            Shape::Event(_) | Shape::Mark(_) | Shape::Known => {}
        }
        match shape {
            Shape::Event(property) | Shape::EventWithAttachments(property) => {
                property.path(xml);
                stamp::uid_path(xml);
                stamp::people_path(xml);
            }
            Shape::Mark(property) => property.path(xml),
            Shape::Known | Shape::KnownWithBody => stamp::people_path(xml),
        }
    });
}
