//! Microsoft Graph v1.0: events and calendars, messages and mail folders.

mod answer;
mod attachments;
mod batch;
mod calendar;
mod call;
mod categories;
mod delta;
mod elsewhere;
mod error;
mod event;
mod event_message;
mod events;
mod export;
mod filter;
mod folders;
mod import;
mod list;
mod mailboxes;
mod message;
mod message_delta;
mod messages;
mod mime;
mod pace;
mod prefer;
mod query;
mod read_only;
mod recurrence;
mod replies;
mod respond;
mod route;
mod schedule;
mod series;
mod settings;
mod subscriptions;
pub(crate) mod upload;
mod write;

pub(crate) use pace::Pace;
pub(crate) use subscriptions::{Webhooks, notifications};

use crate::fault::{self, Action, FaultKind, Service};
use crate::store::World;
use crate::token::Audience;
use crate::{Reply, Request, Response, respond};
use call::Call;
use error::Error;
use http::Method;
use query::{Allowed, Query};
use route::{Attached, Route, Target};
use serde_json::Value;

/// Answers a request whose path below `/v1.0` is `path`.
pub(crate) fn handle(world: &mut World, request: &Request, path: &str) -> Reply {
    let reply = if is_batch(path) {
        let mut action = world.faults.take(Service::Graph, &operation(request, path), None);
        // Limits hold for each step; the batch itself succeeds (docs: throttling, json-batching).
        if let Some(Action { kind: FaultKind::Throttle, seconds }) = action {
            world.faults.throttle_next(Service::Graph, seconds);
            action = None;
        }
        let refuse = |world: &mut World, refusal| {
            Error::refusal(refusal).render(world, call::client_request_id(request))
        };
        fault::perform(world, action, None, request, refuse, |world| {
            batch::handle(world, request)
                .unwrap_or_else(|error| error.render(world, call::client_request_id(request)))
        })
    } else {
        step(world, request, path)
    };
    match reply {
        Reply::Respond { response, delay_ms } => {
            Reply::Respond { response: stamp(world, request, response), delay_ms }
        }
        Reply::Close => Reply::Close,
    }
}

/// The requests of its mailbox that the service carries out at once for a request.
#[cfg(feature = "server")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Load {
    /// The mailbox's address in lower case.
    pub(crate) mailbox: String,
    /// One, or up to four for a batch whose steps don't wait for each other.
    pub(crate) steps: usize,
}

/// How many of them the limit of requests at a time leaves; travels as an extension of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots(pub(crate) usize);

/// What a request loads its mailbox with; `None` for requests that are not Graph's.
#[cfg(feature = "server")]
pub(crate) fn load(request: &Request) -> Option<Load> {
    let path = request.uri().path().strip_prefix("/v1.0")?;
    if is_batch(path) {
        return batch::load(request);
    }
    Some(Load { mailbox: account_of(request, path)?, steps: 1 })
}

/// Whose slots a request takes: its mailbox's, or those of the user who signed in as "me".
#[cfg(feature = "server")]
fn account_of(request: &Request, path: &str) -> Option<String> {
    match mailbox_of(path)?.as_str() {
        route::ME => {
            let token = request.headers().get(http::header::AUTHORIZATION)?;
            token.to_str().ok().map(str::to_owned)
        }
        mailbox => Some(mailbox.to_owned()),
    }
}

/// The mailbox that a path below `/v1.0` is about.
pub(crate) fn mailbox_of(path: &str) -> Option<String> {
    Route::parse(path).ok().map(|route| route.user.to_ascii_lowercase())
}

fn is_batch(path: &str) -> bool {
    path.trim_end_matches('/') == "/$batch"
}

/// One request, alone or as a step of a batch.
fn step(world: &mut World, request: &Request, path: &str) -> Reply {
    let mailbox = match mailboxes::path(path) {
        Some(path) => mailboxes::address(world, &path),
        None => mailbox_of(path).and_then(|mailbox| match mailbox.as_str() {
            route::ME => authorize(world, request).ok()?.user,
            _ => Some(mailbox),
        }),
    };
    let action = world.faults.take(Service::Graph, &operation(request, path), mailbox.as_deref());
    let refuse = |world: &mut World, refusal| {
        Error::refusal(refusal).render(world, call::client_request_id(request))
    };
    fault::perform(world, action, mailbox.as_deref(), request, refuse, |world| {
        serve(world, request, path)
            .unwrap_or_else(|error| error.render(world, call::client_request_id(request)))
    })
}

fn serve(world: &mut World, request: &Request, path: &str) -> Result<Response, Error> {
    let caller = authorize(world, request)?;
    if request.extensions().get::<Slots>() == Some(&Slots(0)) {
        let message = "Application is over its MailboxConcurrency limit.";
        return Err(Error::throttled(message, Some(1.0)));
    }
    if let Some(path) = subscriptions::path(path) {
        return subscriptions::serve(world, request, &caller, &path);
    }
    if let Some(path) = mailboxes::path(path) {
        return mailboxes::serve(world, request, &caller, &path);
    }
    let route = Route::parse(path)?;
    let user = caller.user(world, &route)?;
    if let Some(needed) = route.needs(request.method())
        && !needed.iter().any(|permission| caller.may(permission))
    {
        return Err(Error::access_denied());
    }
    let options = route.options(request.method());
    let allowed = Allowed { options, strict: world.config.strict };
    let call = Call::new(request, &user, allowed)?;
    route.check_expand(&call.query)?;
    call.mailbox(world)?;
    world.pace.count(world.config.throttle, &call.address, request, world.now())?;
    if route.counts {
        return count(world, &call, request.method(), &route.target);
    }
    answer(world, &call, request.method(), &route.target)
}

/// How much a list has: what it says itself where it is asked for its `@odata.count`.
fn count(
    world: &mut World,
    call: &Call<'_>,
    method: &Method,
    list: &Target,
) -> Result<Response, Error> {
    if method != Method::GET {
        return Err(Error::no_such_method(method.as_str()));
    }
    let query = Query { count: true, top: Some(1), ..call.query.clone() };
    let list = answer(world, &call.with_query(query), method, list)?;
    Ok(counted(&list))
}

/// The answer to `$count`, of a page of the list.
fn counted(list: &Response) -> Response {
    let list: Value = serde_json::from_slice(list.body()).unwrap_or_default();
    respond(200, "text/plain", list["@odata.count"].to_string())
}

fn answer(
    world: &mut World,
    call: &Call<'_>,
    method: &Method,
    target: &Target,
) -> Result<Response, Error> {
    let method = method.as_str();
    match (method, target) {
        ("GET", Target::User) => calendar::user(world, call),
        ("GET", Target::Calendars) => calendar::list(world, call),
        ("POST", Target::Calendars) => calendar::create(world, call),
        ("GET", Target::Calendar(calendar)) => calendar::get(world, call, calendar),
        ("PATCH", Target::Calendar(calendar)) => calendar::update(world, call, calendar),
        ("DELETE", Target::Calendar(calendar)) => calendar::delete(world, call, calendar),
        ("GET", Target::Events(calendar)) => list::events(world, call, calendar.as_ref()),
        ("POST", Target::Events(calendar)) => events::create(world, call, calendar.as_ref()),
        ("POST", Target::Schedule) => schedule::get(world, call),
        ("GET", Target::View(calendar)) => list::view(world, call, calendar),
        ("GET", Target::ViewDelta(calendar)) => delta::view(world, call, calendar),
        ("GET", Target::EventsDelta(calendar)) => delta::events(world, call, calendar),
        ("GET", Target::Event(calendar, id)) => events::get(world, call, calendar.as_ref(), id),
        ("PATCH", Target::Event(calendar, id)) => {
            events::update(world, call, calendar.as_ref(), id)
        }
        ("DELETE", Target::Event(calendar, id)) => {
            events::delete(world, call, calendar.as_ref(), id)
        }
        ("GET", Target::Instances(calendar, id)) => {
            series::instances(world, call, calendar.as_ref(), id)
        }
        ("POST", Target::PermanentDelete(calendar, id)) => {
            events::permanent_delete(world, call, calendar.as_ref(), id)
        }
        ("POST", Target::Respond(calendar, id, action)) => {
            respond::act(world, call, calendar.as_ref(), id, *action)
        }
        _ => mail(world, call, method, target),
    }
}

/// The part of [`answer`] that is about messages and their folders.
fn mail(
    world: &mut World,
    call: &Call<'_>,
    method: &str,
    target: &Target,
) -> Result<Response, Error> {
    match (method, target) {
        ("GET", Target::MailFolders) => folders::list(world, call, None),
        ("POST", Target::MailFolders) => folders::create(world, call, None),
        ("GET", Target::MailFoldersDelta) => delta::mail_folders(world, call),
        ("GET", Target::MailFolder(id)) => folders::get(world, call, id),
        ("PATCH", Target::MailFolder(id)) => folders::update(world, call, id),
        ("DELETE", Target::MailFolder(id)) => folders::delete(world, call, id),
        ("GET", Target::ChildFolders(id)) => folders::list(world, call, Some(id)),
        ("POST", Target::ChildFolders(id)) => folders::create(world, call, Some(id)),
        ("POST", Target::MoveFolder(id)) => folders::move_to(world, call, id),
        ("POST", Target::PurgeFolder(id)) => folders::purge(world, call, id),
        ("POST", Target::CopyFolder(id)) => folders::copy_to(world, call, id),
        ("GET", Target::Messages(folder)) => messages::list(world, call, folder.as_deref()),
        ("POST", Target::Messages(folder)) => messages::create(world, call, folder.as_deref()),
        ("GET", Target::MessagesDelta(folder)) => message_delta::messages(world, call, folder),
        ("GET", Target::Message(folder, id)) => messages::get(world, call, folder.as_deref(), id),
        ("GET", Target::MessageValue(folder, id)) => {
            mime::value(world, call, folder.as_deref(), id)
        }
        ("PUT" | "DELETE", Target::MessageValue(..)) => Err(Error::not_served("$value")),
        ("PATCH", Target::Message(folder, id)) => {
            messages::update(world, call, folder.as_deref(), id)
        }
        ("DELETE", Target::Message(folder, id)) => {
            messages::delete(world, call, folder.as_deref(), id)
        }
        ("POST", Target::Act(folder, id, action)) => {
            messages::act(world, call, folder.as_deref(), id, *action)
        }
        ("POST", Target::SendMail) => messages::send_mail(world, call),
        _ => settings_of(world, call, method, target),
    }
}

/// The part of [`answer`] that is about what the owner sets.
fn settings_of(
    world: &mut World,
    call: &Call<'_>,
    method: &str,
    target: &Target,
) -> Result<Response, Error> {
    match (method, target) {
        ("GET", Target::Categories) => categories::list(world, call),
        ("POST", Target::Categories) => categories::create(world, call),
        ("GET", Target::Category(id)) => categories::get(world, call, id),
        ("PATCH", Target::Category(id)) => categories::update(world, call, id),
        ("DELETE", Target::Category(id)) => categories::delete(world, call, id),
        ("GET", Target::Settings) => settings::get(world, call),
        ("GET", Target::ExchangeSettings) => mailboxes::settings(world, call),
        ("PATCH", Target::Settings) => settings::update(world, call),
        ("GET", Target::Setting(name)) => settings::member(world, call, name),
        _ => attached(world, call, method, target),
    }
}

/// The part of [`answer`] that is about attachments.
fn attached(
    world: &mut World,
    call: &Call<'_>,
    method: &str,
    target: &Target,
) -> Result<Response, Error> {
    let refused = || Err(Error::no_such_method(method));
    let Target::Attached(owner, what) = target else { return refused() };
    match (method, what) {
        ("GET", Attached::All) => attachments::list(world, call, owner),
        ("POST", Attached::All) => attachments::create(world, call, owner),
        ("GET", Attached::Count) => attachments::count(world, call, owner),
        ("GET", Attached::One(id)) => attachments::get(world, call, owner, id),
        ("DELETE", Attached::One(id)) => attachments::delete(world, call, owner, id),
        ("GET", Attached::Value(id)) => attachments::value(world, call, owner, id),
        ("POST", Attached::UploadSession) => upload::create(world, call, owner),
        (_, _) => refused(),
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Caller {
    /// The user it acts for, by address; `None` where an application acts for itself.
    user: Option<String>,
    /// What it may: application or delegated permissions.
    permissions: Vec<String>,
}

impl Caller {
    /// The user that a path is about: others than oneself are open to applications only.
    fn user(&self, world: &World, route: &Route) -> Result<String, Error> {
        let Some(own) = &self.user else {
            if route.user == route::ME {
                return Err(Error::bad_request(
                    "/me request is only valid with delegated authentication flow.",
                ));
            }
            return Ok(route.user.clone());
        };
        if route.user == route::ME {
            return Ok(own.clone());
        }
        match world.find_user("", &route.user) {
            Some(mailbox) if mailbox.address != *own => Err(Error::access_denied()),
            Some(_) | None => Ok(route.user.clone()),
        }
    }

    /// Whether it has a permission; delegated ones have no `.All`.
    fn may(&self, permission: &str) -> bool {
        let name = match self.user {
            Some(_) => permission.strip_suffix(".All").unwrap_or(permission),
            None => permission,
        };
        self.permissions.iter().any(|granted| granted == name)
    }
}

/// Checks the bearer token.
fn authorize(world: &World, request: &Request) -> Result<Caller, Error> {
    let header = request
        .headers()
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let Some(token) = header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .map(|(_, token)| token.trim())
    else {
        return Err(Error::unauthorized("Access token is empty."));
    };
    match world.tokens.check(token, Audience::Graph, world.now()) {
        Ok(grant) => {
            let permissions = match grant.user {
                Some(_) => grant.scopes.clone(),
                None => grant.roles.clone(),
            };
            Ok(Caller { user: grant.user.clone(), permissions })
        }
        Err(error) => Err(Error::unauthorized(error.to_string())),
    }
}

/// What faults match: `METHOD /path` without query.
fn operation(request: &Request, path: &str) -> String {
    format!("{} {}", request.method(), call::decode(path.trim_end_matches('/')))
}

/// Adds the ids by which Microsoft finds a request again.
fn stamp(world: &mut World, request: &Request, mut response: Response) -> Response {
    let request_id = world.rng.guid();
    let client = call::client_request_id(request).unwrap_or(&request_id).to_owned();
    for (name, value) in [("request-id", &request_id), ("client-request-id", &client)] {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
