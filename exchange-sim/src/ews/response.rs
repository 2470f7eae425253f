//! Response objects: CreateItem of AcceptItem, TentativelyAcceptItem, DeclineItem,
//! CancelCalendarItem and RemoveItem.

use super::context::Context;
use super::context::item_id_element;
use super::failure::Failure;
use super::failure::failure;
use super::failure::success;
use super::message::Disposition;
use super::write;
use super::xml::Element;
use super::zone;
use crate::store::Answer;
use crate::store::Body;
use crate::store::DeleteType;
use crate::store::Event;
use crate::store::FolderId;
use crate::store::Item;
use crate::store::ItemId;
use crate::store::ItemRef;
use crate::store::MeetingKind;
use crate::store::Proposal;
use crate::store::Response;
use crate::store::Role;

/// Whether CreateItem of this element answers a meeting.
pub(crate) fn is_response(name: &str) -> bool {
    answer_of(name).is_some() || ["CancelCalendarItem", "RemoveItem"].contains(&name)
}

/// CreateItem of one response object.
pub(crate) fn create(
    context: &mut Context<'_>,
    request: &Element,
    object: &Element,
) -> Result<Element, Failure> {
    let id = object.child("ReferenceItemId").ok_or_else(Failure::malformed_id)?;
    let item = context.item(id)?.into_owned();
    match (object.name.as_str(), answer_of(&object.name)) {
        ("RemoveItem", _) => remove(context, &item),
        ("CancelCalendarItem", _) => cancel(context, request, object, &item),
        (_, Some(response)) => respond(context, request, object, &item, response),
        (_, None) => Err(Failure::invalid_request()),
    }
}

/// The answer that an element stands for.
fn answer_of(name: &str) -> Option<Response> {
    match name {
        "AcceptItem" => Some(Response::Accepted),
        "TentativelyAcceptItem" => Some(Response::Tentative),
        "DeclineItem" => Some(Response::Declined),
        _ => None,
    }
}

/// Answers a request or the copy in the calendar; both are changed (MS docs: responding to meeting
/// invitations).
fn respond(
    context: &mut Context<'_>,
    request: &Element,
    object: &Element,
    item: &Item,
    response: Response,
) -> Result<Element, Failure> {
    let disposition = Disposition::of(request)?;
    let proposal = proposal(context, object)?;
    let verb = match response {
        Response::Accepted => "Accept",
        Response::Declined => "Decline",
        Response::Tentative | Response::None | Response::Organizer | Response::NotResponded => {
            "Tentative"
        }
    };
    let at = answered(context, item, verb)?;
    let answer = Answer {
        response,
        comment: comment(object),
        proposal,
        sends: disposition != Disposition::SaveOnly,
        save_to: saved(context, disposition),
    };
    context.mailbox_mut().respond(at, &answer).map_err(failure)?;
    let mailbox = context.mailbox();
    let shown = |at: ItemRef, name: &str| {
        let item = mailbox.opened(at).ok()?;
        Some(Element::t(name).with(item_id_element(mailbox, &item)))
    };
    let mut items = Element::m("Items").with_all(shown(at, "CalendarItem"));
    if item.content.meeting().is_some() {
        items = items.with_all(shown(item.id.into(), "MeetingRequest"));
    }
    Ok(success().with(items))
}

/// The copy that is answered; a request without one puts it into the calendar first.
fn answered(context: &mut Context<'_>, item: &Item, verb: &str) -> Result<ItemRef, Failure> {
    let meeting = item.content.meeting();
    let event = match (item.content.as_event(), meeting) {
        (Some(event), _) => event,
        (None, Some(meeting)) if matches!(meeting.kind, MeetingKind::Request(_)) => &meeting.event,
        (None, _) => return Err(not_answerable(verb)),
    };
    if context.mailbox().organizes(event) {
        return Err(own(verb));
    }
    if context.mailbox().is_out_of_date(item) {
        return Err(Failure::new(
            "ErrorCalendarMeetingRequestIsOutOfDate",
            "The meeting request is out of date.",
        ));
    }
    let at = match meeting {
        Some(_) => context.mailbox_mut().accept_into_calendar(item.id).map_err(failure)?,
        None => item.reference(),
    };
    let copy = context.mailbox().opened(at).map_err(failure)?;
    match copy.content.as_event() {
        Some(event) if event.cancelled => Err(cancelled(verb)),
        Some(_) | None => Ok(at),
    }
}

/// The organiser calls a meeting, or one occurrence of it, off.
fn cancel(
    context: &mut Context<'_>,
    request: &Element,
    object: &Element,
    item: &Item,
) -> Result<Element, Failure> {
    let disposition = Disposition::of(request)?;
    let is_organizer = |event: &Event| context.mailbox().organizes(event);
    if !item.content.as_event().is_some_and(is_organizer) {
        // GitHub: jamesiarmes/php-ews 542.
        return Err(Failure::new(
            "ErrorCalendarIsNotOrganizer",
            "User must be an organizer for CancelCalendarItem action.",
        ));
    }
    let save_to = saved(context, disposition);
    let mailbox = context.mailbox_mut();
    mailbox.delete(item.reference(), DeleteType::MoveToDeletedItems).map_err(failure)?;
    if disposition != Disposition::SaveOnly {
        mailbox.cancel(item, comment(object), save_to).map_err(failure)?;
    }
    Ok(success().with(Element::m("Items")))
}

/// Removes a cancelled meeting from the calendar, and the cancellation with it.
fn remove(context: &mut Context<'_>, item: &Item) -> Result<Element, Failure> {
    let mailbox = context.mailbox_mut();
    let (event, at) = match (item.content.as_event(), item.content.meeting()) {
        (Some(event), _) => (event, Some(item.reference())),
        (None, Some(meeting)) if meeting.kind == MeetingKind::Cancellation => {
            (&meeting.event, mailbox.associated(item))
        }
        (None, _) => return Err(not_answerable("Remove")),
    };
    if mailbox.organizes(event) {
        return Err(own("Remove"));
    }
    let message: Option<ItemId> = item.content.meeting().map(|_| item.id);
    for at in at.into_iter().chain(message.map(ItemRef::from)) {
        mailbox.delete(at, DeleteType::MoveToDeletedItems).map_err(failure)?;
    }
    Ok(success().with(Element::m("Items")))
}

fn saved(context: &Context<'_>, disposition: Disposition) -> Option<FolderId> {
    match disposition {
        Disposition::SendAndSaveCopy => Some(context.mailbox().role(Role::SentItems)),
        Disposition::SaveOnly | Disposition::SendOnly => None,
    }
}

/// What goes along: `Body`, of cancellations `NewBodyContent`.
fn comment(object: &Element) -> Option<Body> {
    let body = object.child("NewBodyContent").or_else(|| object.child("Body"));
    body.map(write::body)
}

fn proposal(context: &Context<'_>, object: &Element) -> Result<Option<Proposal>, Failure> {
    let time = |name| match object.child_text(name) {
        None => Ok(None),
        Some(text) => match zone::instant(text.trim(), &context.zone) {
            Some(at) => Ok(Some(at)),
            None => Err(Failure::invalid_request()),
        },
    };
    let (start, end) = (time("ProposedStart")?, time("ProposedEnd")?);
    Ok(start.zip(end).map(|(start, end)| Proposal { start, end }))
}

/// MS docs: ResponseCode, ErrorCalendarIsOrganizerFor….
fn own(verb: &str) -> Failure {
    let code = match verb {
        "Accept" => "ErrorCalendarIsOrganizerForAccept",
        "Decline" => "ErrorCalendarIsOrganizerForDecline",
        "Remove" => "ErrorCalendarIsOrganizerForRemove",
        _ => "ErrorCalendarIsOrganizerForTentative",
    };
    Failure::new(code, "The meeting organizer can't respond to the meeting.")
}

/// MS docs: ResponseCode, ErrorCalendarIsCancelledFor….
fn cancelled(verb: &str) -> Failure {
    let code = match verb {
        "Accept" => "ErrorCalendarIsCancelledForAccept",
        "Decline" => "ErrorCalendarIsCancelledForDecline",
        _ => "ErrorCalendarIsCancelledForTentative",
    };
    Failure::new(code, "The meeting is cancelled.")
}

/// MS docs: ResponseCode, ErrorInvalidItemForOperation….
fn not_answerable(verb: &str) -> Failure {
    let code = match verb {
        "Accept" => "ErrorInvalidItemForOperationAcceptItem",
        "Decline" => "ErrorInvalidItemForOperationDeclineItem",
        "Remove" => "ErrorInvalidItemForOperationRemoveItem",
        _ => "ErrorInvalidItemForOperationTentative",
    };
    Failure::new(code, "The item can't be answered like this.")
}
