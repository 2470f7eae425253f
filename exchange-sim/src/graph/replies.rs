//! Automatic replies as a mailbox setting (docs: automaticRepliesSetting).

use super::error::Error;
use super::event;
use super::prefer::Prefer;
use super::write::{self, object, only, text};
use crate::store::settings::{Oof, OofState};
use crate::store::{Mailbox, Zone, ZonedTime};
use jiff::Timestamp;
use serde_json::{Value, json};

const TYPE: &str = "microsoft.graph.automaticRepliesSetting";
const MEMBERS: [&str; 6] = [
    "status",
    "externalAudience",
    "internalReplyMessage",
    "externalReplyMessage",
    "scheduledStartDateTime",
    "scheduledEndDateTime",
];
const STATES: [(&str, OofState); 3] = [
    ("disabled", OofState::Disabled),
    ("alwaysEnabled", OofState::Enabled),
    ("scheduled", OofState::Scheduled),
];
/// Who outside gets a reply, in the words of either face.
const AUDIENCES: [(&str, &str); 3] = [("none", "None"), ("contactsOnly", "Known"), ("all", "All")];

/// The setting as Graph shows it, times in UTC.
pub(super) fn render(mailbox: &Mailbox) -> Value {
    let oof = &mailbox.settings.oof;
    let (start, end) = oof.times(mailbox.now);
    let time =
        |utc: Timestamp| event::time(&ZonedTime { utc, zone: Zone::utc() }, &Prefer::default());
    let state = STATES.iter().find(|(_, state)| *state == oof.state).map(|(name, _)| *name);
    let audience = AUDIENCES.iter().find(|(_, ews)| *ews == oof.audience).map(|(name, _)| *name);
    json!({
        "status": state,
        "externalAudience": audience.unwrap_or("none"),
        "internalReplyMessage": oof.internal,
        "externalReplyMessage": oof.external,
        "scheduledStartDateTime": time(start),
        "scheduledEndDateTime": time(end),
    })
}

/// Takes the members given over into `oof`; what isn't given stays.
pub(super) fn read(
    value: &Value,
    oof: &mut Oof,
    now: Timestamp,
    strict: bool,
) -> Result<(), Error> {
    let members = object("automaticRepliesSetting", value)?;
    if strict {
        only(members, &MEMBERS, TYPE)?;
    }
    let (mut start, mut end) = oof.times(now);
    let mut scheduled = oof.duration.is_some();
    for (name, value) in members {
        match name.as_str() {
            "status" => oof.state = one_of(&STATES, name, value)?,
            "externalAudience" => {
                oof.audience = one_of(&AUDIENCES, name, value)?.to_owned();
            }
            "internalReplyMessage" => oof.internal = write::text_or_empty(name, value)?,
            "externalReplyMessage" => oof.external = write::text_or_empty(name, value)?,
            "scheduledStartDateTime" => {
                (start, scheduled) = (write::time(name, value)?.utc, true);
            }
            "scheduledEndDateTime" => (end, scheduled) = (write::time(name, value)?.utc, true),
            _ => {}
        }
    }
    if oof.state == OofState::Scheduled && end <= start {
        return Err(Error::new(
            400,
            "ErrorInvalidScheduledOofDuration",
            "The duration for the scheduled automatic reply is invalid.",
        ));
    }
    oof.duration = scheduled.then_some((start, end));
    Ok(())
}

fn one_of<T: Copy>(known: &[(&str, T)], name: &str, value: &Value) -> Result<T, Error> {
    let given = text(name, value)?;
    let found = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(&given));
    found.map(|(_, value)| *value).ok_or_else(|| {
        Error::invalid_property(format!("The value '{given}' is not one of those of '{name}'."))
    })
}
