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
}

/// What an event is made of (see `map::event`).
const EVENT_FIELDS: [&str; 21] = [
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
    let (fields, property) = match shape {
        Shape::Event(property) => {
            xml.leaf("t:BodyType", "Best");
            (&EVENT_FIELDS[..], property)
        }
        Shape::Mark(property) => (&EVENT_FIELDS[..1], property),
    };
    xml.node("t:AdditionalProperties", &[], |xml| {
        for field in fields {
            xml.empty("t:FieldURI", &[("FieldURI", field)]);
        }
        property.path(xml);
        match shape {
            Shape::Event(_) => stamp::uid_path(xml),
            Shape::Mark(_) => {}
        }
    });
}
