//! GetUserOofSettings and SetUserOofSettings: automatic replies, which this server keeps and never
//! sends.

use super::context::Context;
use super::failure::Failure;
use super::failure::success;
use super::xml::Element;
use super::zone;
use crate::store::settings::Oof;
use crate::store::settings::OofState;
use jiff::Timestamp;

const STATES: [(&str, OofState); 3] = [
    ("Disabled", OofState::Disabled),
    ("Enabled", OofState::Enabled),
    ("Scheduled", OofState::Scheduled),
];

/// GetUserOofSettings: the whole response.
pub(crate) fn get(context: &Context<'_>, request: &Element) -> Element {
    let response = Element::m("GetUserOofSettingsResponse");
    if let Err(failure) = check_own(context, request) {
        return response.with(named(failure.message()));
    }
    let settings = settings(context, &context.mailbox().settings.oof);
    response.with(named(success())).with(settings).with(Element::m_text("AllowExternalOof", "All"))
}

/// SetUserOofSettings: the whole response.
pub(crate) fn set(context: &mut Context<'_>, request: &Element) -> Element {
    let read = check_own(context, request).and_then(|()| read(context, request));
    let message = match read {
        Ok(oof) => {
            context.mailbox_mut().settings.oof = oof;
            success()
        }
        Err(failure) => failure.message(),
    };
    Element::m("SetUserOofSettingsResponse").with(named(message))
}

fn named(message: Element) -> Element {
    Element { name: "ResponseMessage".to_owned(), ..message }
}

/// The settings of others are closed, even to administrators (MS docs: GetUserOofSettings).
fn check_own(context: &Context<'_>, request: &Element) -> Result<(), Failure> {
    let address = request.child("Mailbox").and_then(|mailbox| mailbox.child_text("Address"));
    let address = address.unwrap_or_default().trim();
    let found = context.mailboxes().find(|mailbox| mailbox.address.eq_ignore_ascii_case(address));
    match found {
        Some(mailbox) if mailbox.address == context.mailbox().address => Ok(()),
        Some(_) => Err(Failure::access_denied()),
        None => Err(Failure::new(
            "ErrorMailRecipientNotFound",
            &format!("Unable to resolve e-mail address <{address}> to an Active Directory object."),
        )),
    }
}

fn settings(context: &Context<'_>, oof: &Oof) -> Element {
    let state = STATES.iter().find(|(_, state)| *state == oof.state).map_or("", |(name, _)| *name);
    let time = |name, at: Timestamp| Element::t_text(name, zone::stamp(at, &context.zone));
    let reply = |name, text: &str| Element::t(name).with(Element::t_text("Message", text));
    let (start, end) = oof.times(context.mailbox().now);
    Element::t("OofSettings")
        .with(Element::t_text("OofState", state))
        .with(Element::t_text("ExternalAudience", &oof.audience))
        .with(Element::t("Duration").with(time("StartTime", start)).with(time("EndTime", end)))
        .with(reply("InternalReply", &oof.internal))
        .with(reply("ExternalReply", &oof.external))
}

fn read(context: &Context<'_>, request: &Element) -> Result<Oof, Failure> {
    let given = request.child("UserOofSettings").ok_or_else(Failure::invalid_request)?;
    let text = |name| given.child_text(name).unwrap_or_default().trim().to_owned();
    let name = text("OofState");
    let state = STATES.iter().find(|(known, _)| *known == name).map(|(_, state)| *state);
    let state = state.ok_or_else(|| {
        Failure::new("ErrorInvalidUserOofSettings", "The automatic reply settings are invalid.")
    })?;
    let bound = |name| {
        let text = given.child("Duration").and_then(|duration| duration.child_text(name))?;
        zone::instant(text, &context.zone)
    };
    let duration = bound("StartTime").zip(bound("EndTime"));
    // It ends after it starts, and in the future (MS docs: ErrorInvalidScheduledOofDuration).
    let now = context.mailbox().now;
    let is_valid = duration.is_some_and(|(start, end)| start < end && end > now);
    if state == OofState::Scheduled && !is_valid {
        let text = "The duration for the scheduled automatic reply is invalid.";
        return Err(Failure::new("ErrorInvalidScheduledOofDuration", text));
    }
    let reply = |name| {
        let message = given.child(name).and_then(|reply| reply.child_text("Message"));
        message.unwrap_or_default().to_owned()
    };
    Ok(Oof {
        state,
        audience: text("ExternalAudience"),
        duration,
        internal: reply("InternalReply"),
        external: reply("ExternalReply"),
    })
}
