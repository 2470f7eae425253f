//! The calendar attendant: what a mailbox makes of meeting messages that arrive.
//!
//! Requests put a tentative copy into the calendar or change it, cancellations mark it, responses
//! are noted with the organiser's attendees (MS-OXOCAL 3.1.4.7 to 3.1.4.9; docs: calendar attendant).

use super::Error;
use super::folder::Role;
use super::item::{
    Attendee, AttendeeRole, Content, Event, Item, ItemId, ItemRef, Kind, Reminder, Response, ShowAs,
};
use super::mailbox::Mailbox;
use super::meeting::{Meeting, MeetingKind, RequestKind, Standing};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Mailbox {
    /// Does what a meeting message in the Inbox asks for.
    pub(super) fn attend(&mut self, message: ItemId) -> Result<(), Error> {
        let item = self.item(message)?.clone();
        let Some(meeting) = item.content.meeting() else { return Ok(()) };
        match meeting.kind {
            MeetingKind::Request(kind) => self.take_request(&item, meeting, kind).map(|_| ()),
            MeetingKind::Cancellation => self.take_cancellation(&item, meeting),
            MeetingKind::Response(response) => self.take_response(&item, meeting, response),
        }
    }

    /// The event in the calendar that a meeting message speaks of.
    pub fn associated(&self, message: &Item) -> Option<ItemRef> {
        let meeting = message.content.meeting()?;
        self.meeting_at(&meeting.event.uid, meeting.date())
    }

    /// Whether a later message has changed the event since (MS-OXOCAL 2.2.6.5, mtgOutOfDate).
    pub fn is_out_of_date(&self, message: &Item) -> bool {
        let newer = |meeting: &Meeting| {
            let item = self.opened(self.associated(message)?).ok()?;
            let sequence = item.content.as_event()?.standing.sequence;
            Some(sequence > meeting.event.standing.sequence)
        };
        message.content.meeting().and_then(newer).unwrap_or(false)
    }

    /// The copy that a request speaks of; made from the request where there is none.
    pub fn accept_into_calendar(&mut self, message: ItemId) -> Result<ItemRef, Error> {
        let item = self.item(message)?.clone();
        let meeting = item.content.meeting().ok_or(Error::ItemNotFound)?;
        match self.meeting_at(&meeting.event.uid, meeting.date()) {
            Some(at) => Ok(at),
            None => self.take_request(&item, meeting, RequestKind::New)?.ok_or(Error::ItemNotFound),
        }
    }

    /// A meeting in a calendar, or one occurrence of it.
    fn meeting_at(&self, uid: &str, date: Option<Date>) -> Option<ItemRef> {
        let calendars = self.folders().filter(|folder| folder.is_calendar());
        let trash = self.role(Role::DeletedItems);
        let items = calendars
            .filter(|folder| !self.is_below(folder.id, trash))
            .flat_map(|folder| self.items_in(folder.id));
        let mut found = None;
        for item in items {
            let Some(event) = item.content.as_event().filter(|event| event.uid == uid) else {
                continue;
            };
            match (event.series.is_some(), event.standing.date) {
                // A copy of the one occurrence itself.
                (false, Some(own)) if Some(own) == date => return Some(item.id.into()),
                (false, Some(_)) => {}
                (true, _) => found = Some(ItemRef { id: item.id, date }),
                (false, None) if date.is_none() => found = Some(item.id.into()),
                (false, None) => {}
            }
        }
        found
    }

    /// Puts the event of a request into the calendar, or changes the copy there.
    fn take_request(
        &mut self,
        message: &Item,
        meeting: &Meeting,
        kind: RequestKind,
    ) -> Result<Option<ItemRef>, Error> {
        let mut sent = meeting.content(&message.content);
        if let Some(event) = sent.as_event_mut().filter(|event| event.hide_attendees) {
            let own = &self.address;
            event.attendees.retain(|one| one.person.address.eq_ignore_ascii_case(own));
        }
        let Some(at) = self.meeting_at(&meeting.event.uid, meeting.date()) else {
            let mut copy = taken(&sent, None, RequestKind::New);
            if let Some(event) = copy.as_event_mut() {
                event.standing.date = meeting.date();
            }
            let id = self.create(self.role(Role::Calendar), copy)?;
            return Ok(Some(id.into()));
        };
        if let Some(date) = at.date {
            self.bring_back(at.id, date)?;
        }
        let own = self.opened(at)?.into_owned();
        let is_own = own.content.as_event().is_some_and(|event| self.organizes(event));
        if is_own || own.content.as_event().is_some_and(|own| is_older(&meeting.event, own)) {
            return Ok(None);
        }
        self.update(at, None, taken(&sent, Some(&own.content), kind))?;
        Ok(Some(at))
    }

    /// Brings an occurrence back that its owner had deleted; it takes place after all.
    fn bring_back(&mut self, id: ItemId, date: Date) -> Result<(), Error> {
        let mut content = self.item(id)?.content.clone();
        let series = content.as_event_mut().and_then(Event::series_mut);
        match series.is_some_and(|series| series.deleted.remove(&date)) {
            true => self.update(id, None, content),
            false => Ok(()),
        }
    }

    /// Marks the copy of a meeting that doesn't take place; it stays until its owner removes it.
    fn take_cancellation(&mut self, message: &Item, meeting: &Meeting) -> Result<(), Error> {
        let Some(at) = self.meeting_at(&meeting.event.uid, meeting.date()) else { return Ok(()) };
        let Ok(own) = self.opened(at) else { return Ok(()) };
        let mut content = own.into_owned().content;
        let Some(event) = content.as_event().cloned() else { return Ok(()) };
        if self.organizes(&event) || is_older(&meeting.event, &event) {
            return Ok(());
        }
        content.subject = message.content.subject.clone();
        if let Some(event) = content.as_event_mut() {
            event.cancelled = true;
            event.show_as = ShowAs::Free;
            event.standing.sequence = meeting.event.standing.sequence;
        }
        self.update(at, None, content)
    }

    /// Notes an attendee's answer; who wasn't invited is an optional attendee from now on.
    fn take_response(
        &mut self,
        message: &Item,
        meeting: &Meeting,
        response: Response,
    ) -> Result<(), Error> {
        let Some(at) = self.meeting_at(&meeting.event.uid, meeting.date()) else { return Ok(()) };
        let Ok(own) = self.opened(at) else { return Ok(()) };
        let mut content = own.into_owned().content;
        let (from, sent) = match &message.content.kind {
            Kind::Message(message) => (message.from.clone(), message.sent),
            Kind::Event(_) => (None, None),
        };
        let (Some(event), Some(person)) = (content.as_event().cloned(), from) else {
            return Ok(());
        };
        if !self.organizes(&event) || is_older(&meeting.event, &event) {
            return Ok(());
        }
        let Some(event) = content.as_event_mut() else { return Ok(()) };
        let is_from =
            |one: &&mut Attendee| one.person.address.eq_ignore_ascii_case(&person.address);
        match event.attendees.iter_mut().find(is_from) {
            Some(attendee) => (attendee.response, attendee.responded) = (response, sent),
            None => {
                let role = AttendeeRole::Optional;
                event.attendees.push(Attendee { person, role, response, responded: sent });
            }
        }
        self.update(at, None, content)
    }
}

/// Whether a message speaks of an older state than the event in the calendar has.
fn is_older(sent: &Event, own: &Event) -> bool {
    sent.standing.sequence < own.standing.sequence
}

/// The attendee's copy of an event that was sent: what is the owner's own stays.
fn taken(sent: &Content, own: Option<&Content>, kind: RequestKind) -> Content {
    let mut content = sent.clone();
    content.categories = own.map(|own| own.categories.clone()).unwrap_or_default();
    content.properties = own.map(|own| own.properties.clone()).unwrap_or_default();
    content.reminder = own.map_or(Reminder::DEFAULT, |own| own.reminder);
    content.attachments.iter_mut().for_each(|attachment| attachment.number = 0);
    let before = own.and_then(Content::as_event);
    let Some(event) = content.as_event_mut() else { return content };
    take_standing(event, before, kind);
    for attendee in &mut event.attendees {
        // What others answered only the organiser knows.
        (attendee.response, attendee.responded) = (Response::None, None);
    }
    let Some(series) = event.series.as_deref().cloned() else { return content };
    let own_series = before.and_then(|event| event.series.as_deref());
    let own_of = |date: &Date| own_series.and_then(|series| series.exceptions.get(date));
    let mut merged = series;
    merged.exceptions = merged
        .exceptions
        .iter()
        .map(|(date, sent)| (*date, taken(sent, own_of(date).or(own), kind)))
        .collect::<BTreeMap<Date, Content>>();
    if let (Some(own), RequestKind::Informational) = (own_series, kind) {
        merged.deleted.extend(own.deleted.iter().copied());
        merged.exceptions.retain(|date, _| !own.deleted.contains(date));
    }
    event.series = Some(Arc::new(merged));
    content
}

/// An update of time or recurrence needs another answer, any other keeps the one given.
fn take_standing(event: &mut Event, before: Option<&Event>, kind: RequestKind) {
    let intended = event.show_as;
    let (sequence, date) =
        (event.standing.sequence, before.and_then(|before| before.standing.date));
    event.cancelled = false;
    match (before, kind) {
        (Some(own), RequestKind::Informational) => {
            event.my_response = own.my_response;
            event.show_as = own.show_as;
            let replied = own.standing.replied;
            event.standing = Standing { sequence, intended: Some(intended), replied, date };
        }
        (_, RequestKind::New | RequestKind::Full | RequestKind::Informational) => {
            event.my_response = Response::NotResponded;
            // Tentative at most (MS-OXOCAL 3.1.4.7.2: PidLidBusyStatus).
            event.show_as = match intended {
                ShowAs::Free => ShowAs::Free,
                ShowAs::Tentative
                | ShowAs::Busy
                | ShowAs::OutOfOffice
                | ShowAs::WorkingElsewhere
                | ShowAs::Unknown => ShowAs::Tentative,
            };
            event.standing = Standing { sequence, intended: Some(intended), replied: None, date };
        }
    }
}
