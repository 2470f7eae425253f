//! How the people of an event reach Graph: in our own property, where nobody is mailed, or as
//! attendees, where that is asked for.

use crate::GraphRemote;
use crate::map::people::{self, Native};
use crate::target::Target;
use items::people::Travel;
use items::{Body, Event, People, Person, note};
use serde_json::{Map, Value};

impl GraphRemote {
    /// Puts the people of `patch` into the `members` of a request, or else gives what our property
    /// is to say of them; and where they are to be read in the body, puts them there.
    ///
    /// Only this mailbox invites, and only to what nobody else organises. Whom Graph knows itself,
    /// our property doesn't repeat: else it would bring back whoever is taken off the list.
    pub(crate) fn put_people(
        &self,
        patch: &mut Event,
        target: Option<&Target>,
        members: &mut Map<String, Value>,
    ) -> Option<People> {
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
        if is_said && self.invites(&people, native) {
            let attendees = people.attendees.unwrap_or_default();
            members.insert("attendees".to_owned(), people::write(&attendees));
            return target.map(|_| People::default());
        }
        let is_noted = self.travel == Travel::Note && target.is_none_or(|t| !t.is_online);
        if is_noted && (is_said || patch.body.is_some()) {
            let new = || target.is_none().then(Body::default);
            let body = patch.body.clone().or_else(|| standing?.body.clone()).or_else(new);
            patch.body = body.map(|body| note::with(&body, &people));
        }
        let is_new = target.is_none();
        Some(people).filter(|people| is_said && !(is_new && is_nobody(people)))
    }

    /// Whether Graph is to know these people, and so to invite them.
    fn invites(&self, people: &People, native: Native) -> bool {
        let organizer = people.meeting.as_ref().and_then(|meeting| meeting.organizer.as_ref());
        let is_me = organizer.is_none_or(|one: &Person| one.key() == self.mailbox.to_lowercase());
        let is_somebody = people.attendees.as_ref().is_some_and(|all| !all.is_empty());
        self.travel == Travel::Write && (native == Native::Organised || (is_me && is_somebody))
    }
}

fn is_nobody(people: &People) -> bool {
    let is_appointment = people.meeting.as_ref().is_none_or(|one| *one == Default::default());
    is_appointment && people.attendees.as_ref().is_none_or(Vec::is_empty)
}
