//! Meeting messages: requests, cancellations and responses, as items of their own kinds.

use super::context::item_id_element;
use super::field;
use super::field::View;
use super::xml::Element;
use crate::store::Item;
use crate::store::Meeting;
use crate::store::MeetingKind;
use crate::store::RequestKind;
use crate::store::Response;

/// What AllProperties adds for every meeting message, and what for requests only (MS docs:
/// MeetingMessage, MeetingRequest). Those that only some kinds have are left out by the schema.
pub(crate) const ALL: [&str; 41] = [
    "meeting:AssociatedCalendarItemId",
    "meeting:IsDelegated",
    "meeting:IsOutOfDate",
    "meeting:HasBeenProcessed",
    "meeting:ResponseType",
    "calendar:UID",
    "calendar:RecurrenceId",
    "calendar:DateTimeStamp",
    "calendar:IsOrganizer",
    "meetingRequest:MeetingRequestType",
    "meetingRequest:IntendedFreeBusyStatus",
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
    "calendar:StartTimeZone",
    "calendar:EndTimeZone",
    "calendar:AllowNewTimeProposal",
    "calendar:IsOnlineMeeting",
    "calendar:StartWallClock",
    "calendar:EndWallClock",
    "meeting:ProposedStart",
    "meeting:ProposedEnd",
];

/// The default shape of requests (MS docs: an example of SyncFolderItems).
pub(crate) const DEFAULT_REQUEST: [&str; 10] = [
    "item:Subject",
    "item:Sensitivity",
    "meeting:IsOutOfDate",
    "meeting:HasBeenProcessed",
    "meeting:ResponseType",
    "meetingRequest:IntendedFreeBusyStatus",
    "calendar:Start",
    "calendar:End",
    "calendar:Location",
    "calendar:Organizer",
];

/// What names ids of occurrences, which a message doesn't have, or looks at the calendar.
const NOT_OF_MESSAGES: [&str; 8] = [
    "FirstOccurrence",
    "LastOccurrence",
    "ModifiedOccurrences",
    "DeletedOccurrences",
    "ConflictingMeetingCount",
    "ConflictingMeetings",
    "AdjacentMeetingCount",
    "AdjacentMeetings",
];

/// The element of an item's kind, and its type in the schema.
pub(crate) fn kind(item: &Item) -> (&'static str, &'static str) {
    match item.content.meeting().map(|meeting| meeting.kind) {
        Some(MeetingKind::Request(_)) => ("MeetingRequest", "t:MeetingRequestMessageType"),
        Some(MeetingKind::Cancellation) => {
            ("MeetingCancellation", "t:MeetingCancellationMessageType")
        }
        Some(MeetingKind::Response(_)) => ("MeetingResponse", "t:MeetingResponseMessageType"),
        None if item.content.as_event().is_some() => ("CalendarItem", "t:CalendarItemType"),
        None => ("Message", "t:MessageType"),
    }
}

/// Whether an item is a meeting request.
pub(crate) fn is_request(item: &Item) -> bool {
    item.content.meeting().is_some_and(|meeting| matches!(meeting.kind, MeetingKind::Request(_)))
}

/// What a meeting message shows of its event and of itself; `None` for all other items.
pub(crate) fn field(view: &View<'_>, item: &Item, class: &str, name: &str) -> Option<Element> {
    let meeting = item.content.meeting()?;
    if class != "calendar" {
        return own_field(view, item, meeting, name);
    }
    if NOT_OF_MESSAGES.contains(&name) {
        return None;
    }
    let mut about = meeting.item(item);
    let event = about.content.as_event_mut()?;
    if !view.mailbox.organizes(event) {
        event.my_response = Response::NotResponded;
    }
    field::render(view, &about, &format!("calendar:{name}"))
}

/// What is answered to a meeting message (MS docs: an example of GetItem (meeting request)).
pub(crate) fn response_objects(item: &Item, is_own: bool) -> Option<&'static [&'static str]> {
    Some(match item.content.meeting()?.kind {
        MeetingKind::Request(_) if !is_own => &[
            "AcceptItem",
            "TentativelyAcceptItem",
            "DeclineItem",
            "ProposeNewTime",
            "ReplyToItem",
            "ReplyAllToItem",
            "ForwardItem",
        ],
        MeetingKind::Cancellation if !is_own => {
            &["ReplyToItem", "ReplyAllToItem", "ForwardItem", "RemoveItem"]
        }
        MeetingKind::Request(_) | MeetingKind::Cancellation | MeetingKind::Response(_) => {
            &["ReplyToItem", "ReplyAllToItem", "ForwardItem"]
        }
    })
}

fn own_field(view: &View<'_>, item: &Item, meeting: &Meeting, name: &str) -> Option<Element> {
    let text = |value: String| Some(Element::t_text(name, value));
    let proposal = meeting.proposal.as_ref();
    match name {
        "AssociatedCalendarItemId" => {
            let event = view.mailbox.opened(view.mailbox.associated(item)?).ok()?;
            Some(Element { name: name.to_owned(), ..item_id_element(view.mailbox, &event) })
        }
        "IsDelegated" => text(false.to_string()),
        "IsOutOfDate" => text(view.mailbox.is_out_of_date(item).to_string()),
        // The calendar attendant looks at what arrives at once.
        "HasBeenProcessed" => text((!view.mailbox.organizes(&meeting.event)).to_string()),
        "ResponseType" => text(response_type(meeting.kind).to_owned()),
        "MeetingRequestType" => text(request_type(meeting.kind)?.to_owned()),
        "IntendedFreeBusyStatus" => text(field::free_busy(meeting.event.show_as).to_owned()),
        "ProposedStart" => text(view.time(proposal?.start)),
        "ProposedEnd" => text(view.time(proposal?.end)),
        _ => None,
    }
}

fn response_type(kind: MeetingKind) -> &'static str {
    match kind {
        MeetingKind::Request(_) => field::response(Response::NotResponded),
        MeetingKind::Cancellation => field::response(Response::None),
        MeetingKind::Response(response) => field::response(response),
    }
}

/// `MeetingRequestTypeType`.
fn request_type(kind: MeetingKind) -> Option<&'static str> {
    match kind {
        MeetingKind::Request(RequestKind::New) => Some("NewMeetingRequest"),
        MeetingKind::Request(RequestKind::Full) => Some("FullUpdate"),
        MeetingKind::Request(RequestKind::Informational) => Some("InformationalUpdate"),
        MeetingKind::Cancellation | MeetingKind::Response(_) => None,
    }
}
