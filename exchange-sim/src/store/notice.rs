//! The messages about meetings: how they are made and handed in.

use super::Error;
use super::body::Body;
use super::folder::FolderId;
use super::item::{Attendee, AttendeeRole, Content, Item, Kind, Person, Response};
use super::mailbox::Mailbox;
use super::meeting::{Answer, Meeting, MeetingKind, Previous, RequestKind};
use super::sent::SentKind;
use super::series::Occurrence;

/// Characters that a subject may have.
const SUBJECT_CHARS_MAX: usize = 255;

/// What a message about a meeting says besides the meeting.
pub(super) struct Notice {
    pub(super) kind: MeetingKind,
    /// Instead of the meeting's own body.
    pub(super) comment: Option<Body>,
    /// Where a copy is kept.
    pub(super) save_to: Option<FolderId>,
    /// What the meeting was before, of updates.
    pub(super) previous: Option<Previous>,
}

impl Notice {
    pub(super) fn new(
        kind: MeetingKind,
        comment: Option<Body>,
        save_to: Option<FolderId>,
    ) -> Notice {
        Notice { kind, comment, save_to, previous: None }
    }
}

impl Mailbox {
    /// Mails attendees about a meeting; nobody gets nothing.
    pub(super) fn notify(
        &mut self,
        item: &Item,
        notice: &Notice,
        to: Vec<Attendee>,
    ) -> Result<(), Error> {
        if to.is_empty() {
            return Ok(());
        }
        let kind = match notice.kind {
            MeetingKind::Request(RequestKind::New) => SentKind::Invitation,
            MeetingKind::Request(RequestKind::Full | RequestKind::Informational) => {
                SentKind::Update
            }
            MeetingKind::Cancellation => SentKind::Cancellation,
            MeetingKind::Response(_) => SentKind::Response,
        };
        let content = self.notice(item, notice, &to);
        self.post_notice(content, kind, &item.content.subject, notice.save_to)
    }

    /// The message about a meeting.
    fn notice(&self, item: &Item, notice: &Notice, to: &[Attendee]) -> Content {
        let mut content = Content::message("");
        content.subject = titled(notice.kind, &item.content.subject);
        content.importance = item.content.importance;
        content.sensitivity = item.content.sensitivity;
        content.body = notice.comment.clone().unwrap_or_else(|| item.content.body.clone());
        if matches!(notice.kind, MeetingKind::Request(_)) {
            content.attachments = item.content.attachments.clone();
        }
        let Some(mut event) = item.content.as_event().cloned() else { return content };
        event.standing.sequence += match notice.kind {
            MeetingKind::Request(RequestKind::Full | RequestKind::Informational)
            | MeetingKind::Cancellation => 1,
            MeetingKind::Request(RequestKind::New) | MeetingKind::Response(_) => 0,
        };
        event.request_sent = true;
        event.cancelled |= notice.kind == MeetingKind::Cancellation;
        let date = event.standing.date;
        let start = event.start.utc;
        let stands_for =
            date.map(|date| Occurrence { date, original_start: start, is_exception: true });
        let occurrence = item.occurrence.clone().or(stands_for);
        if let Kind::Message(message) = &mut content.kind {
            let people = |role| {
                let of_role = to.iter().filter(move |attendee| attendee.role == role);
                of_role.map(|attendee| attendee.person.clone()).collect::<Vec<Person>>()
            };
            message.to = people(AttendeeRole::Required);
            message.cc = people(AttendeeRole::Optional);
            message.bcc = people(AttendeeRole::Resource);
            let previous = notice.previous.clone();
            let meeting =
                Meeting { kind: notice.kind, event, occurrence, proposal: None, previous };
            message.meeting = Some(Box::new(meeting));
        }
        content
    }

    /// Mails an answer to the organiser.
    pub(super) fn reply(&mut self, item: &Item, answer: &Answer) -> Result<(), Error> {
        let organizer = item.content.as_event().and_then(|event| event.organizer.clone());
        let Some(person) = organizer else { return Ok(()) };
        let role = AttendeeRole::Required;
        let to = Attendee { person, role, response: Response::None, responded: None };
        let kind = MeetingKind::Response(answer.response);
        let comment = Some(answer.comment.clone().unwrap_or_default());
        let mut content = self.notice(item, &Notice::new(kind, comment, None), &[to]);
        if let Kind::Message(message) = &mut content.kind
            && let Some(meeting) = &mut message.meeting
        {
            meeting.proposal = answer.proposal;
        }
        self.post_notice(content, SentKind::Response, &item.content.subject, answer.save_to)
    }
}

/// The subject with what says the kind of message before it.
fn titled(kind: MeetingKind, subject: &str) -> String {
    let prefix = match kind {
        MeetingKind::Request(_) => "",
        MeetingKind::Cancellation => "Canceled: ",
        MeetingKind::Response(Response::Accepted) => "Accepted: ",
        MeetingKind::Response(Response::Declined) => "Declined: ",
        MeetingKind::Response(
            Response::Tentative | Response::None | Response::Organizer | Response::NotResponded,
        ) => "Tentative: ",
    };
    prefix.chars().chain(subject.chars()).take(SUBJECT_CHARS_MAX).collect()
}
