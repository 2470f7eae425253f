//! ORGANIZER, ATTENDEE and STATUS: who is invited (RFC 5545 3.8.4.1, 3.8.4.3, 3.8.1.11).

use super::document::{Component, Node};
use super::line::{Line, Standing, compose};
use crate::event::Event;
use crate::people::{Attendee, Meeting, Person, Response, Role};

/// What the owner of the calendar answered: which of the attendees that is, no file says.
pub(super) const RESPONSE: &str = "X-EVENSYNC-RESPONSE";
/// How Exchange writes that someone has no address.
const NO_ADDRESS: &str = "invalid:nomail";
const MAILTO: &str = "mailto:";

/// The meeting and its attendees. Without attendees an organizer is nobody's: programs write one
/// for plain appointments, too.
pub(super) fn read(vevent: &Component) -> (Option<Meeting>, Option<Vec<Attendee>>) {
    let attendees: Vec<_> = vevent.lines("ATTENDEE").map(|(_, line)| attendee(&line)).collect();
    let organizer = vevent.line("ORGANIZER");
    let status = vevent.line("STATUS");
    let answer = vevent.line(RESPONSE);
    let is_told =
        organizer.is_some() || status.is_some() || answer.is_some() || !attendees.is_empty();
    let meeting = is_told.then(|| Meeting {
        organizer: organizer.filter(|_| !attendees.is_empty()).as_ref().map(person),
        cancelled: status.is_some_and(|line| is_cancelled(&line)),
        response: answer.map_or(Response::None, |line| response(&line.value)),
    });
    (meeting, (!attendees.is_empty()).then_some(attendees))
}

/// The lines of the meeting of `event`; those in `standing` that say the same are kept as they are.
pub(super) fn write_meeting(
    event: &Event,
    meeting: &Meeting,
    standing: &[Standing],
) -> Vec<String> {
    let mut lines = Vec::new();
    let is_appointment = event.attendees.as_ref().is_none_or(Vec::is_empty)
        && standing.iter().all(|old| old.line.name != "ATTENDEE");
    match &meeting.organizer {
        Some(organizer) => lines.push(with_person("ORGANIZER", organizer, &[], standing)),
        None if is_appointment => {
            let nobodys = standing.iter().filter(|old| old.line.name == "ORGANIZER");
            lines.extend(nobodys.map(|old| old.raw.clone()));
        }
        None => {}
    }
    let status = standing.iter().find(|old| old.line.name == "STATUS");
    match status.filter(|old| is_cancelled(&old.line) == meeting.cancelled) {
        Some(status) => lines.push(status.raw.clone()),
        None if meeting.cancelled => lines.push(compose("STATUS", &[], "CANCELLED")),
        None => {}
    }
    let answer = match meeting.response {
        Response::None => None,
        Response::Organizer => Some("ORGANIZER"),
        answer @ (Response::Tentative | Response::Accepted | Response::Declined) => {
            Some(partstat(answer))
        }
    };
    lines.extend(answer.map(|answer| compose(RESPONSE, &[], answer)));
    lines
}

/// A line for each attendee; what those in `standing` say besides is kept.
pub(super) fn write_attendees(all: &[Attendee], standing: &[Standing]) -> Vec<String> {
    let line = |attendee: &Attendee| {
        let role = match (attendee.role, attendee.response) {
            (Role::Required, Response::Organizer) => "CHAIR",
            (Role::Required, _) => "REQ-PARTICIPANT",
            (Role::Optional, _) => "OPT-PARTICIPANT",
            (Role::Resource, _) => "NON-PARTICIPANT",
        };
        let kind = (attendee.role == Role::Resource).then_some(("CUTYPE", "RESOURCE"));
        let told = [("ROLE", role), ("PARTSTAT", partstat(attendee.response))];
        let told: Vec<_> = kind.into_iter().chain(told).collect();
        let is_same =
            |old: &&Standing| old.line.name == "ATTENDEE" && self::attendee(&old.line) == *attendee;
        let same = standing.iter().find(is_same).map(|old| old.raw.clone());
        same.unwrap_or_else(|| with_person("ATTENDEE", &attendee.person, &told, standing))
    };
    all.iter().map(line).collect()
}

/// The lines for an occurrence's component: to other programs it is a whole event.
pub(super) fn of_series(series: &Event) -> impl Iterator<Item = Node> {
    let organizer = series.meeting.as_ref().and_then(|meeting| meeting.organizer.as_ref());
    let organizer = organizer.map(|organizer| with_person("ORGANIZER", organizer, &[], &[]));
    let attendees = series.attendees.iter().flat_map(|all| write_attendees(all, &[]));
    let lines: Vec<_> = organizer.into_iter().chain(attendees).collect();
    lines.into_iter().map(|line| Node::Line(0, line))
}

/// A line about a person: the parameters told, and others that stand there.
fn with_person(name: &str, who: &Person, told: &[(&str, &str)], standing: &[Standing]) -> String {
    let is_it = |old: &&Standing| old.line.name == name && person(&old.line).key() == who.key();
    let old = standing.iter().find(is_it);
    if let Some(old) = old.filter(|old| told.is_empty() && person(&old.line) == *who) {
        return old.raw.clone();
    }
    let ours = ["CN", "ROLE", "CUTYPE", "PARTSTAT", "EMAIL"];
    let others = old.iter().flat_map(|old| &old.line.params);
    let others = others.filter(|(key, _)| !ours.contains(&key.as_str()));
    let cn = who.name.iter().map(|name| ("CN", name.as_str()));
    let params: Vec<_> = cn
        .chain(told.iter().copied())
        .chain(others.map(|(key, value)| (key.as_str(), value.as_str())))
        .collect();
    let address: String = who.address.chars().filter(|c| !c.is_control()).collect();
    let address = match address.as_str() {
        "" => NO_ADDRESS.to_owned(),
        address => format!("{MAILTO}{address}"),
    };
    compose(name, &params, &address)
}

fn person(line: &Line) -> Person {
    let value = line.value.trim();
    let is_mail = value.get(..MAILTO.len()).is_some_and(|s| s.eq_ignore_ascii_case(MAILTO));
    let address = match line.param("EMAIL").filter(|_| !is_mail) {
        Some(email) => email,
        None if is_mail => &value[MAILTO.len()..],
        None if value.contains('@') && !value.contains([':', '/']) => value,
        None => "",
    };
    let name = line.param("CN").map(str::to_owned);
    // Who has neither is known by what stands there.
    let other = || Some(value.to_owned()).filter(|_| address.is_empty() && value != NO_ADDRESS);
    Person { address: address.to_owned(), name: name.or_else(other) }
}

fn attendee(line: &Line) -> Attendee {
    let param = |name: &str| line.param(name).unwrap_or_default().trim().to_uppercase();
    let role = match (param("CUTYPE").as_str(), param("ROLE").as_str()) {
        ("RESOURCE" | "ROOM", _) => Role::Resource,
        (_, "OPT-PARTICIPANT" | "NON-PARTICIPANT") => Role::Optional,
        _ => Role::Required,
    };
    let told = response(&param("PARTSTAT"));
    let is_organizer = told == Response::Accepted && param("ROLE") == "CHAIR";
    let answer = if is_organizer { Response::Organizer } else { told };
    Attendee { person: person(line), role, response: answer }
}

fn response(partstat: &str) -> Response {
    match partstat.trim().to_uppercase().as_str() {
        "ORGANIZER" => Response::Organizer,
        "TENTATIVE" => Response::Tentative,
        "ACCEPTED" => Response::Accepted,
        "DECLINED" => Response::Declined,
        _ => Response::None,
    }
}

const fn partstat(response: Response) -> &'static str {
    match response {
        Response::None => "NEEDS-ACTION",
        Response::Tentative => "TENTATIVE",
        Response::Organizer | Response::Accepted => "ACCEPTED",
        Response::Declined => "DECLINED",
    }
}

fn is_cancelled(status: &Line) -> bool {
    status.value.trim().eq_ignore_ascii_case("CANCELLED")
}
