//! Meetings of others on their way between all kinds of replicas: nobody is mailed.

use super::chaos::Chaos;
use super::place::{Handle, Place};
use super::scenarios::{WHEN, location, stage};
use super::stage::{Kind, Setup, Stage};
use super::sweep;
use exchange_sim::store::{self, AttendeeRole};
use items::{Attendee, Event, Meeting, People, Person, Response, Role};
use std::collections::BTreeSet;
use sync_core::port::{Fetched, Hint};
use sync_driver::Stopper;

const PAIRS: [[Kind; 2]; 5] = [
    [Kind::Ews, Kind::Graph],
    [Kind::Graph, Kind::Ews],
    [Kind::Ews, Kind::Local],
    [Kind::Local, Kind::Graph],
    [Kind::Local, Kind::Ews],
];
const SUBJECT: &str = "Review";

impl Stage {
    /// The only event of a side, as its adapter reads it.
    #[track_caller]
    pub fn event(&self, side: usize) -> Event {
        let (store, digester) = self.open();
        let chaos = Chaos::new(None, Stopper::default(), None);
        let remote = self.remote(side, &chaos, &store, &digester);
        let folders = self.wait_for(remote.folders()).expect("readable");
        let folder = folders.into_iter().find(|f| f.is_default).expect("a calendar").id;
        let mut ids = BTreeSet::new();
        let mut cursor = None;
        loop {
            let page = self.wait_for(remote.pull(&folder, cursor.as_ref())).expect("readable");
            for change in page.changes {
                match change.hint {
                    Hint::Changed { .. } => ids.insert(change.id),
                    Hint::Gone => ids.remove(&change.id),
                };
            }
            cursor = Some(page.cursor);
            if !page.more {
                break;
            }
        }
        let ids: Vec<_> = ids.into_iter().collect();
        let found = self.wait_for(remote.fetch(&folder, &ids)).expect("readable");
        let [Fetched::Found(item)] = &found[..] else { panic!("one event: {found:?}") };
        Event::from_canonical(&item.content).expect("canonical")
    }

    /// The people of a side's event, in normal form.
    #[track_caller]
    pub fn people(&self, side: usize) -> People {
        let mut people = People::of(&items::meaning::of(&self.event(side)));
        let attendees = people.attendees.get_or_insert_default();
        attendees.sort_by_key(|attendee| attendee.person.key());
        people
    }

    /// Makes the event one to which somebody else has invited; `answer` is Carol's.
    #[track_caller]
    pub fn invited(&self, side: usize, answer: Response, cancelled: bool) {
        let standing = self.places[side].find(SUBJECT).expect("it is there");
        match (&self.places[side], standing.handle) {
            (Place::Mailbox { sim, address }, Handle::Item(id)) => sim.with(|world| {
                world.refresh();
                let mailbox = world.mailbox_mut(address).expect("ours");
                let mut content = mailbox.item(id).expect("it stands").content.clone();
                let event = content.as_event_mut().expect("an event");
                event.organizer = Some(known("Bob", "bob@fabrikam.example"));
                event.my_response = store::Response::Accepted;
                event.cancelled = cancelled;
                event.attendees = vec![
                    guest(known("Me", address), store::Response::Accepted),
                    guest(known("Carol", "carol@fabrikam.example"), response(answer)),
                ];
                mailbox.update(id, None, content).expect("a valid event");
            }),
            (Place::Local { replica, folder }, Handle::Local(_)) => {
                let person = |name: &str, address: &str| Person {
                    address: address.to_owned(),
                    name: Some(name.to_owned()),
                };
                let attendee =
                    |person, response| Attendee { person, role: Role::Required, response };
                let event = Event {
                    meeting: Some(Meeting {
                        organizer: Some(person("Bob", "bob@fabrikam.example")),
                        cancelled,
                        response: Response::Accepted,
                    }),
                    attendees: Some(vec![
                        attendee(person("Me", "here@contoso.example"), Response::Accepted),
                        attendee(person("Carol", "carol@fabrikam.example"), answer),
                    ]),
                    ..self.event(side)
                };
                replica.put_event(folder, &event).expect("writable");
            }
            (Place::Mailbox { .. } | Place::Local { .. }, _) => panic!("another side's handle"),
        }
    }

    /// What the other server knows itself: nothing, since it would have mailed somebody.
    #[track_caller]
    fn no_meeting(&self, side: usize) {
        let standing = self.places[side].find(SUBJECT).expect("it is there");
        if let Place::Mailbox { .. } = self.places[side] {
            let event = standing.content.as_event().expect("an event");
            assert_eq!(event.attendees, []);
        }
    }
}

fn known(name: &str, address: &str) -> store::Person {
    store::Person { name: name.to_owned(), address: address.to_owned() }
}

fn guest(person: store::Person, response: store::Response) -> store::Attendee {
    store::Attendee { person, role: AttendeeRole::Required, response, responded: None }
}

fn response(answer: Response) -> store::Response {
    match answer {
        Response::None => store::Response::None,
        Response::Organizer => store::Response::Organizer,
        Response::Tentative => store::Response::Tentative,
        Response::Accepted => store::Response::Accepted,
        Response::Declined => store::Response::Declined,
    }
}

#[test]
fn people_and_their_answers_arrive_and_nobody_is_mailed() {
    for kinds in PAIRS {
        println!("{kinds:?}");
        let mut stage = stage(Setup::of(kinds[0], kinds[1]));
        stage.places[0].create(SUBJECT, None, &WHEN, &[location("Elbe")]);
        stage.invited(0, Response::None, false);
        stage.settled();
        let people = stage.people(1);
        assert_eq!(people, stage.people(0), "{kinds:?}");
        let organizer = people.meeting.clone().and_then(|meeting| meeting.organizer);
        assert_eq!(organizer.expect("a meeting").address, "bob@fabrikam.example", "{kinds:?}");
        assert_eq!(people.attendees.map(|all| all.len()), Some(2), "{kinds:?}");
        stage.no_meeting(1);
        // Carol declines, then the meeting is called off.
        stage.invited(0, Response::Declined, false);
        stage.settled();
        let all = stage.people(1).attendees.expect("attendees");
        let carol = all.iter().find(|one| one.person.key().starts_with("carol"));
        assert_eq!(carol.map(|one| one.response), Some(Response::Declined), "{kinds:?}");
        stage.invited(0, Response::Declined, true);
        stage.settled();
        assert!(stage.people(1).meeting.is_some_and(|meeting| meeting.cancelled), "{kinds:?}");
        assert_eq!(stage.people(0), stage.people(1), "{kinds:?}");
        stage.no_meeting(1);
        assert_eq!(stage.conflicts().len(), 0, "{kinds:?}");
    }
}

#[test]
fn a_process_killed_anywhere_loses_nobody() {
    for kinds in PAIRS {
        let prepare = || {
            let stage = stage(Setup::of(kinds[0], kinds[1]));
            stage.places[0].create(SUBJECT, None, &WHEN, &[]);
            stage.invited(0, Response::Declined, false);
            stage
        };
        sweep::leaves_whole(prepare, |stage, side| stage.people(side));
    }
}
