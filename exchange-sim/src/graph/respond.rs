//! What is done with meetings: accept, tentativelyAccept, decline, cancel, forward.

use super::call::{CalendarRef, Call};
use super::error::Error;
use super::folders::parameter;
use super::{events, message, write};
use crate::store::{
    Answer, Body, DeleteType, Event, Item, Mailbox, Person, Proposal, Response as Reply, Role,
    World,
};
use crate::{Response, respond};
use serde_json::{Map, Value};

/// What a POST below an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Accept,
    TentativelyAccept,
    Decline,
    Cancel,
    Forward,
}

const ACTIONS: [(&str, Action); 5] = [
    ("accept", Action::Accept),
    ("tentativelyaccept", Action::TentativelyAccept),
    ("decline", Action::Decline),
    ("cancel", Action::Cancel),
    ("forward", Action::Forward),
];

impl Action {
    /// Finds an action by its segment in lower case.
    pub(super) fn parse(segment: &str) -> Option<Self> {
        let segment = segment.trim_start_matches("microsoft.graph.");
        ACTIONS.iter().find(|(name, _)| *name == segment).map(|(_, action)| *action)
    }

    /// The parameters it has (docs: the actions' pages).
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Accept => &["comment", "sendResponse"],
            Self::TentativelyAccept | Self::Decline => {
                &["comment", "sendResponse", "proposedNewTime"]
            }
            Self::Cancel => &["comment"],
            Self::Forward => &["comment", "toRecipients"],
        }
    }
}

/// Does it.
pub(super) fn act(
    world: &mut World,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
    id: &str,
    action: Action,
) -> Result<Response, Error> {
    let body = parameters(call, action)?;
    let mailbox = call.mailbox_mut(world)?;
    let item = events::find(mailbox, call, calendar, id)?.into_owned();
    match action {
        Action::Accept => answer(mailbox, &item, &body, Reply::Accepted)?,
        Action::TentativelyAccept => answer(mailbox, &item, &body, Reply::Tentative)?,
        Action::Decline => answer(mailbox, &item, &body, Reply::Declined)?,
        Action::Cancel => cancel(mailbox, &item, &body)?,
        Action::Forward => {
            let to = message::people(
                "toRecipients",
                parameter(&body, "toRecipients").unwrap_or(&Value::Null),
            )?;
            forward(mailbox, &item, to, comment(&body)?)?;
        }
    }
    Ok(respond(202, "", ""))
}

/// The body's parameters; others are refused where the schema is insisted on.
fn parameters(call: &Call<'_>, action: Action) -> Result<Map<String, Value>, Error> {
    // All of them are optional, and the O365 library leaves the body out with them.
    if call.request.body().is_empty() {
        return Ok(Map::new());
    }
    let body = call.body()?;
    let known = |name: &str| action.parameters().iter().any(|p| p.eq_ignore_ascii_case(name));
    match body.keys().find(|name| call.strict && !name.contains("@odata.") && !known(name)) {
        None => Ok(body),
        Some(name) => Err(Error::bad_request(format!(
            "The parameter '{name}' in the request payload is not a valid parameter for the \
             operation."
        ))),
    }
}

fn answer(
    mailbox: &mut Mailbox,
    item: &Item,
    body: &Map<String, Value>,
    response: Reply,
) -> Result<(), Error> {
    let event = event_of(item)?;
    if mailbox.organizes(event) {
        return Err(refused(
            "You can't respond to this meeting because you're the meeting organizer.",
        ));
    }
    let sends = match parameter(body, "sendResponse") {
        None | Some(Value::Null) => true,
        Some(value) => write::flag("sendResponse", value)?,
    };
    let proposal = proposal(body)?;
    // docs: event-tentativelyaccept
    if proposal.is_some() && (!sends || !event.allow_new_time_proposals) {
        return Err(refused("A new time can't be proposed for this meeting."));
    }
    let save_to = Some(mailbox.role(Role::SentItems));
    let comment = comment(body)?;
    mailbox.respond(item.reference(), &Answer { response, comment, proposal, sends, save_to })?;
    Ok(())
}

fn cancel(mailbox: &mut Mailbox, item: &Item, body: &Map<String, Value>) -> Result<(), Error> {
    if !mailbox.organizes(event_of(item)?) {
        // docs: event-cancel
        return Err(refused("You need to be an organizer to cancel a meeting."));
    }
    let comment = comment(body)?;
    mailbox.delete(item.reference(), DeleteType::MoveToDeletedItems)?;
    mailbox.cancel(item, comment, None)?;
    Ok(())
}

fn forward(
    mailbox: &mut Mailbox,
    item: &Item,
    to: Vec<Person>,
    comment: Option<Body>,
) -> Result<(), Error> {
    if to.is_empty() || to.iter().any(|person| !person.address.contains('@')) {
        return Err(Error::new(
            400,
            "ErrorInvalidRecipients",
            "At least one recipient is not valid., Recipient must be a valid address.",
        ));
    }
    let save_to = Some(mailbox.role(Role::SentItems));
    mailbox.forward(item, to, comment, save_to)?;
    Ok(())
}

fn event_of(item: &Item) -> Result<&Event, Error> {
    item.content.as_event().ok_or_else(|| crate::store::Error::ItemNotFound.into())
}

fn comment(body: &Map<String, Value>) -> Result<Option<Body>, Error> {
    match parameter(body, "comment") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => Ok(Some(Body::text(&write::text_or_empty("comment", value)?))),
    }
}

fn proposal(body: &Map<String, Value>) -> Result<Option<Proposal>, Error> {
    let Some(value) = parameter(body, "proposedNewTime").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let members = write::object("proposedNewTime", value)?;
    let at = |name: &str| {
        let value = members.get(name).unwrap_or(&Value::Null);
        write::time(name, value).map(|time| time.utc)
    };
    Ok(Some(Proposal { start: at("start")?, end: at("end")? }))
}

fn refused(why: &str) -> Error {
    Error::new(400, "ErrorInvalidRequest", format!("Your request can't be completed. {why}"))
}
