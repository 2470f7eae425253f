//! Renders one property of an item by its `FieldURI`.

use super::attachment;
use super::conflict;
use super::context::parent_id_element;
use super::meeting;
use super::mime;
use super::occurrence;
use super::shape::BodyShape;
use super::shape::Source;
use super::write::receipt;
use super::xml::Element;
use super::zone;
use crate::mime::in_reply_to;
use crate::mime::references;
use crate::store::Attendee;
use crate::store::AttendeeRole;
use crate::store::Body;
use crate::store::BodyKind;
use crate::store::Content;
use crate::store::Event;
use crate::store::Importance;
use crate::store::Item;
use crate::store::Kind;
use crate::store::Mailbox;
use crate::store::Message;
use crate::store::Person;
use crate::store::Response;
use crate::store::Sensitivity;
use crate::store::ShowAs;
use crate::store::zone::Zone;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

/// From where a property is looked at.
pub(crate) struct View<'a> {
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) body: BodyShape,
    pub(crate) source: Source,
    /// The caller's zone, in which answers state times.
    pub(crate) zone: &'a Zone,
}

impl View<'_> {
    /// An instant as the answer states it.
    pub(crate) fn time(&self, instant: Timestamp) -> String {
        zone::stamp(instant, self.zone)
    }
}

/// What only an opened item has (MS docs: property sets and response shapes, note 1).
const NOT_IN_TABLES: [&str; 17] = [
    "item:MimeContent",
    "item:Body",
    "item:TextBody",
    "item:UniqueBody",
    "item:NormalizedBody",
    "item:Attachments",
    "item:ResponseObjects",
    "item:InternetMessageHeaders",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
    "calendar:Resources",
    "calendar:Recurrence",
    "calendar:FirstOccurrence",
    "calendar:LastOccurrence",
    "calendar:ModifiedOccurrences",
    "calendar:DeletedOccurrences",
    "message:BccRecipients",
];

/// Whether FindItem and SyncFolderItems can return a property.
pub(crate) fn in_tables(uri: &str) -> bool {
    !NOT_IN_TABLES.contains(&uri)
}

/// Whether an event was made without a zone, so that it has no zone definitions of its own.
pub(crate) fn is_without_zone(item: &Item) -> bool {
    item.content.as_event().is_none_or(|event| event.start.zone == Zone::utc())
}

/// The element of a property; `None` where the item has no such property or it is empty.
pub(crate) fn render(view: &View<'_>, item: &Item, uri: &str) -> Option<Element> {
    let (class, name) = uri.split_once(':')?;
    match class {
        "item" => item_field(view, item, name),
        "calendar" | "meeting" | "meetingRequest" if item.content.meeting().is_some() => {
            meeting::field(view, item, class, name)
        }
        "calendar" => calendar_field(view, item, name),
        "message" => match &item.content.kind {
            Kind::Message(message) => message_field(view, item, message, name),
            Kind::Event(_) => None,
        },
        _ => None,
    }
}

fn item_field(view: &View<'_>, item: &Item, name: &str) -> Option<Element> {
    let content = &item.content;
    let text = |value: String| Some(Element::t_text(name, value));
    match name {
        "MimeContent" => Some(mime::element(name, item)),
        "ConversationId" => {
            Some(Element::t(name).attr("Id", view.mailbox.ews_conversation_id(item)?))
        }
        "WebClientReadFormQueryString" => text(web_address(&view.mailbox.ews_id(item), content)),
        "InternetMessageHeaders" => mime::headers(item, None),
        "ParentFolderId" => Some(parent_id_element(view.mailbox, item.folder)),
        "ItemClass" => text(item.class().to_owned()),
        "Subject" if content.subject.is_empty() => None,
        "Subject" => text(content.subject.clone()),
        "Sensitivity" => text(sensitivity(content.sensitivity).to_owned()),
        "Body" => Some(body(name, &content.body, view.body)),
        "TextBody" => Some(body(name, &content.body, BodyShape::Text)),
        "Preview" => text(content.body.preview()),
        "Size" => text(item.size().to_string()),
        "Attachments" => attachment::list(view.mailbox, item, content),
        "HasAttachments" => text(content.has_attachments().to_string()),
        "Categories" if content.categories.is_empty() => None,
        "Categories" => {
            let names = content.categories.iter().map(|name| Element::t_text("String", name));
            Some(Element::t(name).with_all(names))
        }
        "Importance" => text(importance(content.importance).to_owned()),
        "IsDraft" => text(draft(item).to_string()),
        "IsSubmitted" | "IsFromMe" | "IsResend" | "IsUnmodified" | "IsAssociated" => {
            text(false.to_string())
        }
        "DateTimeReceived" | "DateTimeSent" | "DateTimeCreated" => {
            text(view.time(item_time(item, name)))
        }
        "LastModifiedTime" => text(view.time(item.modified)),
        "LastModifiedName" => text(view.mailbox.name.clone()),
        "ResponseObjects" => Some(response_objects(view.mailbox, item)),
        "ReminderDueBy" => text(view.time(occurrence::reminder_due(item, view.mailbox.now)?)),
        "ReminderNextTime" if content.reminder.set => {
            let due = occurrence::reminder_due(item, view.mailbox.now)?.as_second();
            let at = due - i64::from(content.reminder.minutes) * 60;
            text(view.time(Timestamp::from_second(at).ok()?))
        }
        "ReminderIsSet" => text(content.reminder.set.to_string()),
        "ReminderMinutesBeforeStart" => text(content.reminder.minutes.to_string()),
        "DisplayTo" => text(display(item, AttendeeRole::Required)),
        "DisplayCc" => text(display(item, AttendeeRole::Optional)),
        "InReplyTo" => text(item.property(&in_reply_to())?.one()?.to_owned()),
        "Culture" => text("en-US".to_owned()),
        "EffectiveRights" => Some(effective_rights(true)),
        _ => None,
    }
}

fn calendar_field(view: &View<'_>, item: &Item, name: &str) -> Option<Element> {
    let event = item.content.as_event()?;
    let text = |value: String| Some(Element::t_text(name, value));
    let boolean = |value: bool| text(value.to_string());
    match name {
        "UID" => text(event.uid.clone()),
        "DateTimeStamp" => text(view.time(item.modified)),
        "Start" => text(view.time(event.start.utc)),
        "End" => text(view.time(event.end.utc)),
        "StartWallClock" => text(wall(event.start.zone.wall(event.start.utc))),
        "EndWallClock" => text(wall(event.end.zone.wall(event.end.utc))),
        "StartTimeZoneId" => text(event.start.zone.id().to_owned()),
        "EndTimeZoneId" => text(event.end.zone.id().to_owned()),
        "StartTimeZone" => Some(zone_element(name, &event.start.zone, event)),
        "EndTimeZone" => Some(zone_element(name, &event.end.zone, event)),
        "IsAllDayEvent" => boolean(event.all_day),
        "LegacyFreeBusyStatus" => text(free_busy(event.show_as).to_owned()),
        "Location" => text(event.locations.first().filter(|l| !l.name.is_empty())?.name.clone()),
        "IsMeeting" => boolean(state(event) & 1 == 1),
        "IsCancelled" => boolean(event.cancelled),
        "MeetingRequestWasSent" => boolean(event.request_sent),
        "IsResponseRequested" => boolean(event.response_requested),
        "AllowNewTimeProposal" => boolean(event.allow_new_time_proposals),
        "IsOnlineMeeting" => boolean(event.online_meeting),
        "IsOrganizer" => boolean(event.my_response == Response::Organizer),
        "MyResponseType" => text(response(event.my_response).to_owned()),
        "Organizer" => {
            let organizer = event.organizer.as_ref()?;
            let mailbox = match view.source {
                Source::FindItem => legacy_mailbox(organizer),
                Source::GetItem | Source::SyncFolderItems => person(organizer),
            };
            Some(Element::t(name).with(mailbox))
        }
        "RequiredAttendees" => attendees(view, name, event, AttendeeRole::Required),
        "OptionalAttendees" => attendees(view, name, event, AttendeeRole::Optional),
        "Resources" => attendees(view, name, event, AttendeeRole::Resource),
        "Duration" => text(zone::duration(event.end.utc.as_second() - event.start.utc.as_second())),
        "TimeZone" => text(zone::display_name(&shown_zone(item, event)).to_owned()),
        "AppointmentReplyTime" => text(view.time(event.standing.replied?)),
        "AppointmentSequenceNumber" => text(event.standing.sequence.to_string()),
        "IntendedFreeBusyStatus" => text(free_busy(event.standing.intended?).to_owned()),
        "AppointmentState" => text(state(event).to_string()),
        "ConflictingMeetingCount"
        | "AdjacentMeetingCount"
        | "ConflictingMeetings"
        | "AdjacentMeetings" => match view.source {
            Source::GetItem => conflict::field(view, item, name),
            Source::FindItem | Source::SyncFolderItems => None,
        },
        _ => occurrence::field(view, item, name),
    }
}

fn message_field(view: &View<'_>, item: &Item, message: &Message, name: &str) -> Option<Element> {
    let text = |value: String| Some(Element::t_text(name, value));
    let list = |people: &[Person]| match people {
        [] => None,
        people => Some(Element::t(name).with_all(people.iter().map(person))),
    };
    let sender = |from: &Person| match view.source {
        Source::FindItem => legacy_mailbox(from),
        Source::GetItem | Source::SyncFolderItems => person(from),
    };
    match name {
        "From" | "Sender" => Some(Element::t(name).with(sender(message.from.as_ref()?))),
        "ToRecipients" => list(&message.to),
        "CcRecipients" => list(&message.cc),
        "BccRecipients" => list(&message.bcc),
        "IsRead" => text(message.read.to_string()),
        "IsReadReceiptRequested" | "IsDeliveryReceiptRequested" | "IsResponseRequested" => {
            let asked =
                item.property(&receipt(name)).and_then(|value| value.one().map(str::to_owned));
            text(asked.unwrap_or_else(|| false.to_string()))
        }
        "ConversationIndex" => text(STANDARD.encode(item.conversation_index()?)),
        "ConversationTopic" => text(item.conversation_topic().to_owned()),
        "References" => text(item.property(&references())?.one()?.to_owned()),
        "InternetMessageId" => text(message.internet_message_id.clone()),
        _ => None,
    }
}

/// `AppointmentState`: 1 meeting, 2 received, 4 cancelled (MS-OXOCAL 2.2.1.10).
fn state(event: &Event) -> u32 {
    let received = event.my_response != Response::Organizer;
    u32::from(event.is_meeting() || received)
        + 2 * u32::from(received)
        + 4 * u32::from(event.cancelled)
}

fn draft(item: &Item) -> bool {
    match &item.content.kind {
        Kind::Message(message) => message.draft,
        Kind::Event(_) => false,
    }
}

fn item_time(item: &Item, name: &str) -> Timestamp {
    match (&item.content.kind, name) {
        (Kind::Message(message), "DateTimeReceived") => message.received.unwrap_or(item.created),
        (Kind::Message(message), "DateTimeSent") => message.sent.unwrap_or(item.created),
        (Kind::Message(_) | Kind::Event(_), _) => item.created,
    }
}

/// The body in the form that was asked for; `Best` is the form in which it is stored.
fn body(name: &str, body: &Body, shape: BodyShape) -> Element {
    let kind = match shape {
        BodyShape::Best => body.kind,
        BodyShape::Html => BodyKind::Html,
        BodyShape::Text => BodyKind::Text,
    };
    match kind {
        BodyKind::Html => Element::t_text(name, body.as_html()).attr("BodyType", "HTML"),
        BodyKind::Text => Element::t_text(name, body.as_text()).attr("BodyType", "Text"),
    }
}

/// What can be answered to an item: a meeting's organiser may cancel, everybody may forward.
fn response_objects(mailbox: &Mailbox, item: &Item) -> Element {
    let meeting = item.content.meeting();
    let is_own = meeting.is_some_and(|meeting| mailbox.organizes(&meeting.event));
    let of_meeting = meeting::response_objects(item, is_own);
    let objects: &[&str] = match item.content.as_event() {
        Some(event) if event.cancelled && event.my_response != Response::Organizer => {
            &["ReplyToItem", "ReplyAllToItem", "ForwardItem", "RemoveItem"]
        }
        Some(event) if event.my_response != Response::Organizer => &[
            "AcceptItem",
            "TentativelyAcceptItem",
            "DeclineItem",
            "ReplyToItem",
            "ReplyAllToItem",
            "ForwardItem",
        ],
        Some(event) if event.is_meeting() => &["CancelCalendarItem", "ForwardItem"],
        Some(_) => &["ForwardItem"],
        None => of_meeting.unwrap_or(&["ReplyToItem", "ReplyAllToItem", "ForwardItem"]),
    };
    Element::t("ResponseObjects").with_all(objects.iter().map(|name| Element::t(name)))
}

/// The owner's rights; items can't hold anything.
pub(crate) fn effective_rights(is_item: bool) -> Element {
    let creates = (!is_item).to_string();
    Element::t("EffectiveRights").with_all([
        Element::t_text("CreateAssociated", &creates),
        Element::t_text("CreateContents", &creates),
        Element::t_text("CreateHierarchy", &creates),
        Element::t_text("Delete", "true"),
        Element::t_text("Modify", "true"),
        Element::t_text("Read", "true"),
    ])
}

/// The zone that `TimeZone` names; a series without one has the first whose clock is UTC's
/// (recordings: a master and its occurrences).
fn shown_zone(item: &Item, event: &Event) -> Zone {
    let of_series = event.series.is_some() || item.occurrence.is_some();
    match Zone::parse("Greenwich Standard Time") {
        Some(zone) if of_series && event.start.zone == Zone::utc() => zone,
        Some(_) | None => event.start.zone.clone(),
    }
}

fn zone_element(name: &str, zone: &Zone, event: &Event) -> Element {
    zone::definition(name, zone, zone.wall(event.start.utc).year())
}

fn wall(clock: jiff::civil::DateTime) -> String {
    clock.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn display(item: &Item, role: AttendeeRole) -> String {
    let names: Vec<&str> = match &item.content.kind {
        Kind::Event(event) => event
            .attendees
            .iter()
            .filter(|attendee| attendee.role == role)
            .map(|attendee| attendee.person.name.as_str())
            .collect(),
        Kind::Message(message) => {
            let people = match role {
                AttendeeRole::Required => &message.to,
                AttendeeRole::Optional | AttendeeRole::Resource => &message.cc,
            };
            people.iter().map(|person| person.name.as_str()).collect()
        }
    };
    names.join("; ")
}

fn attendees(view: &View<'_>, name: &str, event: &Event, role: AttendeeRole) -> Option<Element> {
    let attendee = |attendee: &Attendee| {
        let mut element = Element::t("Attendee")
            .with(person(&attendee.person))
            .with(Element::t_text("ResponseType", response(attendee.response)));
        if let Some(at) = attendee.responded {
            element = element.with(Element::t_text("LastResponseTime", view.time(at)));
        }
        element
    };
    let list: Vec<Element> =
        event.attendees.iter().filter(|a| a.role == role).map(attendee).collect();
    (!list.is_empty()).then(|| Element::t(name).with_all(list))
}

/// A person as an opened item shows them.
pub(crate) fn person(person: &Person) -> Element {
    Element::t("Mailbox")
        .with(Element::t_text("Name", &person.name))
        .with(Element::t_text("EmailAddress", &person.address))
        .with(Element::t_text("RoutingType", "SMTP"))
        .with(Element::t_text("MailboxType", "Mailbox"))
}

/// Where Outlook on the web shows an item (recordings of events and of messages, 2020).
fn web_address(id: &str, content: &Content) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let (name, form) = match &content.kind {
        Kind::Event(_) => ("itemid", "path=/calendar/item"),
        Kind::Message(_) => ("ItemID", "viewmodel=ReadMessageItem"),
    };
    format!("https://outlook.office365.com/owa/?{name}={id}&exvsurl=1&{form}")
}

/// The distinguished name of a person of the directory.
pub(crate) fn legacy_name(address: &str) -> String {
    let local = address.split('@').next().unwrap_or_default();
    format!(
        "/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn={local}"
    )
}

/// A person as tables show them: by distinguished name, without the SMTP address (recordings:
/// FindItem 14 of 14).
fn legacy_mailbox(person: &Person) -> Element {
    let name = legacy_name(&person.address).to_uppercase();
    Element::t("Mailbox")
        .with(Element::t_text("Name", &person.name))
        .with(Element::t_text("EmailAddress", name))
        .with(Element::t_text("RoutingType", "EX"))
        .with(Element::t_text("MailboxType", "OneOff"))
}

fn sensitivity(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Normal => "Normal",
        Sensitivity::Personal => "Personal",
        Sensitivity::Private => "Private",
        Sensitivity::Confidential => "Confidential",
    }
}

fn importance(importance: Importance) -> &'static str {
    match importance {
        Importance::Low => "Low",
        Importance::Normal => "Normal",
        Importance::High => "High",
    }
}

/// `LegacyFreeBusyType`.
pub(crate) fn free_busy(show_as: ShowAs) -> &'static str {
    match show_as {
        ShowAs::Free => "Free",
        ShowAs::Tentative => "Tentative",
        ShowAs::Busy => "Busy",
        ShowAs::OutOfOffice => "OOF",
        ShowAs::WorkingElsewhere => "WorkingElsewhere",
        ShowAs::Unknown => "NoData",
    }
}

/// `ResponseTypeType`.
pub(crate) fn response(response: Response) -> &'static str {
    match response {
        Response::None => "Unknown",
        Response::Organizer => "Organizer",
        Response::Tentative => "Tentative",
        Response::Accepted => "Accept",
        Response::Declined => "Decline",
        Response::NotResponded => "NoResponseReceived",
    }
}
