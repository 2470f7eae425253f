//! A mailbox in one plain form, in which a test can compare two servers.

use super::attachment::{Attachment, AttachmentData};
use super::body::BodyKind;
use super::folder::Folder;
use super::item::{
    AttendeeRole, Importance, Item, Kind, Person, Response, Sensitivity, ShowAs, ZonedTime,
};
use super::mailbox::Mailbox;
use super::property::PropertyValue;
use super::recurrence::{End, Index, Pattern, Recurrence, Weekdays};
use super::series::Series;
use aws_lc_rs::digest::{SHA256, digest};
use jiff::civil::Weekday;
use serde_json::{Map, Value, json};

impl Mailbox {
    /// Every folder and item: `{"mailbox", "folders": [{"name", "class", "path", "role", "items"}]}`.
    pub fn dump(&self) -> Value {
        let folders: Vec<Value> = self
            .folders()
            .map(|folder| {
                let items: Vec<Value> =
                    self.items_in(folder.id).map(|item| self.dump_item(item)).collect();
                json!({
                    "id": self.ews_folder_id(folder.id),
                    "name": folder.name,
                    "class": folder.class,
                    "path": self.path(folder),
                    "role": folder.role.map(|role| role.distinguished()),
                    "items": items,
                })
            })
            .collect();
        json!({"mailbox": self.address, "folders": folders})
    }

    /// Names from below the top of the mailbox, joined by `/`.
    pub fn path(&self, folder: &Folder) -> String {
        let mut names = vec![folder.name.as_str()];
        let mut at = folder.parent;
        while let Some(parent) = at.and_then(|id| self.folders.get(&id)) {
            if parent.parent.is_none() {
                break;
            }
            names.push(&parent.name);
            at = parent.parent;
        }
        if names.len() > 1 {
            names.pop();
        }
        names.reverse();
        names.join("/")
    }

    fn dump_item(&self, item: &Item) -> Value {
        let content = &item.content;
        let kind = match content.body.kind {
            BodyKind::Text => "text",
            BodyKind::Html => "html",
        };
        let properties: Map<String, Value> = content
            .properties
            .iter()
            .map(|(id, value)| {
                let value = match value {
                    PropertyValue::One(value) => json!(value),
                    PropertyValue::Many(values) => json!(values),
                };
                (id.to_string(), value)
            })
            .collect();
        let mut dump = json!({
            "ews_id": self.ews_id(item),
            "graph_id": self.graph_immutable_id(item.reference()),
            "change_key": self.change_key(item),
            "created": item.created.to_string(),
            "modified": item.modified.to_string(),
            "subject": content.subject,
            "body": {"contentType": kind, "content": content.body.content},
            "categories": content.categories,
            "importance": importance(content.importance),
            "sensitivity": sensitivity(content.sensitivity),
            "reminder": {"set": content.reminder.set, "minutes": content.reminder.minutes},
            "properties": properties,
            "attachments": content.attachments.iter().map(attachment).collect::<Vec<_>>(),
            "transaction_id": item.transaction_id,
        });
        if let Some(own) = dump.as_object_mut() {
            own.extend(dump_kind(&content.kind));
            if let Some(series) = item.series() {
                own.insert("series".to_owned(), self.dump_series(item, series));
            }
        }
        dump
    }

    /// `{"recurrence", "exceptions": {DATE: ITEM}, "deleted": [DATE]}`.
    fn dump_series(&self, master: &Item, series: &Series) -> Value {
        let exceptions: Map<String, Value> = series
            .exceptions
            .keys()
            .filter_map(|date| {
                Some((date.to_string(), self.dump_item(&master.occurrence_on(*date)?)))
            })
            .collect();
        let deleted: Vec<String> = series.deleted.iter().map(ToString::to_string).collect();
        json!({
            "recurrence": recurrence(&series.recurrence),
            "exceptions": exceptions,
            "deleted": deleted,
        })
    }
}

fn attachment(attachment: &Attachment) -> Value {
    let mut dump = json!({
        "name": attachment.name,
        "content_type": attachment.content_type,
        "content_id": attachment.content_id,
        "inline": attachment.inline,
        "size": attachment.size(),
    });
    match &attachment.data {
        AttachmentData::File(content) => {
            let hash = digest(&SHA256, content);
            let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            dump["kind"] = json!("file");
            dump["sha256"] = json!(hash);
        }
        AttachmentData::Item(content) => {
            dump["kind"] = json!("item");
            dump["subject"] = json!(content.subject);
            dump["attachments"] = content.attachments.iter().map(self::attachment).collect();
        }
        AttachmentData::Reference(reference) => {
            dump["kind"] = json!("reference");
            dump["url"] = json!(reference.url);
        }
    }
    dump
}

fn dump_kind(kind: &Kind) -> Map<String, Value> {
    let value = match kind {
        Kind::Event(event) => json!({
            "kind": "event",
            "start": time(&event.start),
            "end": time(&event.end),
            "all_day": event.all_day,
            "location": event.locations.first().map_or("", |location| location.name.as_str()),
            "locations": event.locations.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(),
            "show_as": show_as(event.show_as),
            "uid": event.uid,
            "organizer": event.organizer.as_ref().map(person),
            "attendees": event.attendees.iter().map(|attendee| json!({
                "name": attendee.person.name,
                "address": attendee.person.address,
                "role": role(attendee.role),
                "response": response(attendee.response),
            })).collect::<Vec<_>>(),
            "cancelled": event.cancelled,
        }),
        Kind::Message(message) => json!({
            "kind": "message",
            "from": message.from.as_ref().map(person),
            "to": message.to.iter().map(person).collect::<Vec<_>>(),
            "cc": message.cc.iter().map(person).collect::<Vec<_>>(),
            "bcc": message.bcc.iter().map(person).collect::<Vec<_>>(),
            "sent": message.sent.map(|at| at.to_string()),
            "received": message.received.map(|at| at.to_string()),
            "read": message.read,
            "draft": message.draft,
            "internet_message_id": message.internet_message_id,
        }),
    };
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// Pattern and range by the names of the six patterns and three ranges in EWS.
fn recurrence(recurrence: &Recurrence) -> Value {
    let pattern = match &recurrence.pattern {
        Pattern::Daily { interval } => json!({"type": "daily", "interval": interval}),
        Pattern::Weekly { interval, days: on, first_day } => json!({
            "type": "weekly", "interval": interval, "days": days(*on),
            "first_day": weekday(*first_day),
        }),
        Pattern::AbsoluteMonthly { interval, day } => {
            json!({"type": "absoluteMonthly", "interval": interval, "day": day})
        }
        Pattern::RelativeMonthly { interval, days: on, index: nth } => json!({
            "type": "relativeMonthly", "interval": interval, "days": days(*on),
            "index": index(*nth),
        }),
        Pattern::AbsoluteYearly { interval, month, day } => json!({
            "type": "absoluteYearly", "interval": interval, "month": month, "day": day,
        }),
        Pattern::RelativeYearly { interval, days: on, index: nth, month } => json!({
            "type": "relativeYearly", "interval": interval, "days": days(*on),
            "index": index(*nth), "month": month,
        }),
    };
    let end = match recurrence.range.end {
        End::Never => json!({"type": "noEnd"}),
        End::On(date) => json!({"type": "endDate", "date": date.to_string()}),
        End::Count(count) => json!({"type": "numbered", "count": count}),
    };
    json!({"pattern": pattern, "start": recurrence.range.start.to_string(), "end": end})
}

fn days(days: Weekdays) -> Vec<&'static str> {
    days.iter().map(weekday).collect()
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

fn index(index: Index) -> &'static str {
    match index {
        Index::First => "first",
        Index::Second => "second",
        Index::Third => "third",
        Index::Fourth => "fourth",
        Index::Last => "last",
    }
}

fn time(time: &ZonedTime) -> Value {
    json!({"utc": time.utc.to_string(), "zone": time.zone.id()})
}

fn person(person: &Person) -> Value {
    json!({"name": person.name, "address": person.address})
}

fn importance(importance: Importance) -> &'static str {
    match importance {
        Importance::Low => "low",
        Importance::Normal => "normal",
        Importance::High => "high",
    }
}

fn sensitivity(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Normal => "normal",
        Sensitivity::Personal => "personal",
        Sensitivity::Private => "private",
        Sensitivity::Confidential => "confidential",
    }
}

fn show_as(show_as: ShowAs) -> &'static str {
    match show_as {
        ShowAs::Free => "free",
        ShowAs::Tentative => "tentative",
        ShowAs::Busy => "busy",
        ShowAs::OutOfOffice => "oof",
        ShowAs::WorkingElsewhere => "workingElsewhere",
        ShowAs::Unknown => "unknown",
    }
}

fn role(role: AttendeeRole) -> &'static str {
    match role {
        AttendeeRole::Required => "required",
        AttendeeRole::Optional => "optional",
        AttendeeRole::Resource => "resource",
    }
}

fn response(response: Response) -> &'static str {
    match response {
        Response::None => "none",
        Response::Organizer => "organizer",
        Response::Tentative => "tentative",
        Response::Accepted => "accepted",
        Response::Declined => "declined",
        Response::NotResponded => "notResponded",
    }
}
