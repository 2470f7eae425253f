//! The people of an event: who invited whom, and what they answered (RFC 5545 ORGANIZER, ATTENDEE;
//! MS-OXOCAL).

use crate::event::Event;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Someone with an address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Person {
    /// The SMTP address; empty where the replica tells none.
    pub address: String,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Who invited.
const ORGANIZER: &str = "organizer";
/// Whether it was called off.
const CANCELLED: &str = "cancelled";
/// The parts of a meeting, which are merged one by one.
pub(crate) const PARTS: [&str; 3] = [ORGANIZER, CANCELLED, "response"];

/// Whether an event is a meeting, and what became of it. The default is an appointment, to which
/// nobody was invited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Meeting {
    /// Who invited; `None` for an appointment, whomever a server names for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizer: Option<Person>,
    /// Whether it was called off (STATUS:CANCELLED).
    pub cancelled: bool,
    /// What the owner of the mailbox answered.
    pub response: Response,
}

/// An answer to an invitation (MS-OXOCAL PidLidResponseStatus; RFC 5545 PARTSTAT).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// Nothing is known of one: Exchange's "Unknown", "NoResponseReceived" and "notResponded".
    #[default]
    None,
    /// It is the organizer.
    Organizer,
    /// Perhaps.
    Tentative,
    /// Yes.
    Accepted,
    /// No.
    Declined,
}

/// Someone who is invited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attendee {
    /// Who.
    #[serde(flatten)]
    pub person: Person,
    /// As what.
    #[serde(default)]
    pub role: Role,
    /// What they answered.
    #[serde(default)]
    pub response: Response,
}

/// As what someone is invited (RFC 5545 ROLE, CUTYPE).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Must be there.
    #[default]
    Required,
    /// May be there.
    Optional,
    /// A room, or something else to be booked.
    Resource,
}

/// How the people of an event travel to a server that would mail them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Travel {
    /// In a property of ours, where nobody sees them and nobody is mailed.
    #[default]
    Carry,
    /// Likewise, and in a readable block of the body.
    Note,
    /// For real: the server mails them.
    Write,
}

/// The people of one copy of an event; a field is absent where it isn't told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Who invited.
    pub meeting: Option<Meeting>,
    /// Who is invited.
    pub attendees: Option<Vec<Attendee>>,
}

impl People {
    /// The name of the property in which people travel, in the property set of our stamps: one for
    /// all state files, since it says what the event is and not who wrote it.
    pub const PROPERTY: &'static str = "evensync-people";

    /// Those of `event`.
    pub fn of(event: &Event) -> Self {
        Self { meeting: event.meeting.clone(), attendees: event.attendees.clone() }
    }

    /// What the property is to hold, as JSON. `native` is the server's own list of attendees where it
    /// has one, so that whom it takes off that list isn't brought back, and an answer that it gets
    /// later counts more than the one noted now.
    pub fn to_property(&self, native: Option<&[Attendee]>) -> String {
        let answered = native.into_iter().flatten().filter(|one| one.response != Response::None);
        let noted = Noted {
            meeting: self.meeting.clone(),
            attendees: self.attendees.clone(),
            invited: native.is_some(),
            told: answered.map(|one| (one.person.key(), one.response)).collect(),
        };
        serde_json::to_string(&noted).expect("plain values can be written as JSON")
    }

    /// Whether a property is about people whom the server was told of.
    pub fn is_of_guests(property: &str) -> bool {
        serde_json::from_str::<Noted>(property).is_ok_and(|noted| noted.invited)
    }

    /// What a copy holds that the server knows as `self`, and whose property says this: for a meeting
    /// what the server says, with the answers and people that only we know; for an appointment what is
    /// carried. A property that can't be read leaves open who is there.
    #[must_use]
    pub fn over(self, property: Option<&str>) -> Self {
        let is_meeting = self.meeting.as_ref().is_some_and(|meeting| meeting.organizer.is_some());
        let Some(property) = property else { return self };
        match serde_json::from_str::<Noted>(property) {
            Ok(noted) if is_meeting => self.completed(noted),
            Ok(noted) if noted.invited => self,
            Ok(noted) => Self {
                meeting: noted.meeting.or(self.meeting),
                attendees: noted.attendees.or(self.attendees),
            },
            Err(_) if is_meeting => self,
            Err(_) => Self::default(),
        }
    }

    /// A meeting of the server's with what is noted of it.
    fn completed(self, noted: Noted) -> Self {
        let mut carried: BTreeMap<String, Attendee> =
            noted.attendees.into_iter().flatten().map(|one| (one.person.key(), one)).collect();
        let answer = |attendee: Attendee| {
            let key = attendee.person.key();
            let then = noted.told.get(&key).copied().unwrap_or_default();
            let response = match carried.remove(&key) {
                // The server may have forgotten answers when it was given the list.
                Some(one) if [then, Response::None].contains(&attendee.response) => one.response,
                Some(_) | None => attendee.response,
            };
            Attendee { response, ..attendee }
        };
        let mut attendees: Option<Vec<Attendee>> =
            self.attendees.map(|all| all.into_iter().map(answer).collect());
        // Somebody made a meeting of what was none here: whom they don't see isn't uninvited.
        if let (Some(attendees), false) = (&mut attendees, noted.invited) {
            attendees.extend(carried.into_values());
        }
        Self { meeting: self.meeting, attendees }
    }
}

/// What our property says of people.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Noted {
    #[serde(skip_serializing_if = "Option::is_none")]
    meeting: Option<Meeting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attendees: Option<Vec<Attendee>>,
    /// Whether the server was told of them, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    invited: bool,
    /// What the server knew then of their answers, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    told: BTreeMap<String, Response>,
}

impl Meeting {
    /// The parts of it that say something, each alone in a meeting, by their names. An appointment
    /// has none, so it takes over what another copy knows.
    pub(crate) fn parts(&self) -> BTreeMap<&'static str, Self> {
        let nothing = Self::default();
        let part = |part: &'static str| {
            let mut alone = Self::default();
            alone.take(part, self);
            (part, alone)
        };
        PARTS.into_iter().map(part).filter(|(_, alone)| *alone != nothing).collect()
    }

    /// Takes over one of [`PARTS`], absence included.
    pub(crate) fn take(&mut self, part: &str, from: &Self) {
        match part {
            ORGANIZER => self.organizer.clone_from(&from.organizer),
            CANCELLED => self.cancelled = from.cancelled,
            _ => self.response = from.response,
        }
    }

    /// The normal form: names of people are left to their directories, and an appointment has no
    /// answers.
    #[must_use]
    pub fn normal(&self) -> Self {
        let organizer = self.organizer.as_ref().map(Person::normal);
        let response = if organizer.is_some() { self.response } else { Response::None };
        Self { organizer, cancelled: self.cancelled, response }
    }
}

impl Person {
    /// The address alone, in small letters; the name where there is no address.
    #[must_use]
    pub fn normal(&self) -> Self {
        Self { address: self.key(), name: None }
    }

    /// What this person is known by: the address in small letters, or else the name.
    pub fn key(&self) -> String {
        let address = crate::meaning::squeeze(&self.address.to_lowercase());
        let address = address.strip_prefix("mailto:").unwrap_or(&address).to_owned();
        match &self.name {
            Some(name) if address.is_empty() => crate::meaning::squeeze(&name.to_lowercase()),
            Some(_) | None => address,
        }
    }
}

impl Attendee {
    /// The normal form.
    #[must_use]
    pub fn normal(&self) -> Self {
        Self { person: self.person.normal(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attendee(address: &str, response: Response) -> Attendee {
        let person = Person { address: address.into(), name: None };
        Attendee { person, response, ..Attendee::default() }
    }

    fn meeting(attendees: &[Attendee]) -> People {
        let organizer = Some(Person { address: "a@contoso.example".into(), name: None });
        let meeting = Some(Meeting { organizer, ..Meeting::default() });
        People { meeting, attendees: Some(attendees.to_vec()) }
    }

    fn appointment() -> People {
        People { meeting: Some(Meeting::default()), attendees: Some(vec![]) }
    }

    #[test]
    fn an_appointment_holds_what_is_carried() {
        let carried = meeting(&[attendee("b@c.example", Response::Accepted)]);
        assert_eq!(appointment().over(Some(&carried.to_property(None))), carried);
        assert_eq!(appointment().over(None), appointment());
        // Not read is not empty.
        assert_eq!(appointment().over(Some("{")), People::default());
        assert_eq!(appointment().over(Some(r#"{"attendees":[{"role":"x"}]}"#)), People::default());
    }

    #[test]
    fn answers_that_only_we_know_survive_a_server_that_lost_them() {
        let carried = meeting(&[attendee("B@c.example", Response::Accepted)]);
        let property = carried.to_property(Some(&[]));
        let native = meeting(&[
            attendee("b@c.example", Response::None),
            attendee("d@c.example", Response::Declined),
        ]);
        let both = native.over(Some(&property)).attendees.expect("a list");
        assert_eq!(both[0].response, Response::Accepted);
        assert_eq!(both[1].response, Response::Declined);
    }

    #[test]
    fn of_two_answers_the_later_one_counts() {
        let [yes, no] =
            [Response::Accepted, Response::Declined].map(|r| attendee("b@c.example", r));
        let property =
            meeting(std::slice::from_ref(&no)).to_property(Some(std::slice::from_ref(&yes)));
        let read = |now: Attendee| meeting(&[now]).over(Some(&property));
        assert_eq!(read(yes), meeting(std::slice::from_ref(&no)));
        let now = attendee("b@c.example", Response::Tentative);
        assert_eq!(read(now.clone()), meeting(&[now]));
        assert_eq!(read(attendee("b@c.example", Response::None)), meeting(&[no]));
    }

    #[test]
    fn whom_a_server_takes_off_its_list_stays_off() {
        let [bob, eve] = ["b@c.example", "e@c.example"].map(|who| attendee(who, Response::None));
        let property = meeting(&[bob.clone(), eve.clone()]).to_property(Some(&[]));
        assert_eq!(
            meeting(std::slice::from_ref(&eve)).over(Some(&property)),
            meeting(std::slice::from_ref(&eve))
        );
        assert_eq!(appointment().over(Some(&property)), appointment());
        // One that only we knew was never on it.
        let property = meeting(std::slice::from_ref(&bob)).to_property(None);
        assert_eq!(meeting(std::slice::from_ref(&eve)).over(Some(&property)), meeting(&[eve, bob]));
    }

    #[test]
    fn people_are_known_by_their_address() {
        let person = |address: &str, name: Option<&str>| Person {
            address: address.into(),
            name: name.map(str::to_owned),
        };
        let bob = person("MAILTO:Bob@Contoso.example ", Some("Bob"));
        assert_eq!(bob.normal(), person("bob@contoso.example", None));
        assert_eq!(person("", Some(" Room  1 ")).key(), "room 1");
        let appointment = Meeting { response: Response::Accepted, ..Meeting::default() };
        assert_eq!(appointment.normal(), Meeting::default());
        let meeting = Meeting { organizer: Some(bob), ..appointment };
        assert_eq!(meeting.normal().response, Response::Accepted);
    }
}
