//! Notifications: Subscribe, Unsubscribe, GetEvents and GetStreamingEvents.

use super::context::Context;
use super::failure::Failure;
use super::failure::success;
use super::soap;
use super::version::Server;
use super::write::boolean;
use super::xml::Element;
use super::zone;
use crate::config::Profile;
use crate::store::FolderId;
use crate::store::Kind;
use crate::store::Mailbox;
use crate::store::Node;
use crate::store::World;
use crate::store::subscription::Connection;
use crate::store::subscription::EventType;
use crate::store::subscription::Notice;
use crate::store::subscription::Subscription;
use crate::store::subscription::SubscriptionError;
use crate::store::subscription::Way;
use crate::store::zone::Zone;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use jiff::Timestamp;

/// Events in one answer of GetEvents; more are announced by `MoreEvents`.
const EVENTS_MAX: usize = 512;
/// Watermarks older than this are refused (MS docs: SubscribeResponseMessageType.Watermark).
const WATERMARK_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How often a streaming connection says that it is alive.
const STATUS_PERIOD: SignedDuration = SignedDuration::from_secs(45);
/// Streaming connections of a mailbox at a time: HangingConnectionLimit of Exchange Online, 2016
/// and 2019 (MS docs: EWS throttling).
const CONNECTIONS_MAX: usize = 10;
/// The server that subscription ids name.
const HOST: &str = "am6pr05mb5000.eurprd05.prod.outlook.com";

const EVENT_TYPES: [(&str, EventType); 7] = [
    ("CopiedEvent", EventType::Copied),
    ("CreatedEvent", EventType::Created),
    ("DeletedEvent", EventType::Deleted),
    ("ModifiedEvent", EventType::Modified),
    ("MovedEvent", EventType::Moved),
    ("NewMailEvent", EventType::NewMail),
    ("FreeBusyChangedEvent", EventType::FreeBusyChanged),
];

/// Subscribe: one answer. Push subscriptions are made, and end when nobody was reached for long
/// enough: this server sends no requests.
pub(crate) fn subscribe(context: &mut Context<'_>, request: &Element) -> Result<Element, Failure> {
    let wanted = request.children.first().ok_or_else(Failure::invalid_request)?;
    let minutes = |name| {
        let number = wanted.child_text(name).and_then(|text| text.trim().parse().ok());
        SignedDuration::from_mins(number.unwrap_or(1).clamp(1, 1440))
    };
    let way = match wanted.name.as_str() {
        "PullSubscriptionRequest" => Way::Pull(minutes("Timeout")),
        "StreamingSubscriptionRequest" => Way::Streaming,
        _ => {
            check_url(wanted.child_text("URL").unwrap_or_default())?;
            Way::Push(minutes("StatusFrequency"))
        }
    };
    let folders = watched(context, wanted)?;
    let events = wanted.child("EventTypes").into_iter().flat_map(|list| &list.children);
    let events = events.filter_map(|element| {
        let known = EVENT_TYPES.iter().find(|(name, _)| *name == element.text.trim());
        known.map(|(_, event)| *event)
    });
    let mailbox = context.mailbox();
    let position = match wanted.child_text("Watermark") {
        Some(text) => position_at(mailbox, text)?,
        None => mailbox.event_position(),
    };
    let subscription = Subscription {
        owner: mailbox.address.clone(),
        way,
        folders,
        events: events.collect(),
        position,
        seen: mailbox.now,
    };
    let world = context.world_mut();
    let id = new_id(world);
    let most = subscriptions_max(world.config.profile);
    world.subscriptions.add(&id, subscription, most).map_err(failure)?;
    let answer = success().with(Element::m_text("SubscriptionId", id));
    Ok(match way {
        Way::Streaming => answer,
        Way::Pull(_) | Way::Push(_) => {
            answer.with(Element::m_text("Watermark", mark(context.mailbox(), position)))
        }
    })
}

/// Unsubscribe: one answer.
pub(crate) fn unsubscribe(
    context: &mut Context<'_>,
    request: &Element,
) -> Result<Element, Failure> {
    let id = request.child_text("SubscriptionId").unwrap_or_default();
    visit(context, id)?;
    context.world_mut().subscriptions.end(id.trim());
    Ok(success())
}

/// GetEvents: what happened after the watermark; a StatusEvent where nothing did.
pub(crate) fn get_events(context: &mut Context<'_>, request: &Element) -> Result<Element, Failure> {
    let id = request.child_text("SubscriptionId").unwrap_or_default();
    let subscription = visit(context, id)?.clone();
    if !matches!(subscription.way, Way::Pull(_)) {
        let text = "The subscription is not a pull subscription.";
        return Err(Failure::new("ErrorInvalidPullSubscriptionId", text));
    }
    let mailbox = context.mailbox();
    let since = position_at(mailbox, request.child_text("Watermark").unwrap_or_default())?;
    if since < subscription.position {
        return Err(invalid_watermark());
    }
    let notices = subscription.notices(mailbox, since);
    let shown = &notices[..notices.len().min(EVENTS_MAX)];
    let mut notification = Element::m("Notification")
        .with(Element::t_text("SubscriptionId", id.trim()))
        .with(Element::t_text("PreviousWatermark", mark(mailbox, since)))
        .with(Element::t_text("MoreEvents", (shown.len() < notices.len()).to_string()));
    for notice in shown {
        let watermark = Element::t_text("Watermark", mark(mailbox, notice.position));
        let mut event = event(mailbox, notice);
        event.children.insert(0, watermark);
        notification.children.push(event);
    }
    if shown.is_empty() {
        let watermark = Element::t_text("Watermark", mark(mailbox, mailbox.event_position()));
        notification.children.push(Element::t("StatusEvent").with(watermark));
    }
    Ok(success().with(notification))
}

/// GetStreamingEvents: the first document of an answer that goes on.
pub(crate) fn stream(context: &mut Context<'_>, request: &Element) -> Element {
    let ids = request.child("SubscriptionIds").into_iter().flat_map(|list| &list.children);
    let ids: Vec<String> = ids.map(|id| id.text.trim().to_owned()).collect();
    let minutes = request.child_text("ConnectionTimeout").and_then(|text| text.trim().parse().ok());
    let address = context.mailbox().address.clone();
    let connection = match context.world_mut().subscriptions.connect(&address, CONNECTIONS_MAX) {
        Ok(connection) => connection,
        Err(error) => {
            let status = Element::m_text("ConnectionStatus", "Closed");
            return failure(error).message().with(status);
        }
    };
    let held = Held {
        address,
        _connection: connection,
        ids,
        opened: context.mailbox().now,
        timeout: SignedDuration::from_mins(minutes.unwrap_or(1).clamp(1, 30)),
        told: SignedDuration::ZERO,
    };
    match held.refused(context.world_mut()) {
        Some(message) => message,
        None => {
            context.hold(held);
            success().with(Element::m_text("ConnectionStatus", "OK"))
        }
    }
}

/// An answer that goes on: the connection of GetStreamingEvents.
///
/// It travels with the response as an extension; [`crate::Sim::go_on`] tells what comes next.
#[derive(Debug, Clone)]
pub struct Held {
    address: String,
    ids: Vec<String>,
    opened: Timestamp,
    timeout: SignedDuration,
    /// The connection's age when the last document was sent.
    told: SignedDuration,
    /// Counts as open while this is there.
    _connection: Connection,
}

/// What comes next over a held connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing yet.
    Nothing,
    /// A document, after which the connection stays.
    Document(String),
    /// The last document.
    Last(String),
}

impl Held {
    /// How long the connection stays, by either clock.
    pub fn timeout(&self) -> SignedDuration {
        self.timeout
    }

    /// What comes next on a connection that is `waited` old by the real clock.
    pub(crate) fn go_on(&mut self, world: &mut World, waited: SignedDuration) -> Next {
        let server = Server::of(world, &self.address);
        let document = |message: Element| {
            let name = "GetStreamingEventsResponseMessage".to_owned();
            soap::response(server, "GetStreamingEvents", [Element { name, ..message }])
        };
        if let Some(message) = self.refused(world) {
            return Next::Last(document(message));
        }
        let age = waited.max(world.now().duration_since(self.opened));
        let notifications = self.notifications(world);
        if !notifications.is_empty() {
            self.told = age;
            let list = Element::m("Notifications").with_all(notifications);
            return Next::Document(document(success().with(list)));
        }
        if age >= self.timeout {
            let status = Element::m_text("ConnectionStatus", "Closed");
            return Next::Last(document(success().with(status)));
        }
        if age - self.told >= STATUS_PERIOD {
            self.told = age;
            let status = Element::m_text("ConnectionStatus", "OK");
            return Next::Document(document(success().with(status)));
        }
        Next::Nothing
    }

    /// The error that ends the connection, if one of its subscriptions can't be streamed.
    fn refused(&self, world: &mut World) -> Option<Element> {
        let now = world.now();
        let mut refused: Vec<(&str, Failure)> = Vec::new();
        for id in &self.ids {
            match world.subscriptions.visit(id, &self.address, now) {
                Ok(found) if found.way == Way::Streaming => {}
                Ok(_) => refused.push((id, invalid_subscription())),
                Err(error) => refused.push((id, missing(id, error))),
            }
        }
        let (_, failure) = refused.first()?;
        let ids = refused.iter().map(|(id, _)| Element::t_text("SubscriptionId", *id));
        let message = failure.message();
        Some(
            message
                .with(Element::m("ErrorSubscriptionIds").with_all(ids))
                .with(Element::m_text("ConnectionStatus", "Closed")),
        )
    }

    /// What its subscriptions have to tell; told once.
    fn notifications(&self, world: &mut World) -> Vec<Element> {
        let now = world.now();
        let mut notifications = Vec::new();
        for id in &self.ids {
            let Some(mailbox) = world.mailboxes.get(&self.address) else { continue };
            let Ok(found) = world.subscriptions.visit(id, &self.address, now) else { continue };
            let notices = found.notices(mailbox, found.position);
            found.position = mailbox.event_position();
            if !notices.is_empty() {
                let notification =
                    Element::m("Notification").with(Element::t_text("SubscriptionId", id));
                let events = notices.iter().map(|notice| event(mailbox, notice));
                notifications.push(notification.with_all(events));
            }
        }
        notifications
    }
}

/// The folders to watch; none where all are.
fn watched(context: &Context<'_>, wanted: &Element) -> Result<Option<Vec<FolderId>>, Failure> {
    let all = wanted.attribute("SubscribeToAllFolders").is_some_and(boolean);
    match (wanted.child("FolderIds"), all) {
        (None, true) => Ok(None),
        (Some(ids), false) => {
            let folder = |id| Ok(context.folder(id, Failure::folder_not_found)?.id);
            ids.children.iter().map(folder).collect::<Result<_, Failure>>().map(Some)
        }
        (None, false) | (Some(_), true) => Err(Failure::new(
            "ErrorInvalidSubscriptionRequest",
            "Subscriptions need either folders or SubscribeToAllFolders.",
        )),
    }
}

fn check_url(text: &str) -> Result<(), Failure> {
    match url::Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        Ok(_) | Err(_) => Err(Failure::new(
            "ErrorInvalidPushSubscriptionUrl",
            "The URL of the push subscription is invalid.",
        )),
    }
}

/// EWSMaxSubscriptions (MS docs: EWS throttling).
fn subscriptions_max(profile: Profile) -> usize {
    match profile {
        Profile::ExchangeOnline => 20,
        Profile::Exchange2019 => 5000,
    }
}

/// An event as notifications have it, without a watermark.
fn event(mailbox: &Mailbox, notice: &Notice) -> Element {
    let (name, _) = EVENT_TYPES
        .iter()
        .find(|(_, event)| *event == notice.event)
        .expect("every event type has a name");
    let mut element = Element::t(name)
        .with(Element::t_text("TimeStamp", zone::stamp(notice.at, &Zone::utc())))
        .with(node_id(mailbox, "", notice.node, notice.parent))
        .with(parent_id(mailbox, "ParentFolderId", notice.parent));
    if let Some((node, parent)) = notice.origin {
        element = element.with(node_id(mailbox, "Old", node, parent)).with(parent_id(
            mailbox,
            "OldParentFolderId",
            parent,
        ));
    }
    if let (EventType::Modified, Node::Folder(folder)) = (notice.event, notice.node) {
        element = element.with(Element::t_text("UnreadCount", unread(mailbox, folder)));
    }
    element
}

fn unread(mailbox: &Mailbox, folder: FolderId) -> String {
    let unread = mailbox.items_in(folder).filter(|item| match &item.content.kind {
        Kind::Message(message) => !message.read,
        Kind::Event(_) => false,
    });
    unread.count().to_string()
}

/// The id of what an event is about; its ChangeKey says nothing but the class (MS docs: examples).
fn node_id(mailbox: &Mailbox, prefix: &str, node: Node, parent: FolderId) -> Element {
    let (name, key) = match node {
        Node::Folder(id) => return parent_id(mailbox, &format!("{prefix}FolderId"), id),
        Node::Item { .. } if mailbox.was_event(node, parent) => ("ItemId", "DwAAAA=="),
        Node::Item { .. } => ("ItemId", "CQAAAA=="),
    };
    Element::t(&format!("{prefix}{name}"))
        .attr("Id", mailbox.ews_node_id(node))
        .attr("ChangeKey", key)
}

fn parent_id(mailbox: &Mailbox, name: &str, folder: FolderId) -> Element {
    Element::t(name).attr("Id", mailbox.ews_folder_id(folder)).attr("ChangeKey", "AQAAAA==")
}

/// A position as a watermark: the mailbox and a number (MS docs: a Subscribe answer).
fn mark(mailbox: &Mailbox, position: u64) -> String {
    let mut bytes = vec![1, 0, 0, 0];
    bytes.extend_from_slice(&mailbox.guid);
    bytes.extend_from_slice(&position.to_le_bytes());
    bytes.push(1);
    STANDARD.encode(bytes)
}

/// The position of a watermark that this mailbox gave out in the last 30 days.
fn position_at(mailbox: &Mailbox, text: &str) -> Result<u64, Failure> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| invalid_watermark())?;
    let numbers =
        bytes.strip_prefix(&[1, 0, 0, 0]).and_then(|rest| rest.strip_prefix(&mailbox.guid));
    let position = match numbers {
        Some([number @ .., 1]) => number.try_into().ok().map(u64::from_le_bytes),
        Some(_) | None => None,
    };
    let position = position.ok_or_else(invalid_watermark)?;
    match mailbox.event_time(position) {
        Some(at) if mailbox.now.duration_since(at) <= WATERMARK_LIFE => Ok(position),
        Some(_) if position == mailbox.event_position() => Ok(position),
        Some(_) | None => Err(invalid_watermark()),
    }
}

/// An id as Exchange Online makes them: the server's name, a GUID and the time.
fn new_id(world: &mut World) -> String {
    let mut bytes = (HOST.len() as u16).to_le_bytes().to_vec();
    bytes.extend_from_slice(HOST.as_bytes());
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    bytes.extend_from_slice(&world.rng.bytes16());
    bytes.extend_from_slice(&world.now().as_second().to_le_bytes());
    STANDARD.encode(bytes)
}

/// Whether an id has the form of those that are given out.
fn is_well_formed(id: &str) -> bool {
    let head = 2 + HOST.len();
    STANDARD.decode(id).is_ok_and(|bytes| {
        bytes.len() == head + 4 + 16 + 8 && bytes.get(2..head) == Some(HOST.as_bytes())
    })
}

fn visit<'a>(context: &'a mut Context<'_>, id: &str) -> Result<&'a mut Subscription, Failure> {
    let (address, now) = (context.mailbox().address.clone(), context.mailbox().now);
    let id = id.trim();
    let world = context.world_mut();
    world.subscriptions.visit(id, &address, now).map_err(|error| missing(id, error))
}

/// A subscription that isn't there; ids of no server's making are told apart.
fn missing(id: &str, error: SubscriptionError) -> Failure {
    match error {
        SubscriptionError::NotFound if !is_well_formed(id) => invalid_subscription(),
        SubscriptionError::NotFound
        | SubscriptionError::Foreign
        | SubscriptionError::TooMany
        | SubscriptionError::TooManyConnections => failure(error),
    }
}

fn failure(error: SubscriptionError) -> Failure {
    match error {
        SubscriptionError::NotFound => {
            Failure::new("ErrorSubscriptionNotFound", "The specified subscription was not found.")
        }
        SubscriptionError::Foreign => Failure::new(
            "ErrorSubscriptionAccessDenied",
            "Access is denied. Only the subscription owner may access the subscription.",
        ),
        SubscriptionError::TooMany => Failure::new(
            "ErrorExceededSubscriptionCount",
            "You have exceeded the maximum number of subscriptions.",
        ),
        SubscriptionError::TooManyConnections => Failure::new(
            "ErrorExceededConnectionCount",
            "You have exceeded the available concurrent connections for your account.",
        ),
    }
}

fn invalid_subscription() -> Failure {
    Failure::new("ErrorInvalidSubscription", "The specified subscription is invalid.")
}

fn invalid_watermark() -> Failure {
    Failure::new("ErrorInvalidWatermark", "The watermark used for the subscription is invalid.")
}
