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
        let Some(event) = own.content.as_event() else { return Ok(None) };
        // Who was removed and is invited again has a copy that the cancellation made newer.
        let is_older = kind != RequestKind::New && is_older(&meeting.event, event);
        if self.organizes(event) || is_older {
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

#[cfg(test)]
mod tests {
    use super::super::{Answer, Person, Told, World, Zone, ZonedTime};
    use super::*;
    use crate::Config;
    use jiff::Timestamp;

    const ANNA: &str = "anna@contoso.example";
    const BEN: &str = "ben@contoso.example";
    const CLEO: &str = "cleo@contoso.example";

    fn world() -> World {
        let mut world = World::new(Config::default());
        for address in [ANNA, BEN, CLEO] {
            world.add_mailbox(address, "secret");
        }
        world
    }

    fn guest(address: &str) -> Attendee {
        let person = Person { name: String::new(), address: address.to_owned() };
        let role = AttendeeRole::Required;
        Attendee { person, role, response: Response::None, responded: None }
    }

    fn meeting(guests: &[&str]) -> Content {
        let at = |second| {
            let utc = Timestamp::from_second(second).expect("a time");
            ZonedTime { utc, zone: Zone::utc() }
        };
        let mut content = Content::event("plan", at(1_800_000_000), at(1_800_003_600));
        if let Some(event) = content.as_event_mut() {
            event.attendees = guests.iter().map(|address| guest(address)).collect();
        }
        content
    }

    fn invite(world: &mut World, content: Content) -> ItemId {
        let anna = world.mailbox_mut(ANNA).expect("a mailbox");
        let id = anna.create(anna.role(Role::Calendar), content).expect("made");
        anna.invite(id, None).expect("sent");
        world.collect_sent();
        id
    }

    fn copy(world: &World, address: &str) -> Item {
        let mailbox = world.mailbox(address).expect("a mailbox");
        let items: Vec<&Item> = mailbox.items_in(mailbox.role(Role::Calendar)).collect();
        assert_eq!(items.len(), 1, "{address}");
        items[0].clone()
    }

    fn event(item: &Item) -> &Event {
        item.content.as_event().expect("an event")
    }

    #[test]
    fn hidden_attendees_see_only_themselves() {
        let mut world = world();
        let mut content = meeting(&[BEN, CLEO]);
        if let Some(event) = content.as_event_mut() {
            event.hide_attendees = true;
            event.show_as = ShowAs::Free;
        }
        invite(&mut world, content);
        for address in [BEN, CLEO] {
            let copy = copy(&world, address);
            let shown: Vec<&str> =
                event(&copy).attendees.iter().map(|one| one.person.address.as_str()).collect();
            assert_eq!(shown, [address]);
            assert_eq!(event(&copy).show_as, ShowAs::Free);
        }
    }

    #[test]
    fn an_answer_to_what_was_changed_since_counts_no_more() {
        let mut world = world();
        let id = invite(&mut world, meeting(&[BEN]));
        let at = copy(&world, BEN).id;
        let ben = world.mailbox_mut(BEN).expect("a mailbox");
        let (response, sends) = (Response::Accepted, true);
        let answer = Answer { response, comment: None, proposal: None, sends, save_to: None };
        ben.respond(at, &answer).expect("answered");
        // The answer is under way when the organiser changes the meeting.
        let anna = world.mailbox_mut(ANNA).expect("a mailbox");
        let before = anna.item(id).expect("the meeting").content.clone();
        let mut after = before.clone();
        after.subject = "other".to_owned();
        anna.update(id, None, after).expect("changed");
        anna.tell(id, &before, Told::All, None).expect("told");
        world.collect_sent();
        assert_eq!(event(&copy(&world, ANNA)).attendees[0].response, Response::None);
        let copy = copy(&world, BEN);
        assert_eq!((copy.content.subject.as_str(), event(&copy).standing.sequence), ("other", 1));
        assert_eq!(event(&copy).my_response, Response::Accepted);
    }

    #[test]
    fn who_was_removed_can_be_invited_again() {
        let mut world = world();
        let id = invite(&mut world, meeting(&[BEN, CLEO]));
        for guests in [&[CLEO][..], &[BEN, CLEO]] {
            let anna = world.mailbox_mut(ANNA).expect("a mailbox");
            let before = anna.item(id).expect("the meeting").content.clone();
            let mut after = before.clone();
            if let Some(event) = after.as_event_mut() {
                event.attendees = guests.iter().map(|address| guest(address)).collect();
            }
            anna.update(id, None, after).expect("changed");
            anna.tell(id, &before, Told::Changed, None).expect("told");
            world.collect_sent();
            let copy = copy(&world, BEN);
            assert_eq!(event(&copy).cancelled, guests.len() == 1);
        }
        assert_eq!(copy(&world, BEN).content.subject, "plan");
    }

    #[test]
    fn nothing_reaches_oneself_and_strangers_change_nothing() {
        let mut world = world();
        let id = invite(&mut world, meeting(&[ANNA]));
        assert_eq!(world.sent.len(), 0);
        // A cancellation by somebody who only claims to know the meeting.
        let uid = event(&copy(&world, ANNA)).uid.clone();
        let mut forged = meeting(&[ANNA]);
        if let Some(event) = forged.as_event_mut() {
            event.uid = uid;
        }
        let cleo = world.mailbox_mut(CLEO).expect("a mailbox");
        let forged = cleo.create(cleo.role(Role::Calendar), forged).expect("made");
        let forged = cleo.item(forged).expect("there").clone();
        cleo.cancel(&forged, None, None).expect("sent");
        world.collect_sent();
        let own = copy(&world, ANNA);
        assert_eq!((own.id, event(&own).cancelled), (id, false));
    }
}
