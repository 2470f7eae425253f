//! Meetings: what organisers mail to attendees, and what attendees answer.
//!
//! A meeting message carries the event as it was when it was sent; what a mailbox makes of one that
//! arrives is in `attendant`. Rules and names: MS-OXOCAL.

use super::Error;
use super::body::Body;
use super::folder::{FolderId, Role};
use super::item::{
    Attendee, AttendeeRole, Content, Event, Item, ItemId, ItemRef, Kind, Location, Person,
    Response, ShowAs, ZonedTime,
};
use super::mailbox::{DeleteType, Mailbox};
use super::notice::Notice;
use super::series::Occurrence;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What makes a message a meeting message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meeting {
    /// Request, cancellation or response.
    pub kind: MeetingKind,
    /// The event as it was when this was sent.
    pub event: Event,
    /// Which occurrence of a series it is about; `None` for all of it.
    pub occurrence: Option<Occurrence>,
    /// The other time that an attendee proposes.
    pub proposal: Option<Proposal>,
    /// What an update changed.
    pub previous: Option<Previous>,
}

/// What an event was before an update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Previous {
    /// Start.
    pub start: ZonedTime,
    /// End.
    pub end: ZonedTime,
    /// Where.
    pub location: Option<Location>,
}

/// Kinds of meeting messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MeetingKind {
    /// `IPM.Schedule.Meeting.Request`.
    Request(RequestKind),
    /// `IPM.Schedule.Meeting.Canceled`.
    Cancellation,
    /// `IPM.Schedule.Meeting.Resp.Pos`, `.Tent` or `.Neg`.
    Response(Response),
}

/// Kinds of meeting requests (MS-OXOCAL 2.2.6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestKind {
    /// The first one.
    New,
    /// An update of times or recurrence: it needs another answer.
    Full,
    /// An update of anything else.
    Informational,
}

/// A time that an attendee proposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
}

/// How an event stands between organiser and attendees.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standing {
    /// Counts updates and cancellations (PidLidAppointmentSequence, MS-OXOCAL 3.1.5.4).
    pub sequence: u32,
    /// What the organiser shows it as (PidLidIntendedBusyStatus); `None` on the organiser's own.
    pub intended: Option<ShowAs>,
    /// When the owner answered (PidLidAppointmentReplyTime).
    pub replied: Option<Timestamp>,
    /// The date of the occurrence that it stands for, where only that was invited to.
    pub date: Option<Date>,
}

/// Who hears of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Everybody invited.
    All,
    /// Those who were added or removed.
    Changed,
}

/// An attendee's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Accepted, tentative or declined.
    pub response: Response,
    /// What the organiser reads.
    pub comment: Option<Body>,
    /// Another time.
    pub proposal: Option<Proposal>,
    /// Whether the organiser is mailed.
    pub sends: bool,
    /// Where a copy of the mail is kept.
    pub save_to: Option<FolderId>,
}

impl Meeting {
    /// The message class (MS-OXOCAL 2.2.6 to 2.2.8).
    pub fn class(&self) -> &'static str {
        match self.kind {
            MeetingKind::Request(_) => "IPM.Schedule.Meeting.Request",
            MeetingKind::Cancellation => "IPM.Schedule.Meeting.Canceled",
            MeetingKind::Response(Response::Accepted) => "IPM.Schedule.Meeting.Resp.Pos",
            MeetingKind::Response(Response::Declined) => "IPM.Schedule.Meeting.Resp.Neg",
            MeetingKind::Response(
                Response::Tentative | Response::None | Response::Organizer | Response::NotResponded,
            ) => "IPM.Schedule.Meeting.Resp.Tent",
        }
    }

    /// The date of the occurrence it is about.
    pub fn date(&self) -> Option<Date> {
        self.occurrence.as_ref().map(|occurrence| occurrence.date)
    }

    /// The event that the message of this content speaks of.
    pub(super) fn content(&self, message: &Content) -> Content {
        Content { kind: Kind::Event(Box::new(self.event.clone())), ..message.clone() }
    }

    /// The same for a stored message, as an item that can be shown.
    pub fn item(&self, message: &Item) -> Item {
        Item {
            occurrence: self.occurrence.clone(),
            content: self.content(&message.content),
            ..message.clone()
        }
    }
}

impl Content {
    /// What makes it a meeting message, if it is one.
    pub fn meeting(&self) -> Option<&Meeting> {
        match &self.kind {
            Kind::Message(message) => message.meeting.as_deref(),
            Kind::Event(_) => None,
        }
    }
}

impl Event {
    /// Whether start, end or recurrence differ (MS-OXOCAL 3.1.4.7.3.1, significant change).
    fn differs_in_time(&self, other: &Event) -> bool {
        self.start.utc != other.start.utc
            || self.end.utc != other.end.utc
            || self.recurrence() != other.recurrence()
    }
}

impl Mailbox {
    /// Whether the owner organises an event.
    pub fn organizes(&self, event: &Event) -> bool {
        let organizer = event.organizer.as_ref();
        organizer.is_none_or(|person| person.address.eq_ignore_ascii_case(&self.address))
    }

    /// Invites all attendees of a new meeting; `save_to` gets a copy, usually Sent Items.
    pub fn invite(&mut self, at: ItemId, save_to: Option<FolderId>) -> Result<(), Error> {
        let item = self.item(at)?.clone();
        let Some(event) = item.content.as_event().filter(|event| self.organizes(event)) else {
            return Ok(());
        };
        let notice = Notice::new(MeetingKind::Request(RequestKind::New), None, save_to);
        self.notify(&item, &notice, self.others(&event.attendees))?;
        self.mark_sent(at.into(), 0, None);
        Ok(())
    }

    /// Tells attendees what an update of a meeting changed; `before` is what it was.
    ///
    /// Who was added gets a request, who was removed a cancellation. Copies at attendees say
    /// nothing to anybody.
    pub fn tell(
        &mut self,
        at: impl Into<ItemRef>,
        before: &Content,
        told: Told,
        save_to: Option<FolderId>,
    ) -> Result<(), Error> {
        let at = at.into();
        let item = self.opened(at)?.into_owned();
        let (Some(old), Some(new)) = (before.as_event(), item.content.as_event()) else {
            return Ok(());
        };
        if !self.organizes(new) {
            return Ok(());
        }
        let is_in = |list: &[Attendee], one: &Attendee| {
            list.iter().any(|a| a.person.address.eq_ignore_ascii_case(&one.person.address))
        };
        let (stay, come): (Vec<Attendee>, Vec<Attendee>) =
            self.others(&new.attendees).into_iter().partition(|one| is_in(&old.attendees, one));
        let mut go = self.others(&old.attendees);
        go.retain(|one| !is_in(&new.attendees, one));
        let is_new = !come.is_empty();
        let of = |kind| Notice::new(kind, None, save_to);
        let previous = Previous {
            start: old.start.clone(),
            end: old.end.clone(),
            location: old.locations.first().cloned(),
        };
        self.notify(&item, &of(MeetingKind::Request(RequestKind::New)), come)?;
        self.notify(&item, &of(MeetingKind::Cancellation), go)?;
        let (mut counted, mut asked_again) = (0, None);
        if told == Told::All && !stay.is_empty() {
            let kind = match old.differs_in_time(new) {
                true => RequestKind::Full,
                false => RequestKind::Informational,
            };
            let notice = Notice { previous: Some(previous), ..of(MeetingKind::Request(kind)) };
            self.notify(&item, &notice, stay)?;
            counted = 1;
            asked_again = (kind == RequestKind::Full).then_some(old.attendees.clone());
        }
        if is_new || counted > 0 {
            self.mark_sent(at, counted, asked_again.as_deref());
        }
        Ok(())
    }

    /// Tells those invited to the exceptions of a series of an update of the series.
    pub fn tell_exceptions(&mut self, master: ItemId) -> Result<(), Error> {
        let dates: Vec<Date> = match self.item(master)?.series() {
            Some(series) => series.exceptions.keys().copied().collect(),
            None => Vec::new(),
        };
        for date in dates {
            let at = ItemRef { id: master, date: Some(date) };
            let item = self.opened(at)?.into_owned();
            let Some(event) = item.content.as_event() else { continue };
            let kind = MeetingKind::Request(RequestKind::Informational);
            let notice = Notice::new(kind, None, None);
            self.notify(&item, &notice, self.others(&event.attendees))?;
            self.mark_sent(at, 1, None);
        }
        Ok(())
    }

    /// Tells the attendees of a meeting that it doesn't take place; `item` may be gone already.
    pub fn cancel(
        &mut self,
        item: &Item,
        comment: Option<Body>,
        save_to: Option<FolderId>,
    ) -> Result<(), Error> {
        match item.content.as_event() {
            Some(event) if self.organizes(event) => {
                let to = self.others(&event.attendees);
                let notice = Notice::new(MeetingKind::Cancellation, comment, save_to);
                self.notify(item, &notice, to)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Answers an invitation: changes the owner's copy, mails the organiser if wanted, and moves
    /// the requests that are answered by it to Deleted Items. Declining removes the copy.
    pub fn respond(&mut self, at: impl Into<ItemRef>, answer: &Answer) -> Result<(), Error> {
        let at = at.into();
        let item = self.opened(at)?.into_owned();
        let mut content = item.content.clone();
        let Some(event) = content.as_event_mut() else { return Err(Error::ItemNotFound) };
        let intended = event.standing.intended.unwrap_or(ShowAs::Busy);
        event.my_response = answer.response;
        event.standing.replied = Some(self.now);
        event.show_as = match answer.response {
            Response::Tentative => ShowAs::Tentative,
            Response::Accepted
            | Response::Declined
            | Response::None
            | Response::Organizer
            | Response::NotResponded => intended,
        };
        let (uid, date) = (event.uid.clone(), at.date.or(event.standing.date));
        self.update(at, None, content)?;
        if answer.sends {
            self.reply(&item, answer)?;
        }
        self.clear_requests(&uid, date)?;
        match (answer.response, self.delete_declined(at, answer.response)) {
            (_, Err(Error::NoOccurrence)) => self.delete(at.id, DeleteType::MoveToDeletedItems),
            (_, result) => result,
        }
    }

    fn delete_declined(&mut self, at: ItemRef, response: Response) -> Result<(), Error> {
        match response == Response::Declined {
            true => self.delete(at, DeleteType::MoveToDeletedItems),
            false => Ok(()),
        }
    }

    /// Forwards a meeting: others are invited to it in the organiser's name.
    pub fn forward(
        &mut self,
        item: &Item,
        to: Vec<Person>,
        comment: Option<Body>,
        save_to: Option<FolderId>,
    ) -> Result<(), Error> {
        let guest = |person| Attendee {
            person,
            role: AttendeeRole::Required,
            response: Response::None,
            responded: None,
        };
        let mut item = item.clone();
        if let Some(event) = item.content.as_event_mut() {
            event.show_as = event.standing.intended.unwrap_or(event.show_as);
        }
        item.content.subject = format!("FW: {}", item.content.subject);
        let kind = MeetingKind::Request(RequestKind::New);
        let guests = to.into_iter().map(guest).collect();
        self.notify(&item, &Notice::new(kind, comment, save_to), guests)
    }

    /// Moves the requests in the Inbox that speak of a meeting to Deleted Items.
    fn clear_requests(&mut self, uid: &str, date: Option<Date>) -> Result<(), Error> {
        let answered = |item: &&Item| {
            item.content.meeting().is_some_and(|meeting| {
                matches!(meeting.kind, MeetingKind::Request(_))
                    && meeting.event.uid == uid
                    && meeting.date() == date
            })
        };
        let inbox = self.items_in(self.role(Role::Inbox));
        let ids: Vec<ItemId> = inbox.filter(answered).map(|item| item.id).collect();
        let trash = self.role(Role::DeletedItems);
        ids.into_iter().try_for_each(|id| self.move_item(id, trash))
    }

    /// Everybody invited but the owner.
    fn others(&self, attendees: &[Attendee]) -> Vec<Attendee> {
        let is_other = |one: &&Attendee| !one.person.address.eq_ignore_ascii_case(&self.address);
        attendees.iter().filter(is_other).cloned().collect()
    }

    /// Notes on the organiser's copy that a request or an update was sent.
    ///
    /// Those who are `asked_again` haven't answered any more.
    fn mark_sent(&mut self, at: ItemRef, counted: u32, asked_again: Option<&[Attendee]>) {
        let Some(item) = self.items.get_mut(&at.id) else { return };
        let Some(event) = item.content.as_event_mut() else { return };
        if at.date.is_none() {
            mark(event, counted, asked_again);
        }
        let Some(series) = event.series_mut() else { return };
        for (date, content) in &mut series.exceptions {
            let is_meant = at.date.is_none_or(|meant| meant == *date);
            if let Some(event) = content.as_event_mut().filter(|_| is_meant) {
                mark(event, counted, asked_again);
            }
        }
    }
}

/// Keeps the answers of attendees who are written once more.
pub(super) fn keep_answers(before: &Content, after: &mut Content) {
    let (Some(before), Some(after)) = (before.as_event(), after.as_event_mut()) else { return };
    for attendee in &mut after.attendees {
        let address = &attendee.person.address;
        let is_known = |known: &&Attendee| known.person.address.eq_ignore_ascii_case(address);
        let known = before.attendees.iter().find(is_known);
        if let Some(known) = known.filter(|_| attendee.response == Response::None) {
            (attendee.response, attendee.responded) = (known.response, known.responded);
        }
    }
}

fn mark(event: &mut Event, counted: u32, asked_again: Option<&[Attendee]>) {
    event.request_sent = true;
    event.standing.sequence += counted;
    for attendee in &mut event.attendees {
        let asked = |list: &[Attendee]| {
            list.iter().any(|one| one.person.address.eq_ignore_ascii_case(&attendee.person.address))
        };
        if asked_again.is_some_and(asked) {
            attendee.response = Response::None;
            attendee.responded = None;
        }
    }
}
