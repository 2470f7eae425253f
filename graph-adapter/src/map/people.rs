//! The people of an event, and whom Graph would mail about it (MS docs: event resource type,
//! `isOrganizer`, `attendees`; event-update; event-delete).

use crate::map::event::EXPAND_MASTER;
use items::field::{self, Name};
use items::{Attendee, Meeting, People, Person, Response, Role, Travel};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use sync_core::ids::Field;

/// What of an attendee's copy is the attendee's own.
const OF_ATTENDEES: [Name; 3] = [Name::Reminder, Name::Categories, Name::ShowAs];

/// What an event is to the mailbox that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Native {
    /// Nobody was invited, whomever Graph names as the organizer: nobody is mailed.
    Appointment,
    /// A meeting of this mailbox: Graph mails the attendees on any change and when it is deleted.
    Organised,
    /// A meeting that others organise: what is changed here stays here, and nobody is mailed.
    Invited,
}

/// The members of an event that tell of its people.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Resource {
    organizer: Option<Recipient>,
    attendees: Option<Vec<Guest>>,
    is_organizer: Option<bool>,
    is_cancelled: Option<bool>,
    response_status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Recipient {
    email_address: Option<Address>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    address: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Guest {
    email_address: Option<Address>,
    r#type: Option<String>,
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    response: Option<String>,
}

/// What an event is, its exceptions included: their attendees are mailed about their series, too.
pub(crate) fn native(event: &Value) -> Native {
    let exceptions = event[EXPAND_MASTER].as_array();
    let exceptions = exceptions.into_iter().flatten().filter_map(read);
    let has_guests = exceptions.into_iter().any(|own| own.native() == Native::Organised);
    let own = read(event).unwrap_or_default().native();
    if own == Native::Appointment && has_guests { Native::Organised } else { own }
}

/// The fields that can't be written to a copy that is `native`, without mail or at all.
///
/// With [`Travel::Write`] mail is what was asked for, and what Graph makes of a meeting of its own
/// stays as it is.
pub(crate) fn fixed(native: Native, travel: Travel) -> BTreeSet<Field> {
    match (native, travel) {
        (Native::Appointment, _) => BTreeSet::new(),
        (Native::Organised, Travel::Write) => BTreeSet::from([Name::Meeting.field()]),
        (Native::Organised, Travel::Carry | Travel::Note) => field::all(),
        (Native::Invited, _) => {
            let own = OF_ATTENDEES.map(Name::field);
            field::all().into_iter().filter(|field| !own.contains(field)).collect()
        }
    }
}

/// `attendees` as Graph takes them; it keeps their answers itself.
pub(crate) fn write(attendees: &[Attendee]) -> Value {
    let guest = |attendee: &Attendee| {
        let Person { address, name } = &attendee.person;
        let name = name.as_ref().unwrap_or(address);
        let role = match attendee.role {
            Role::Required => "required",
            Role::Optional => "optional",
            Role::Resource => "resource",
        };
        json!({"emailAddress": {"address": address, "name": name}, "type": role})
    };
    attendees.iter().map(guest).collect()
}

impl Resource {
    /// What the event is, apart from its exceptions. An organizer who is the only attendee has
    /// invited nobody.
    fn native(&self) -> Native {
        let organizer = self.organizer().map(|person| person.key());
        let guests = self.attendees.iter().flatten().map(Guest::person);
        let has_guests = guests.into_iter().any(|guest| Some(guest.key()) != organizer);
        match self.is_organizer {
            Some(false) if has_guests || organizer.is_some() => Native::Invited,
            _ if has_guests => Native::Organised,
            _ => Native::Appointment,
        }
    }

    fn organizer(&self) -> Option<Person> {
        let person = person(self.organizer.as_ref()?.email_address.as_ref());
        Some(person).filter(|person| *person != Person::default())
    }

    /// The people whom Graph itself knows.
    pub(crate) fn people(&self) -> People {
        let cancelled = self.is_cancelled == Some(true);
        if self.native() == Native::Appointment {
            let meeting = Meeting { cancelled, ..Meeting::default() };
            return People { meeting: Some(meeting), attendees: Some(Vec::new()) };
        }
        let organizer = Some(self.organizer().unwrap_or_default());
        let meeting = Meeting { organizer, cancelled, response: answer(&self.response_status) };
        let attendees = self.attendees.iter().flatten().map(Guest::attendee).collect();
        People { meeting: Some(meeting), attendees: Some(attendees) }
    }
}

impl Guest {
    fn person(&self) -> Person {
        person(self.email_address.as_ref())
    }

    fn attendee(&self) -> Attendee {
        let role = match self.r#type.as_deref() {
            Some("optional") => Role::Optional,
            Some("resource") => Role::Resource,
            _ => Role::Required,
        };
        Attendee { person: self.person(), role, response: answer(&self.status) }
    }
}

fn read(event: &Value) -> Option<Resource> {
    Resource::deserialize(event).ok()
}

fn person(address: Option<&Address>) -> Person {
    let text = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    Person {
        address: text(address.and_then(|a| a.address.as_ref())).unwrap_or_default(),
        name: text(address.and_then(|a| a.name.as_ref())),
    }
}

/// "Clients can treat notResponded == none" (MS docs: responseStatus).
fn answer(status: &Option<Status>) -> Response {
    match status.as_ref().and_then(|status| status.response.as_deref()) {
        Some("organizer") => Response::Organizer,
        Some("tentativelyAccepted") => Response::Tentative,
        Some("accepted") => Response::Accepted,
        Some("declined") => Response::Declined,
        _ => Response::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(address: &str, answer: &str) -> Value {
        json!({"type": "optional", "status": {"response": answer},
               "emailAddress": {"address": address, "name": ""}})
    }

    fn meeting(is_organizer: bool, guests: &[Value]) -> Value {
        json!({
            "organizer": {"emailAddress": {"address": "Anna@c.example", "name": "Anna"}},
            "isOrganizer": is_organizer, "isCancelled": false, "attendees": guests,
            "responseStatus": {"response": "notResponded"}
        })
    }

    #[test]
    fn an_appointment_names_an_organizer_and_is_none_the_less() {
        let alone = [guest("anna@C.example", "organizer")];
        for event in [meeting(true, &[]), meeting(true, &alone), json!({})] {
            assert_eq!(native(&event), Native::Appointment, "{event}");
            let people = read(&event).unwrap().people();
            assert_eq!(people.meeting, Some(Meeting::default()), "{event}");
            assert_eq!(people.attendees, Some(Vec::new()), "{event}");
        }
    }

    #[test]
    fn meetings_are_ones_own_or_those_of_others() {
        let guests = [guest("ben@c.example", "accepted")];
        assert_eq!(native(&meeting(true, &guests)), Native::Organised);
        assert_eq!(native(&meeting(false, &guests)), Native::Invited);
        assert_eq!(native(&meeting(false, &[])), Native::Invited);
        let mut series = meeting(true, &[]);
        series[EXPAND_MASTER] = json!([meeting(true, &guests)]);
        assert_eq!(native(&series), Native::Organised, "an exception's guests are mailed, too");

        let People { meeting, attendees } = read(&meeting(false, &guests)).unwrap().people();
        let organizer = Person { address: "Anna@c.example".into(), name: Some("Anna".into()) };
        let expected = Meeting { organizer: Some(organizer), ..Meeting::default() };
        assert_eq!(meeting, Some(expected));
        let person = Person { address: "ben@c.example".into(), name: None };
        let (role, response) = (Role::Optional, Response::Accepted);
        assert_eq!(attendees, Some(vec![Attendee { person, role, response }]));
    }

    #[test]
    fn what_may_be_written_depends_on_whom_it_would_mail() {
        let free = |native, travel| {
            let fixed = fixed(native, travel);
            field::all().difference(&fixed).map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        for travel in [Travel::Carry, Travel::Note, Travel::Write] {
            assert_eq!(free(Native::Invited, travel), "categories reminder show-as");
            assert!(fixed(Native::Appointment, travel).is_empty());
        }
        assert_eq!(free(Native::Organised, Travel::Carry), "");
        assert_eq!(fixed(Native::Organised, Travel::Write), [Name::Meeting.field()].into());
    }
}
