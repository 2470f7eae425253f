//! A mailbox in one plain form, in which a test can compare two servers.

use super::body::BodyKind;
use super::folder::Folder;
use super::item::{
    AttendeeRole, Importance, Item, Kind, Person, Response, Sensitivity, ShowAs, ZonedTime,
};
use super::mailbox::Mailbox;
use super::property::PropertyValue;
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
            "graph_id": self.graph_immutable_id(item.id),
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
            "transaction_id": item.transaction_id,
        });
        if let Some(own) = dump.as_object_mut() {
            own.extend(dump_kind(&content.kind));
        }
        dump
    }
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
