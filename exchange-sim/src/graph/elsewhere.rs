//! What Graph v1.0 has and this server doesn't, told from what nobody has.
//!
//! Names are those of the reference of v1.0 and of its description; where a whole branch has nothing
//! to do with mail and calendars only its first name is here.

use super::error::Error;

/// A kind of thing: its members, by name, and what each leads to.
struct Kind(&'static [(&'static str, Next)]);

/// What a member of a [`Kind`] leads to.
enum Next {
    /// A single thing, or the end of the path.
    One(&'static Kind),
    /// A collection; an id leads to one of its things.
    Many(&'static Kind),
    /// Whatever follows is taken for Graph's.
    Any,
}

use Next::{Any, Many, One};

/// The end of a path.
static NOTHING: Kind = Kind(&[]);

static ROOT: Kind = Kind(&[
    ("admin", One(&ADMIN)),
    ("applications", Any),
    ("auditLogs", Any),
    ("chats", Any),
    ("communications", Any),
    ("contacts", Any),
    ("copilot", Any),
    ("deviceManagement", Any),
    ("devices", Any),
    ("directory", Any),
    ("directoryObjects", Any),
    ("directoryRoles", Any),
    ("domains", Any),
    ("drives", Any),
    ("education", Any),
    ("external", Any),
    ("groups", Any),
    ("identity", Any),
    ("invitations", Any),
    ("me", One(&USER)),
    ("organization", Any),
    ("places", Any),
    ("planner", Any),
    ("policies", Any),
    ("reports", Any),
    ("schemaExtensions", Any),
    ("search", Any),
    ("security", Any),
    ("servicePrincipals", Any),
    ("sites", Any),
    ("solutions", Any),
    ("subscriptions", Many(&SUBSCRIPTION)),
    ("teams", Any),
    ("users", Many(&USER)),
]);

static ADMIN: Kind = Kind(&[
    ("edge", Any),
    ("exchange", One(&Kind(&[("mailboxes", Many(&MAILBOX)), ("tracing", One(&TRACING))]))),
    ("microsoft365Apps", Any),
    ("people", Any),
    ("reportSettings", Any),
    ("serviceAnnouncement", Any),
    ("sharepoint", Any),
    ("teams", Any),
]);

static TRACING: Kind = Kind(&[("messageTraces", Many(&MESSAGE_TRACE))]);

static MESSAGE_TRACE: Kind = Kind(&[("getDetailsByRecipient", One(&NOTHING))]);

static MAILBOX: Kind = Kind(&[
    ("createImportSession", One(&NOTHING)),
    ("exportItems", One(&NOTHING)),
    ("folders", Many(&MAILBOX_FOLDER)),
]);

static MAILBOX_FOLDER: Kind =
    Kind(&[("childFolders", Many(&MAILBOX_FOLDER)), ("items", Many(&NOTHING))]);

static SUBSCRIPTION: Kind = Kind(&[("reauthorize", One(&NOTHING))]);

static USER: Kind = Kind(&[
    ("activities", Any),
    ("calendar", One(&CALENDAR)),
    ("calendarGroups", Many(&Kind(&[("calendars", Many(&CALENDAR))]))),
    ("calendars", Many(&CALENDAR)),
    ("calendarView", Many(&EVENT)),
    ("chats", Any),
    ("contactFolders", Any),
    ("contacts", Any),
    ("directReports", Any),
    ("drive", Any),
    ("drives", Any),
    ("employeeExperience", Any),
    ("events", Many(&EVENT)),
    ("extensions", Any),
    ("findMeetingTimes", One(&NOTHING)),
    ("followedSites", Any),
    ("getMailTips", One(&NOTHING)),
    ("inferenceClassification", One(&Kind(&[("overrides", Many(&NOTHING))]))),
    ("insights", Any),
    ("joinedTeams", Any),
    ("licenseDetails", Any),
    ("mailboxSettings", One(&NOTHING)),
    ("mailFolders", Many(&MAIL_FOLDER)),
    ("manager", Any),
    ("memberOf", Any),
    ("messages", Many(&MESSAGE)),
    ("onenote", Any),
    ("onlineMeetings", Any),
    ("outlook", One(&OUTLOOK)),
    ("ownedDevices", Any),
    ("people", Any),
    ("photo", Any),
    ("photos", Any),
    ("planner", Any),
    ("presence", Any),
    ("registeredDevices", Any),
    ("reminderView", One(&NOTHING)),
    ("sendMail", One(&NOTHING)),
    ("settings", Any),
    ("sponsors", Any),
    ("teamwork", Any),
    ("todo", Any),
    ("transitiveMemberOf", Any),
    ("translateExchangeIds", One(&NOTHING)),
]);

static OUTLOOK: Kind = Kind(&[
    ("masterCategories", Many(&NOTHING)),
    ("supportedLanguages", One(&NOTHING)),
    ("supportedTimeZones", One(&NOTHING)),
]);

static CALENDAR: Kind = Kind(&[
    ("allowedCalendarSharingRoles", One(&NOTHING)),
    ("calendarPermissions", Many(&NOTHING)),
    ("calendarView", Many(&EVENT)),
    ("events", Many(&EVENT)),
    ("getSchedule", One(&NOTHING)),
    ("permanentDelete", One(&NOTHING)),
]);

static EVENT: Kind = Kind(&[
    ("accept", One(&NOTHING)),
    ("attachments", Many(&ATTACHMENT)),
    ("calendar", One(&CALENDAR)),
    ("cancel", One(&NOTHING)),
    ("decline", One(&NOTHING)),
    ("dismissReminder", One(&NOTHING)),
    ("extensions", Many(&NOTHING)),
    ("forward", One(&NOTHING)),
    ("instances", Many(&EVENT)),
    ("permanentDelete", One(&NOTHING)),
    ("snoozeReminder", One(&NOTHING)),
    ("tentativelyAccept", One(&NOTHING)),
]);

static ATTACHMENT: Kind = Kind(&[("$value", One(&NOTHING))]);

static MAIL_FOLDER: Kind = Kind(&[
    ("childFolders", Many(&MAIL_FOLDER)),
    ("copy", One(&NOTHING)),
    ("messageRules", Many(&NOTHING)),
    ("messages", Many(&MESSAGE)),
    ("move", One(&NOTHING)),
    ("permanentDelete", One(&NOTHING)),
]);

static MESSAGE: Kind = Kind(&[
    ("$value", One(&NOTHING)),
    ("attachments", Many(&ATTACHMENT)),
    ("copy", One(&NOTHING)),
    ("createForward", One(&NOTHING)),
    ("createReply", One(&NOTHING)),
    ("createReplyAll", One(&NOTHING)),
    ("extensions", Many(&NOTHING)),
    ("forward", One(&NOTHING)),
    ("move", One(&NOTHING)),
    ("permanentDelete", One(&NOTHING)),
    ("reply", One(&NOTHING)),
    ("replyAll", One(&NOTHING)),
    ("send", One(&NOTHING)),
]);

/// Refuses a path below `/v1.0` that isn't served: as not served where Graph has it, else as not
/// there. Names match in any case, with and without namespace and parameters.
pub(super) fn refuse(segments: &[&str]) -> Error {
    let (mut kind, mut last) = (&ROOT, "");
    let mut rest = segments.iter();
    while let Some(segment) = rest.next() {
        let given = segment.split('(').next().unwrap_or_default();
        let given = given.strip_prefix("microsoft.graph.").unwrap_or(given);
        let member = kind.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(given));
        let Some((name, next)) = member else { return Error::no_such_path(segment) };
        last = name;
        kind = match next {
            One(kind) => kind,
            Many(kind) => match rest.next() {
                Some(end) if is_of_collection(end) => {
                    last = end;
                    &NOTHING
                }
                Some(_) | None => kind,
            },
            Any => break,
        };
    }
    match segments {
        [] => Error::no_such_path(""),
        [..] => Error::not_served(last),
    }
}

/// Whether a segment behind a collection is no id.
fn is_of_collection(segment: &str) -> bool {
    let name = segment.trim_start_matches("microsoft.graph.").trim_end_matches("()");
    ["$count", "delta", "createUploadSession"].iter().any(|known| known.eq_ignore_ascii_case(name))
}
