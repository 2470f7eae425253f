//! How the people of an event reach Graph: in our own property, where nobody is mailed, or as
//! attendees, where that is asked for.

use crate::GraphRemote;
use crate::map::people::{self, Native};
use crate::target::Target;
use items::field::Name;
use items::{Attendee, Body, Event, People, Role, Travel, note};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl GraphRemote {
    /// Puts the people of `patch` into the `members` of a request, or else gives what our property
    /// is to say of them; and where they are to be read in the body, puts them there.
    ///
    /// Only this mailbox invites, and only to what nobody else organises.
    pub(crate) fn put_people(
        &self,
        patch: &mut Event,
        target: Option<&Target>,
        members: &mut Map<String, Value>,
    ) -> Option<String> {
        let said = People::of(patch);
        let standing = target.and_then(|target| target.event.as_ref().ok());
        let stood = standing.map(People::of).unwrap_or_default();
        let is_said = said != People::default();
        let people = People {
            meeting: said.meeting.or(stood.meeting),
            attendees: said.attendees.or(stood.attendees),
        };
        let native = target.map_or(Native::Appointment, |target| target.native);
        if native == Native::Invited {
            return None;
        }
        if is_said && self.invites(&people, target) {
            let attendees = people.attendees.as_deref().unwrap_or_default();
            members.insert("attendees".to_owned(), people::write(attendees));
            let invited = target.and_then(|target| target.invited.as_deref());
            return Some(people.to_property(Some(invited.unwrap_or_default())));
        }
        let is_noted = self.travel == Travel::Note && target.is_none_or(|t| !t.is_online);
        if is_noted && (is_said || patch.body.is_some()) {
            let new = || target.is_none().then(Body::default);
            let body = patch.body.clone().or_else(|| standing?.body.clone()).or_else(new);
            patch.body = body.map(|body| note::with(&body, &people));
        }
        let is_new = target.is_none();
        let is_told = is_said && !(is_new && is_nobody(&people));
        is_told.then(|| people.to_property(None))
    }

    /// Whether Graph is to know these people, and so to invite them: where the mailbox organises, and
    /// to a new event that nobody does.
    fn invites(&self, people: &People, target: Option<&Target>) -> bool {
        let organizer = people.meeting.as_ref().and_then(|meeting| meeting.organizer.as_ref());
        let is_me = match organizer {
            Some(organizer) => organizer.key() == self.mailbox.to_lowercase(),
            None => target.is_none(),
        };
        let is_somebody = people.attendees.as_ref().is_some_and(|all| !all.is_empty());
        let is_organised = target.is_some_and(|target| target.native == Native::Organised);
        self.travel == Travel::Write && (is_organised || (is_me && is_somebody))
    }

    /// Whether `patch` says nothing but answers that Graph gets from the attendees themselves: it takes
    /// none, and would mail everybody for the attempt.
    pub(crate) fn is_moot(&self, patch: &Event, target: &Target) -> bool {
        let alone = [Name::Attendees.field()].into();
        if target.native != Native::Organised || patch.present_fields() != alone {
            return false;
        }
        let roles = |all: Option<&Vec<Attendee>>| -> BTreeMap<String, Role> {
            all.into_iter().flatten().map(|one| (one.person.key(), one.role)).collect()
        };
        roles(patch.attendees.as_ref()) == roles(target.invited.as_ref())
    }
}

fn is_nobody(people: &People) -> bool {
    let is_appointment = people.meeting.as_ref().is_none_or(|one| *one == Default::default());
    is_appointment && people.attendees.as_ref().is_none_or(Vec::is_empty)
}
