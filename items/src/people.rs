//! The people of an event: who invited whom, and what they answered (RFC 5545 ORGANIZER, ATTENDEE;
//! MS-OXOCAL).

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
