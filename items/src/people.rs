//! The people of an event: who invited whom, and what they answered (RFC 5545 ORGANIZER, ATTENDEE;
//! MS-OXOCAL).

use crate::event::Event;
use serde::{Deserialize, Serialize};

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

/// Whether an event is a meeting, and what became of it; valid only together. The default is an
/// appointment, to which nobody was invited.
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct People {
    /// Who invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meeting: Option<Meeting>,
    /// Who is invited.
    #[serde(skip_serializing_if = "Option::is_none")]
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

    /// What the property holds: JSON.
    pub fn to_property(&self) -> String {
        serde_json::to_string(self).expect("plain values can be written as JSON")
    }

    /// What a property says; `None` for what we never wrote.
    pub fn from_property(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// What a copy holds that the server knows as `self`, and that carries `carried`: for a meeting
    /// what the server says, with the answers that only we know; for an appointment what is carried.
    #[must_use]
    pub fn over(self, carried: Option<Self>) -> Self {
        let carried = carried.unwrap_or_default();
        let is_meeting = self.meeting.as_ref().is_some_and(|meeting| meeting.organizer.is_some());
        if !is_meeting {
            return Self {
                meeting: carried.meeting.or(self.meeting),
                attendees: carried.attendees.or(self.attendees),
            };
        }
        let known: Vec<_> = carried.attendees.into_iter().flatten().collect();
        let answer = |attendee: Attendee| {
            let key = attendee.person.key();
            let same = known.iter().find(|one| one.person.key() == key);
            let response = match attendee.response {
                Response::None => same.map_or(Response::None, |one| one.response),
                told => told,
            };
            Attendee { response, ..attendee }
        };
        let attendees = self.attendees.map(|all| all.into_iter().map(answer).collect());
        Self { meeting: self.meeting, attendees }
    }
}

impl Meeting {
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

    #[test]
    fn answers_that_only_we_know_survive_a_server_that_lost_them() {
        let attendee = |address: &str, response| Attendee {
            person: Person { address: address.into(), name: None },
            response,
            ..Attendee::default()
        };
        let organizer = Some(Person { address: "a@contoso.example".into(), name: None });
        let people = |meeting: Option<Meeting>, attendees: &[Attendee]| People {
            meeting,
            attendees: Some(attendees.to_vec()),
        };
        let meeting = Some(Meeting { organizer, ..Meeting::default() });
        let carried = people(meeting.clone(), &[attendee("B@c.example", Response::Accepted)]);
        let carried = People::from_property(&carried.to_property());
        let native = people(
            meeting.clone(),
            &[attendee("b@c.example", Response::None), attendee("d@c.example", Response::Declined)],
        );
        let both = native.over(carried.clone()).attendees.unwrap();
        assert_eq!(both[0].response, Response::Accepted);
        assert_eq!(both[1].response, Response::Declined);
        let appointment = people(Some(Meeting::default()), &[]);
        assert_eq!(Some(appointment.clone().over(carried.clone())), carried);
        assert_eq!(appointment.clone().over(None), appointment);
        assert_eq!(People::from_property("{"), None);
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
