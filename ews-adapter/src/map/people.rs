//! The people of a calendar item: who organises it, who is invited, and what they answered.

use super::draft::Part;
use crate::soap::{Element, Xml};
use crate::stamp;
use items::field::{self, Name};
use items::people::{Attendee, Meeting, People, Person, Response, Role};
use std::collections::BTreeSet;
use sync_core::ids::Field;
use sync_core::port::Trouble;

/// The lists of people that a calendar item has (MS docs: CalendarItem).
const LISTS: [(Role, &str, &str); 3] = [
    (Role::Required, "calendar:RequiredAttendees", "t:RequiredAttendees"),
    (Role::Optional, "calendar:OptionalAttendees", "t:OptionalAttendees"),
    (Role::Resource, "calendar:Resources", "t:Resources"),
];

/// What an item is to the owner of its mailbox, as the server knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An appointment: nobody was invited, whomever the server names as its organizer.
    #[default]
    Appointment,
    /// A meeting that the owner organises.
    Organized,
    /// A meeting that others organise: their word on it is what counts.
    Attended,
}

/// What `item` is in the mailbox of this address.
///
/// Exchange names an organizer on every appointment, so that only `IsMeeting` makes a meeting of
/// it, or guests that we invited ourselves. The owner's own answer is "Organizer" under whichever
/// of their addresses the meeting was made.
pub(crate) fn kind(item: &Element, mailbox: &str) -> Kind {
    if !matches!(item.child_text("IsMeeting").map(str::trim), Some("true" | "1")) {
        let is_ours = stamp::people(item).is_some_and(People::is_of_guests) && has_guests(item);
        return if is_ours { Kind::Organized } else { Kind::Appointment };
    }
    let is_own = my_response(item) == Response::Organizer
        || organizer(item).is_some_and(|who| who.key() == address(mailbox).key());
    if is_own { Kind::Organized } else { Kind::Attended }
}

impl Kind {
    /// The fields that can't be written to such an item. The organizer of a meeting, and whether it
    /// was called off, are read-only here (MS docs: Organizer, IsCancelled); of somebody else's the
    /// owner may change what is nobody else's business.
    pub(crate) fn fixed(self) -> BTreeSet<Field> {
        match self {
            Self::Appointment => BTreeSet::new(),
            Self::Organized => BTreeSet::from([Name::Meeting.field()]),
            Self::Attended => {
                let mut fields = field::all();
                for name in [Name::Reminder, Name::Categories, Name::ShowAs] {
                    fields.remove(&name.field());
                }
                fields
            }
        }
    }

    /// Refuses to write `fields` where one of them is fixed.
    pub(crate) fn check(self, fields: &BTreeSet<Field>) -> Result<(), Trouble> {
        let fixed = self.fixed();
        let Some(field) = fields.iter().find(|field| fixed.contains(field)) else { return Ok(()) };
        let why = match self {
            Self::Appointment | Self::Organized => "who organises it is read-only on Exchange",
            Self::Attended => "others organise it, and only they change it",
        };
        let detail = format!("{field} can't be written to this meeting: {why}");
        Err(Trouble::new("field-fixed", detail))
    }
}

/// The people of an item: those that the server knows, and what we noted on it besides.
pub(crate) fn people(item: &Element, mailbox: &str) -> People {
    native(item, mailbox).over(stamp::people(item))
}

/// What to note of `people` on an item, if anything; `native` are the guests whom the server knows,
/// where it is a meeting: it forgets their answers, and whose meeting it was once no guest is left.
pub(crate) fn note(people: &People, native: Option<&[Attendee]>) -> Option<String> {
    let is_alone = people.attendees.as_ref().is_none_or(Vec::is_empty);
    let meeting = people.meeting.as_ref();
    let is_appointment = meeting.is_none_or(|meeting| meeting.normal() == Meeting::default());
    let native = native.filter(|_| !is_alone);
    (!(is_alone && is_appointment)).then(|| people.to_property(native))
}

fn has_guests(item: &Element) -> bool {
    LISTS.iter().any(|list| !listed(item, list).is_empty())
}

/// Those that the server knows.
pub(super) fn native(item: &Element, mailbox: &str) -> People {
    let cancelled = matches!(item.child_text("IsCancelled").map(str::trim), Some("true" | "1"));
    let organizer = match kind(item, mailbox) {
        Kind::Appointment => {
            let meeting = Meeting { cancelled, ..Meeting::default() };
            return People { meeting: Some(meeting), attendees: Some(Vec::new()) };
        }
        Kind::Organized => organizer(item).unwrap_or_else(|| address(mailbox)),
        Kind::Attended => organizer(item).unwrap_or_default(),
    };
    let is_organizer =
        |one: &Attendee| one.response == Response::Organizer || one.person.key() == organizer.key();
    let mut attendees: Vec<Attendee> = LISTS.iter().flat_map(|list| listed(item, list)).collect();
    // Some clients invite the organizer to what nobody else is invited to (evolution-ews I#251).
    if attendees.iter().all(is_organizer) {
        attendees.clear();
    }
    let response = my_response(item);
    let meeting = Meeting { organizer: Some(organizer), cancelled, response };
    People { meeting: Some(meeting), attendees: Some(attendees) }
}

/// Whether an event is a meeting that the owner of the mailbox organises, and that a new item can
/// be as a whole: the server mails nobody, but makes no cancelled meeting either, and knows people
/// by their addresses.
pub(crate) fn is_own(people: &People, mailbox: &str) -> bool {
    let Some(Meeting { organizer: Some(organizer), cancelled, response }) = &people.meeting else {
        return false;
    };
    let key = organizer.key();
    let attendees = people.attendees.as_deref().unwrap_or_default();
    key == address(mailbox).key()
        && !cancelled
        && matches!(response, Response::None | Response::Organizer)
        && attendees.iter().any(|attendee| attendee.person.key() != key)
        && attendees.iter().all(|attendee| has_address(&attendee.person))
}

/// The properties that list `attendees`, in the order of the schema. Their answers can't be written
/// (MS docs: ResponseType).
pub(super) fn parts(attendees: &[Attendee]) -> Result<Vec<Part>, Trouble> {
    if let Some(attendee) = attendees.iter().find(|attendee| !has_address(&attendee.person)) {
        let detail = format!(
            "{} is invited without an address, by which alone Exchange knows people",
            attendee.person.name.as_deref().unwrap_or("somebody")
        );
        return Err(Trouble::new("attendee-without-address", detail));
    }
    let part = |(role, field, name): &(Role, &'static str, &'static str)| {
        let those: Vec<_> = attendees.iter().filter(|attendee| attendee.role == *role).collect();
        let write = |xml: &mut Xml| {
            xml.node(name, &[], |xml| those.iter().for_each(|one| write(xml, &one.person)));
        };
        Part::of(field, (!those.is_empty()).then(|| Xml::text_of(write)))
    };
    Ok(LISTS.iter().map(part).collect())
}

fn write(xml: &mut Xml, person: &Person) {
    xml.node("t:Attendee", &[], |xml| {
        xml.node("t:Mailbox", &[], |xml| {
            if let Some(name) = &person.name {
                xml.leaf("t:Name", name);
            }
            xml.leaf("t:EmailAddress", &bare(&person.address));
            xml.leaf("t:RoutingType", "SMTP");
        });
    });
}

fn has_address(person: &Person) -> bool {
    person.key().contains('@') && person.address.contains('@')
}

/// The address as servers write it, without a scheme before it.
fn bare(address: &str) -> String {
    let address = address.trim();
    let scheme = address.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    address[scheme.map_or(0, str::len)..].to_owned()
}

fn address(address: &str) -> Person {
    Person { address: address.to_owned(), name: None }
}

fn organizer(item: &Element) -> Option<Person> {
    person(item.child("Organizer")?)
}

fn listed(item: &Element, (role, _, name): &(Role, &str, &str)) -> Vec<Attendee> {
    let name = name.trim_start_matches("t:");
    let Some(list) = item.child(name) else { return Vec::new() };
    let attendee = |one: &Element| {
        let response = one.child_text("ResponseType").map_or(Response::None, response);
        Some(Attendee { person: person(one)?, role: *role, response })
    };
    list.all("Attendee").filter_map(attendee).collect()
}

/// Whom the `Mailbox` in an element names. What isn't an address of the internet's is no address
/// to anybody else: a legacy name of the directory, a fax.
fn person(around: &Element) -> Option<Person> {
    let mailbox = around.child("Mailbox")?;
    let text = |name| {
        mailbox.child_text(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let (name, address) = (text("Name"), text("EmailAddress"));
    let smtp = address.clone().filter(|address| address.contains('@'));
    match (smtp, name.or(address)) {
        (None, None) => None,
        (address, name) => Some(Person { address: address.unwrap_or_default(), name }),
    }
}

fn my_response(item: &Element) -> Response {
    item.child_text("MyResponseType").map_or(Response::None, response)
}

/// `ResponseTypeType`; what isn't an answer is none.
fn response(word: &str) -> Response {
    match word.trim() {
        "Organizer" => Response::Organizer,
        "Tentative" => Response::Tentative,
        "Accept" => Response::Accepted,
        "Decline" => Response::Declined,
        _ => Response::None,
    }
}
