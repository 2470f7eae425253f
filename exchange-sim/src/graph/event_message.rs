//! Meeting messages as Graph shows them: `eventMessage` and the two types derived from it.

use super::call::Call;
use super::{event, recurrence};
use crate::store::{Item, Mailbox, Meeting, MeetingKind, RequestKind, Response};
use serde_json::{Value, json};

/// Members of event messages that other messages don't have (docs: eventMessage,
/// eventMessageRequest, eventMessageResponse).
const MEMBERS: [&str; 18] = [
    "meetingMessageType",
    "type",
    "isOutOfDate",
    "isAllDay",
    "isDelegated",
    "startDateTime",
    "endDateTime",
    "location",
    "recurrence",
    "event",
    "meetingRequestType",
    "previousLocation",
    "previousStartDateTime",
    "previousEndDateTime",
    "responseRequested",
    "allowNewTimeProposals",
    "responseType",
    "proposedNewTime",
];

/// Whether a selected path names a member of event messages by their type.
pub(super) fn is_known(path: &str) -> bool {
    let (kind, member) = path.split_once('/').unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("microsoft.graph.eventmessage")
        && MEMBERS.iter().any(|known| known.eq_ignore_ascii_case(member))
}

/// Adds to a message what makes it an event message, if it is one; the event where it is expanded.
pub(super) fn add(json: &mut Value, mailbox: &Mailbox, item: &Item, call: &Call<'_>) {
    let Some(meeting) = item.content.meeting() else { return };
    let Some(members) = json.as_object_mut() else { return };
    if let Value::Object(own) = common(mailbox, item, meeting, call) {
        members.extend(own);
    }
    if let Value::Object(own) = of_kind(meeting, call) {
        members.extend(own);
    }
    let expanded = mailbox.associated(item).filter(|_| call.query.event);
    if let Some(about) = expanded.and_then(|at| mailbox.opened(at).ok())
        && let Some(event) = about.content.as_event()
    {
        members.insert("event".to_owned(), event::plain(mailbox, &about, event, call));
    }
}

fn common(mailbox: &Mailbox, item: &Item, meeting: &Meeting, call: &Call<'_>) -> Value {
    let event = &meeting.event;
    json!({
        "meetingMessageType": message_type(meeting.kind),
        "type": event::kind(&meeting.item(item)),
        "isOutOfDate": mailbox.is_out_of_date(item),
        "isAllDay": event.all_day,
        "isDelegated": false,
        "startDateTime": event::time(&event.start, &call.prefer),
        "endDateTime": event::time(&event.end, &call.prefer),
        "location": event::location(event.locations.first(), "uniqueId"),
        "recurrence": recurrence::render(event),
    })
}

/// What requests and responses have besides.
fn of_kind(meeting: &Meeting, call: &Call<'_>) -> Value {
    let event = &meeting.event;
    let time = |utc, zone: &crate::store::Zone| {
        event::time(&crate::store::ZonedTime { utc, zone: zone.clone() }, &call.prefer)
    };
    // Each only where the update changed it (docs: eventMessageRequest).
    let previous = meeting.previous.as_ref();
    let start = previous.filter(|was| was.start != event.start);
    let start = start.map(|was| event::time(&was.start, &call.prefer));
    let end = previous.filter(|was| was.end != event.end);
    let end = end.map(|was| event::time(&was.end, &call.prefer));
    let location = previous.filter(|was| was.location.as_ref() != event.locations.first());
    let location = location.map(|was| event::location(was.location.as_ref(), "uniqueId"));
    match meeting.kind {
        MeetingKind::Request(kind) => json!({
            "@odata.type": "#microsoft.graph.eventMessageRequest",
            "meetingRequestType": match kind {
                RequestKind::New => "newMeetingRequest",
                RequestKind::Full => "fullUpdate",
                RequestKind::Informational => "informationalUpdate",
            },
            "previousLocation": location,
            "previousStartDateTime": start,
            "previousEndDateTime": end,
            "responseRequested": event.response_requested,
            "allowNewTimeProposals": event.allow_new_time_proposals,
        }),
        MeetingKind::Cancellation => json!({"@odata.type": "#microsoft.graph.eventMessage"}),
        MeetingKind::Response(response) => json!({
            "@odata.type": "#microsoft.graph.eventMessageResponse",
            "responseType": event::response(response),
            "proposedNewTime": meeting.proposal.map(|proposal| json!({
                "start": time(proposal.start, &event.start.zone),
                "end": time(proposal.end, &event.end.zone),
            })),
        }),
    }
}

/// `meetingMessageType`, with Microsoft's spelling of tentatively.
fn message_type(kind: MeetingKind) -> &'static str {
    match kind {
        MeetingKind::Request(_) => "meetingRequest",
        MeetingKind::Cancellation => "meetingCancelled",
        MeetingKind::Response(Response::Accepted) => "meetingAccepted",
        MeetingKind::Response(Response::Declined) => "meetingDeclined",
        MeetingKind::Response(
            Response::Tentative | Response::None | Response::Organizer | Response::NotResponded,
        ) => "meetingTenativelyAccepted",
    }
}
