//! Subscriptions to change notifications (docs: subscription).
//!
//! Nothing is posted to a `notificationUrl`: this server sends no requests. Its validation is taken
//! as passed, and `GET /sim/notifications` shows what would have been posted.

use super::Caller;
use super::call::{CalendarRef, Call, decode};
use super::error::Error;
use super::event::select;
use super::folders;
use super::query::{self, Allowed};
use super::route::{Route, Target};
use super::write::text;
use crate::store::rng::{Rng, guid_text};
use crate::store::subscription::{EventType, Notice, Subscription, Way};
use crate::store::{FolderId, Mailbox, Node, Role, World};
use crate::{Request, Response, respond};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Longest life of a subscription to Outlook resources (docs: subscription, lifetime).
const LIFE_MAX: SignedDuration = SignedDuration::from_mins(10_080);
/// The same where notifications carry resource data.
const RICH_LIFE_MAX: SignedDuration = SignedDuration::from_mins(1_440);
/// Shorter lives are made this long (docs: subscription, expirationDateTime).
const LIFE_MIN: SignedDuration = SignedDuration::from_mins(45);
/// Active subscriptions of a mailbox (docs: outlook-change-notifications-overview).
const PER_MAILBOX_MAX: usize = 1000;
const CLIENT_STATE_CHARS_MAX: usize = 128;

/// Members that a client may set.
const SETTABLE: [&str; 11] = [
    "changeType",
    "clientState",
    "encryptionCertificate",
    "encryptionCertificateId",
    "expirationDateTime",
    "includeResourceData",
    "latestSupportedTlsVersion",
    "lifecycleNotificationUrl",
    "notificationUrl",
    "notificationUrlAppId",
    "resource",
];
/// Members that the service sets.
const READ_ONLY: [&str; 3] = ["id", "applicationId", "creatorId"];
const CHANGE_TYPES: [&str; 3] = ["created", "updated", "deleted"];

/// All subscriptions by id.
#[derive(Debug, Default)]
pub(crate) struct Webhooks(BTreeMap<String, Webhook>);

/// A subscription.
#[derive(Debug, Clone)]
struct Webhook {
    /// Everything a client sees of it.
    json: Map<String, Value>,
    creator: String,
    expires: Timestamp,
    /// The mailbox watched.
    address: String,
    /// Whether events rather than messages are watched.
    events: bool,
    /// One folder, or the whole mailbox.
    folder: Option<FolderId>,
    /// Whether notifications name items by immutable ids.
    immutable: bool,
    /// The event it starts after.
    position: u64,
}

/// What a path below `/v1.0` names; `None` where it is about something else.
pub(super) fn path(path: &str) -> Option<Vec<String>> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty()).map(decode);
    segments.next().filter(|first| first.eq_ignore_ascii_case("subscriptions"))?;
    Some(segments.collect())
}

/// Answers a request about subscriptions; a caller sees its own only.
pub(super) fn serve(
    world: &mut World,
    request: &Request,
    caller: &Caller,
    path: &[String],
) -> Result<Response, Error> {
    let now = world.now();
    world.webhooks.0.retain(|_, webhook| webhook.expires > now);
    let reads = request.method() == Method::GET;
    let options = if reads { query::LIST } else { query::NONE };
    let allowed = Allowed { options, strict: world.config.strict };
    let call = Call::new(request, "", allowed)?;
    match (request.method().as_str(), path) {
        ("GET", []) => Ok(list(world, &call, caller)),
        ("POST", []) => create(world, &call, caller),
        ("GET", [key]) if key.trim_end_matches("()").eq_ignore_ascii_case("getVapidPublicKey") => {
            Err(Error::not_served("getVapidPublicKey"))
        }
        ("GET", [id]) => {
            let found = own(world, caller, id)?.json.clone();
            Ok(shown(&call, 200, found))
        }
        ("PATCH", [id]) => update(world, &call, caller, id),
        ("DELETE", [id]) => {
            own(world, caller, id)?;
            world.webhooks.0.remove(id);
            Ok(respond(204, "", ""))
        }
        ("POST", [id, action]) if action.eq_ignore_ascii_case("reauthorize") => {
            own(world, caller, id)?;
            Ok(respond(204, "", ""))
        }
        (_, [] | [_]) => Err(Error::new(405, "Request_BadRequest", "Method not allowed.")),
        (_, [.., last]) => Err(Error::no_such_path(last)),
    }
}

/// What would have been posted for each subscription since it was made, the oldest first.
pub(crate) fn notifications(world: &World) -> Value {
    let told = |(id, webhook): (&String, &Webhook)| {
        let mailbox = world.mailbox(&webhook.address)?;
        Some(webhook.told(id, mailbox, &world.config.tenant))
    };
    let posted: Vec<Value> = world.webhooks.0.iter().filter_map(told).flatten().collect();
    json!({ "value": posted })
}

fn list(world: &World, call: &Call<'_>, caller: &Caller) -> Response {
    let creator = creator(world, caller);
    let own = world.webhooks.0.values().filter(|webhook| webhook.creator == creator);
    let found: Vec<Value> = own
        .map(|webhook| select(Value::Object(webhook.json.clone()), call.query.select.as_ref()))
        .collect();
    let context = format!("{}/$metadata#subscriptions", call.base);
    call.answer(200, &json!({"@odata.context": context, "value": found}))
}

fn create(world: &mut World, call: &Call<'_>, caller: &Caller) -> Result<Response, Error> {
    let body = call.body()?;
    check_members(&body, call.strict)?;
    for name in ["changeType", "notificationUrl", "resource", "expirationDateTime"] {
        if body.get(name).is_none_or(Value::is_null) {
            let message = format!("{name} is a required property for subscription creation.");
            return Err(invalid(message));
        }
    }
    check_values(&body)?;
    let rich = body.get("includeResourceData") == Some(&Value::Bool(true));
    if rich
        && (body.get("encryptionCertificate").is_none_or(Value::is_null)
            || body.get("encryptionCertificateId").is_none_or(Value::is_null))
    {
        return Err(invalid(
            "encryptionCertificate and encryptionCertificateId are required when \
             includeResourceData is true.",
        ));
    }
    let expires = expiration(&body, world.now(), rich)?;
    let resource = text("resource", &body["resource"])?;
    let (address, events, folder) = watched(world, caller, &resource)?;
    let mailbox = world.mailbox(&address).ok_or_else(unknown_resource)?;
    let position = mailbox.event_position();
    let same = world.webhooks.0.values().filter(|webhook| webhook.address == address).count();
    if same >= PER_MAILBOX_MAX {
        let message = "Operation: Create; Exception: [Status Code: Forbidden; Reason: \
                       Subscription limit has been exceeded.]";
        return Err(Error::new(403, "ExtensionError", message));
    }
    let creator = creator(world, caller);
    let id = world.rng.guid();
    let mut json = Map::new();
    json.insert("id".to_owned(), json!(id));
    json.insert("applicationId".to_owned(), json!(world.config.client));
    json.insert("creatorId".to_owned(), json!(creator));
    for name in SETTABLE {
        json.insert(name.to_owned(), body.get(name).cloned().unwrap_or_default());
    }
    json.insert("expirationDateTime".to_owned(), json!(stamp(expires)));
    json.insert("includeResourceData".to_owned(), json!(rich));
    if json["latestSupportedTlsVersion"].is_null() {
        json.insert("latestSupportedTlsVersion".to_owned(), json!("v1_2"));
    }
    let immutable = call.prefer.immutable;
    let webhook = Webhook {
        json: json.clone(),
        creator,
        expires,
        address,
        events,
        folder,
        immutable,
        position,
    };
    world.webhooks.0.insert(id, webhook);
    Ok(shown(call, 201, json))
}

/// Renews a subscription; nothing else of it can be changed but where notifications go.
fn update(
    world: &mut World,
    call: &Call<'_>,
    caller: &Caller,
    id: &str,
) -> Result<Response, Error> {
    let now = world.now();
    let body = call.body()?;
    check_members(&body, call.strict)?;
    check_values(&body)?;
    let webhook = own(world, caller, id)?;
    for (name, value) in &body {
        let given = SETTABLE.contains(&name.as_str());
        let free = matches!(name.as_str(), "expirationDateTime" | "notificationUrl");
        if given && !free && webhook.json.get(name) != Some(value) {
            return Err(invalid(format!("The property '{name}' can not be updated.")));
        }
    }
    if body.contains_key("expirationDateTime") {
        let rich = webhook.json["includeResourceData"] == json!(true);
        webhook.expires = expiration(&body, now, rich)?;
        webhook.json.insert("expirationDateTime".to_owned(), json!(stamp(webhook.expires)));
    }
    if let Some(url) = body.get("notificationUrl") {
        webhook.json.insert("notificationUrl".to_owned(), url.clone());
    }
    let json = webhook.json.clone();
    Ok(shown(call, 200, json))
}

fn shown(call: &Call<'_>, status: u16, json: Map<String, Value>) -> Response {
    let mut json = select(Value::Object(json), call.query.select.as_ref());
    json["@odata.context"] = json!(format!("{}/$metadata#subscriptions/$entity", call.base));
    call.answer(status, &json)
}

fn own<'w>(world: &'w mut World, caller: &Caller, id: &str) -> Result<&'w mut Webhook, Error> {
    let creator = creator(world, caller);
    match world.webhooks.0.get_mut(id).filter(|webhook| webhook.creator == creator) {
        Some(webhook) => Ok(webhook),
        None => Err(Error::new(404, "ResourceNotFound", "The object was not found.")),
    }
}

/// The id of the user or of the application's service principal.
fn creator(world: &World, caller: &Caller) -> String {
    match caller.user.as_deref().and_then(|address| world.mailbox(address)) {
        Some(mailbox) => guid_text(&mailbox.guid),
        None => Rng::fork(world.config.random_seed, "service principal").guid(),
    }
}

fn check_members(body: &Map<String, Value>, strict: bool) -> Result<(), Error> {
    let known = |name: &str| {
        SETTABLE.contains(&name) || READ_ONLY.contains(&name) || name.contains("@odata.")
    };
    match body.keys().find(|name| !known(name)) {
        Some(_) if strict => Err(invalid(
            "Could not process subscription creation payload. Are all property names spelled and \
             camelCased properly?",
        )),
        Some(_) | None => Ok(()),
    }
}

/// Checks the values that are there.
fn check_values(body: &Map<String, Value>) -> Result<(), Error> {
    if let Some(value) = body.get("changeType") {
        let given = text("changeType", value)?;
        if let Some(odd) = given.split(',').find(|kind| !CHANGE_TYPES.contains(&kind.trim())) {
            return Err(invalid(format!("The value '{odd}' of changeType is not supported.")));
        }
    }
    for name in ["notificationUrl", "lifecycleNotificationUrl"] {
        let Some(value) = body.get(name).filter(|value| !value.is_null()) else { continue };
        let url = url::Url::parse(&text(name, value)?).ok();
        if url.is_none_or(|url| url.scheme() != "https" || !url.has_host()) {
            return Err(invalid(format!("The {name} must be an absolute URL that uses HTTPS.")));
        }
    }
    match body.get("clientState").filter(|value| !value.is_null()) {
        Some(value) if text("clientState", value)?.chars().count() > CLIENT_STATE_CHARS_MAX => {
            Err(invalid("The clientState must not be longer than 128 characters."))
        }
        Some(_) | None => Ok(()),
    }
}

fn expiration(body: &Map<String, Value>, now: Timestamp, rich: bool) -> Result<Timestamp, Error> {
    let given = text("expirationDateTime", &body["expirationDateTime"])?;
    // Without an offset it is UTC.
    let parsed = given.parse().or_else(|_| format!("{given}Z").parse::<Timestamp>());
    let given = parsed.map_err(|_| invalid("The expirationDateTime is not a date and time."))?;
    let most = if rich { RICH_LIFE_MAX } else { LIFE_MAX };
    if given.duration_since(now) > most {
        let minutes = most.as_mins();
        return Err(Error::new(
            400,
            "ExtensionError",
            format!(
                "Operation: Create; Exception: [Status Code: BadRequest; Reason: Subscription \
                 expiration can only be {minutes} minutes in the future.]"
            ),
        ));
    }
    Ok(given.max(now.checked_add(LIFE_MIN).unwrap_or(given)))
}

/// The mailbox and the folder of a `resource`, if the caller may read it.
fn watched(
    world: &World,
    caller: &Caller,
    resource: &str,
) -> Result<(String, bool, Option<FolderId>), Error> {
    let path = resource.split('?').next().unwrap_or_default();
    let route = Route::parse(&format!("/{}", path.trim_start_matches('/')))?;
    if route.counts {
        return Err(unknown_resource());
    }
    let user = caller.user(world, &route)?;
    let needed = route.needs(&Method::GET).unwrap_or_default();
    if !needed.iter().any(|permission| caller.may(permission)) {
        return Err(Error::access_denied());
    }
    let mailbox = world.mailbox(&user).ok_or_else(unknown_resource)?;
    let (events, folder) = if let Target::Messages(folder) = &route.target {
        (false, folder.as_ref().map(|id| folders::find(mailbox, id)).transpose()?)
    } else if let Target::Events(calendar) = &route.target {
        let at = |calendar: &CalendarRef| match calendar {
            CalendarRef::Default => Ok(mailbox.role(Role::Calendar)),
            CalendarRef::Id(id) => mailbox.find_folder(id).map(|folder| folder.id),
        };
        (true, calendar.as_ref().map(at).transpose()?)
    } else {
        return Err(unknown_resource());
    };
    Ok((mailbox.address.clone(), events, folder))
}

impl Webhook {
    fn told(&self, id: &str, mailbox: &Mailbox, tenant: &str) -> Vec<Value> {
        let watch = Subscription {
            owner: self.address.clone(),
            way: Way::Streaming,
            folders: None,
            events: [
                EventType::Copied,
                EventType::Created,
                EventType::Deleted,
                EventType::Modified,
                EventType::Moved,
            ]
            .into(),
            position: self.position,
            seen: mailbox.now,
        };
        let wanted = self.json["changeType"].as_str().unwrap_or_default().to_owned();
        let wants = |change: &str| wanted.split(',').any(|kind| kind.trim() == change);
        let notices = watch.notices(mailbox, self.position);
        notices
            .iter()
            .flat_map(|notice| self.changes(mailbox, notice))
            .filter(|(change, _)| wants(change))
            .map(|(change, node)| self.notification(id, mailbox, tenant, change, node))
            .collect()
    }

    /// What an event means for those who watch: what leaves is deleted, what comes is created.
    fn changes(&self, mailbox: &Mailbox, notice: &Notice) -> Vec<(&'static str, Node)> {
        let Node::Item { .. } = notice.node else { return Vec::new() };
        let inside = |node: Node, folder: FolderId| {
            let whole = || {
                let trash = mailbox.role(Role::DeletedItems);
                !self.events || folder != trash && !mailbox.is_below(folder, trash)
            };
            mailbox.was_event(node, folder) == self.events
                && self.folder.map_or_else(whole, |only| only == folder)
        };
        let here = inside(notice.node, notice.parent);
        let origin = notice.origin.filter(|(node, folder)| inside(*node, *folder));
        let mut changes = Vec::new();
        match notice.event {
            EventType::Created | EventType::Copied if here => {
                changes.push(("created", notice.node))
            }
            EventType::Modified if here => changes.push(("updated", notice.node)),
            EventType::Deleted if here => changes.push(("deleted", notice.node)),
            EventType::Moved => {
                changes.extend(origin.map(|(node, _)| ("deleted", node)));
                if here {
                    changes.push(("created", notice.node));
                }
            }
            EventType::Created
            | EventType::Copied
            | EventType::Modified
            | EventType::Deleted
            | EventType::NewMail
            | EventType::FreeBusyChanged => {}
        }
        changes
    }

    fn notification(
        &self,
        id: &str,
        mailbox: &Mailbox,
        tenant: &str,
        change: &str,
        node: Node,
    ) -> Value {
        let (kind, set) = if self.events { ("Event", "Events") } else { ("Message", "Messages") };
        let item = match node {
            Node::Item { id, .. } if self.immutable => mailbox.graph_immutable_id(id),
            Node::Item { .. } | Node::Folder(_) => mailbox.graph_node_id(node),
        };
        let resource = format!("Users/{}/{set}/{item}", guid_text(&mailbox.guid));
        json!({
            "subscriptionId": id,
            "subscriptionExpirationDateTime": self.json["expirationDateTime"],
            "changeType": change,
            "clientState": self.json["clientState"],
            "tenantId": tenant,
            "resource": resource,
            "resourceData": {
                "@odata.type": format!("#Microsoft.Graph.{kind}"),
                "@odata.id": resource,
                "id": item,
            },
        })
    }
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(400, "InvalidRequest", message)
}

fn unknown_resource() -> Error {
    invalid("The resource is not one that can be subscribed to.")
}
