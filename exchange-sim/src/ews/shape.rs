//! Which properties of an item an answer carries: base shapes, additional properties, body type.

use super::context::item_id_element;
use super::failure::Failure;
use super::field;
use super::field::View;
use super::meeting;
use super::mime;
use super::path::Path;
use super::path::extended_element;
use super::schema::keep_known;
use super::schema::sort_children;
use super::xml::Element;
use super::zone;
use crate::store::Item;
use crate::store::Mailbox;
use crate::store::PropertyId;
use crate::store::PropertyType;
use crate::store::PropertyValue;
use crate::store::zone::Zone;

/// All header fields, and one of them by name.
const HEADERS: &str = "item:InternetMessageHeaders";
const HEADER: &str = "item:InternetMessageHeader";

/// The operation that answers; not every one can return every property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Opens each item: everything.
    GetItem,
    /// Reads a table: no bodies, attendees or response objects (MS docs: property sets).
    FindItem,
    /// Like a table, but leaves out what it can't return instead of failing.
    SyncFolderItems,
}

/// How a body is wanted (MS docs: BodyType (ResponseShape)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyShape {
    /// As it is stored.
    Best,
    /// HTML, converted if need be.
    Html,
    /// Text, converted if need be.
    Text,
}

impl BodyShape {
    /// Reads the `BodyType` of a shape.
    fn read(shape: &Element) -> BodyShape {
        match shape.child_text("BodyType").unwrap_or_default() {
            "HTML" => BodyShape::Html,
            "Text" => BodyShape::Text,
            _ => BodyShape::Best,
        }
    }
}

/// An `ItemShape`.
#[derive(Debug, Clone)]
pub(crate) struct ItemShape {
    base: Base,
    body: BodyShape,
    additional: Vec<Path>,
    source: Source,
    zone: Zone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    IdOnly,
    Default,
    AllProperties,
}

/// MS docs: property sets and response shapes, table 3.
const DEFAULT_EVENT: [&str; 9] = [
    "item:Subject",
    "item:ResponseObjects",
    "item:HasAttachments",
    "item:IsAssociated",
    "calendar:Start",
    "calendar:End",
    "calendar:LegacyFreeBusyStatus",
    "calendar:Location",
    "calendar:Organizer",
];
const DEFAULT_MESSAGE: [&str; 10] = [
    "item:Subject",
    "item:Sensitivity",
    "item:Body",
    "item:Size",
    "item:DateTimeSent",
    "item:DateTimeCreated",
    "item:HasAttachments",
    "item:IsAssociated",
    "message:From",
    "message:IsDeliveryReceiptRequested",
];

/// What AllProperties adds for every class, in no order (MS docs: the same, table 4; recordings).
const ALL_ITEM: [&str; 32] = [
    "item:ParentFolderId",
    "item:ItemClass",
    "item:Subject",
    "item:Sensitivity",
    "item:Body",
    "item:DateTimeReceived",
    "item:Size",
    "item:Categories",
    "item:Importance",
    "item:IsSubmitted",
    "item:IsDraft",
    "item:IsFromMe",
    "item:IsResend",
    "item:IsUnmodified",
    "item:DateTimeSent",
    "item:DateTimeCreated",
    "item:ResponseObjects",
    "item:ReminderDueBy",
    "item:ReminderIsSet",
    "item:ReminderMinutesBeforeStart",
    "item:DisplayCc",
    "item:DisplayTo",
    "item:HasAttachments",
    "item:Culture",
    "item:EffectiveRights",
    "item:LastModifiedName",
    "item:LastModifiedTime",
    "item:IsAssociated",
    "item:InReplyTo",
    "item:Attachments",
    "item:ConversationId",
    "item:WebClientReadFormQueryString",
];
const ALL_EVENT: [&str; 33] = [
    "calendar:UID",
    "calendar:RecurrenceId",
    "calendar:DateTimeStamp",
    "calendar:Start",
    "calendar:End",
    "calendar:OriginalStart",
    "calendar:IsAllDayEvent",
    "calendar:LegacyFreeBusyStatus",
    "calendar:Location",
    "calendar:IsMeeting",
    "calendar:IsCancelled",
    "calendar:IsRecurring",
    "calendar:MeetingRequestWasSent",
    "calendar:IsResponseRequested",
    "calendar:CalendarItemType",
    "calendar:MyResponseType",
    "calendar:Organizer",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
    "calendar:Resources",
    "calendar:Duration",
    "calendar:TimeZone",
    "calendar:AppointmentReplyTime",
    "calendar:AppointmentSequenceNumber",
    "calendar:AppointmentState",
    "calendar:Recurrence",
    "calendar:FirstOccurrence",
    "calendar:LastOccurrence",
    "calendar:ModifiedOccurrences",
    "calendar:DeletedOccurrences",
    "calendar:StartTimeZone",
    "calendar:EndTimeZone",
    "calendar:IsOnlineMeeting",
];
const ALL_MESSAGE: [&str; 11] = [
    "message:ConversationIndex",
    "message:ConversationTopic",
    "message:From",
    "message:Sender",
    "message:ToRecipients",
    "message:CcRecipients",
    "message:BccRecipients",
    "message:IsRead",
    "message:InternetMessageId",
    "message:IsReadReceiptRequested",
    "message:IsDeliveryReceiptRequested",
];

impl ItemShape {
    /// Reads an `ItemShape`; a path that makes no sense fails every item of the request.
    pub(crate) fn read(
        request: &Element,
        source: Source,
        zone: &Zone,
    ) -> Result<ItemShape, Failure> {
        let shape = request.child("ItemShape").ok_or_else(Failure::invalid_request)?;
        let base = match shape.child_text("BaseShape").unwrap_or_default() {
            "AllProperties" => Base::AllProperties,
            "Default" => Base::Default,
            _ => Base::IdOnly,
        };
        let body = BodyShape::read(shape);
        let mut additional = Vec::new();
        let with_stream = shape.child_text("IncludeMimeContent").is_some_and(super::write::boolean);
        if with_stream && source == Source::GetItem {
            additional.push(Path::Field("item:MimeContent".to_owned()));
        }
        for path in shape.child("AdditionalProperties").iter().flat_map(|list| &list.children) {
            let path = Path::read(path)?;
            if let Path::Field(uri) = &path
                && source == Source::FindItem
                && !field::in_tables(uri)
            {
                return Err(Failure::new(
                    "ErrorInvalidPropertyRequest",
                    "The property can not be used with this type of request.",
                )
                .about(path.element()));
            }
            additional.push(path);
        }
        Ok(ItemShape { base, body, additional, source, zone: zone.clone() })
    }

    /// The shape of attached items: everything, and what an `AttachmentShape` adds (MS docs:
    /// GetAttachment, Remarks).
    pub(crate) fn of_attachments(request: &Element, zone: &Zone) -> Result<ItemShape, Failure> {
        let (base, source) = (Base::AllProperties, Source::GetItem);
        let mut all = ItemShape {
            base,
            body: BodyShape::Best,
            additional: Vec::new(),
            source,
            zone: zone.clone(),
        };
        let Some(shape) = request.child("AttachmentShape") else { return Ok(all) };
        all.body = BodyShape::read(shape);
        if shape.child_text("IncludeMimeContent").is_some_and(super::write::boolean) {
            all.additional.push(Path::Field("item:MimeContent".to_owned()));
        }
        for path in shape.child("AdditionalProperties").iter().flat_map(|list| &list.children) {
            all.additional.push(Path::read(path)?);
        }
        Ok(all)
    }

    /// The shape of answers that only name an item.
    pub(crate) fn id_only() -> ItemShape {
        let (base, body) = (Base::IdOnly, BodyShape::Best);
        let (source, zone) = (Source::GetItem, Zone::utc());
        ItemShape { base, body, additional: Vec::new(), source, zone }
    }

    /// Renders an item in this shape, its elements in the schema's order.
    pub(crate) fn render(&self, mailbox: &Mailbox, item: &Item) -> Element {
        let (name, kind) = meeting::kind(item);
        let mut element = Element::t(name).with(item_id_element(mailbox, item));
        let mut seen = vec!["item:ItemId".to_owned()];
        for uri in self.base_fields(item) {
            let by_zone = ["calendar:StartTimeZone", "calendar:EndTimeZone"].contains(uri);
            // FindItem shows the original start only where it is asked for (recordings).
            let is_original = *uri == "calendar:OriginalStart" && self.source != Source::GetItem;
            if is_original || (by_zone && field::is_without_zone(item)) {
                continue;
            }
            seen.push((*uri).to_owned());
            element.children.extend(self.field(mailbox, item, uri));
        }
        for path in &self.additional {
            match path {
                Path::Field(uri) if seen.contains(uri) => {}
                Path::Field(uri) => {
                    seen.push(uri.clone());
                    element.children.extend(self.field(mailbox, item, uri));
                }
                // All of them make one element.
                Path::Indexed(..) => {}
                Path::Extended(id, path) => {
                    let value = item.property(id).map(|value| self.restated(id, value));
                    element
                        .children
                        .extend(value.map(|value| extended_element(path.clone(), &value)));
                }
            }
        }
        element.children.extend(self.headers(item, &seen));
        if item.content.meeting().is_some() {
            keep_known(&mut element, kind);
        }
        sort_children(&mut element, kind);
        element
    }

    /// The header fields asked for by name, unless all of them are there anyway.
    fn headers(&self, item: &Item, seen: &[String]) -> Option<Element> {
        if self.source != Source::GetItem || seen.iter().any(|uri| uri == HEADERS) {
            return None;
        }
        let wanted = self.additional.iter().filter_map(|path| match path {
            Path::Indexed(uri, name) if uri == HEADER => Some(name.as_str()),
            Path::Indexed(..) | Path::Field(_) | Path::Extended(..) => None,
        });
        mime::headers(item, Some(&wanted.collect::<Vec<&str>>()))
    }

    fn field(&self, mailbox: &Mailbox, item: &Item, uri: &str) -> Option<Element> {
        if self.source != Source::GetItem && !field::in_tables(uri) {
            return None;
        }
        field::render(
            &View { mailbox, body: self.body, source: self.source, zone: &self.zone },
            item,
            uri,
        )
    }

    /// Times of extended properties are stated in the caller's zone, too.
    fn restated(&self, id: &PropertyId, value: PropertyValue) -> PropertyValue {
        let instant = value.one().and_then(|text| zone::instant(text, &Zone::utc()));
        match (id.kind, instant) {
            (PropertyType::SystemTime, Some(instant)) => {
                PropertyValue::One(zone::stamp(instant, &self.zone))
            }
            (_, _) => value,
        }
    }

    fn base_fields(&self, item: &Item) -> Vec<&'static &'static str> {
        let is_event = item.content.as_event().is_some();
        match (self.base, is_event) {
            (Base::IdOnly, _) => Vec::new(),
            (Base::Default, true) => DEFAULT_EVENT.iter().collect(),
            (Base::Default, false) => match meeting::is_request(item) {
                true => meeting::DEFAULT_REQUEST.iter().collect(),
                false => DEFAULT_MESSAGE.iter().collect(),
            },
            (Base::AllProperties, true) => ALL_ITEM.iter().chain(&ALL_EVENT).collect(),
            (Base::AllProperties, false) => {
                // Messages show no reminder (recordings of Exchange Online, 2020).
                let shown = |uri: &&&str| !uri.starts_with("item:Reminder");
                let of_meeting: &[&str] = match item.content.meeting() {
                    Some(_) => &meeting::ALL,
                    None => &[],
                };
                ALL_ITEM.iter().filter(shown).chain(&ALL_MESSAGE).chain(of_meeting).collect()
            }
        }
    }
}
