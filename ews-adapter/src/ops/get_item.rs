//! GetItem: items whole, or as much of them as a check needs.

use crate::soap::Xml;
use crate::stamp::{self, Property};

/// What is read of an item.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape<'a> {
    /// Everything that an event holds, and the stamp.
    Event(&'a Property),
    /// Version, folder and stamp.
    Mark(&'a Property),
    /// Version, folder, when it takes place and how it recurs.
    Schedule,
}

/// What an event is made of (see `map::event`).
const EVENT_FIELDS: [&str; 24] = [
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
    "calendar:Recurrence",
    "calendar:ModifiedOccurrences",
    "calendar:DeletedOccurrences",
    "calendar:StartTimeZone",
    "calendar:EndTimeZone",
];

const MARK_FIELDS: [&str; 1] = ["item:ParentFolderId"];

/// What an event's times and recurrence are made of (see `map::event::schedule`).
const SCHEDULE_FIELDS: [&str; 8] = [
    "item:ParentFolderId",
    "calendar:Start",
    "calendar:End",
    "calendar:IsAllDayEvent",
    "calendar:CalendarItemType",
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
        Shape::Event(_) => {
            xml.leaf("t:BodyType", "Best");
            &EVENT_FIELDS
        }
        Shape::Mark(_) => &MARK_FIELDS,
        Shape::Schedule => &SCHEDULE_FIELDS,
    };
    xml.node("t:AdditionalProperties", &[], |xml| {
        for field in fields {
            xml.empty("t:FieldURI", &[("FieldURI", field)]);
        }
        match shape {
            Shape::Event(property) => {
                property.path(xml);
                stamp::uid_path(xml);
            }
            Shape::Mark(property) => property.path(xml),
            Shape::Schedule => {}
        }
    });
}
