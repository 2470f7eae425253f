//! Paths below `/v1.0`.

use super::attachments::Owner;
use super::call::{CalendarRef, decode};
use super::elsewhere;
use super::error::Error;
use super::messages::Action;
use super::query::{self, Query};
use super::respond;
use http::Method;

/// The user segment of `/me`.
pub(super) const ME: &str = "me";

/// A path understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// The user named, by address.
    pub(super) user: String,
    /// What of the user's.
    pub(super) target: Target,
    /// Whether only the number of what it lists is asked for: `$count` behind it.
    pub(super) counts: bool,
}

/// What a path names. Events without a calendar are those of the whole mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    User,
    Calendars,
    Calendar(CalendarRef),
    Events(Option<CalendarRef>),
    EventsDelta(CalendarRef),
    Event(Option<CalendarRef>, String),
    Instances(Option<CalendarRef>, String),
    PermanentDelete(Option<CalendarRef>, String),
    /// An action on a meeting.
    Respond(Option<CalendarRef>, String, respond::Action),
    View(CalendarRef),
    /// Any of a user's calendars: the answer is about others.
    Schedule,
    ViewDelta(CalendarRef),
    MailFolders,
    MailFoldersDelta,
    MailFolder(String),
    ChildFolders(String),
    MoveFolder(String),
    CopyFolder(String),
    PurgeFolder(String),
    /// Messages without a folder are those of the whole mailbox.
    Messages(Option<String>),
    MessagesDelta(String),
    Message(Option<String>, String),
    /// A message in MIME.
    MessageValue(Option<String>, String),
    Act(Option<String>, String, Action),
    Attached(Owner, Attached),
    SendMail,
    Categories,
    Category(String),
    Settings,
    Setting(String),
    /// Which mailboxes the user has.
    ExchangeSettings,
}

/// What of an item's attachments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attached {
    All,
    Count,
    One(String),
    Value(String),
    UploadSession,
}

impl Route {
    pub(super) fn parse(path: &str) -> Result<Self, Error> {
        let segments = segments(path);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let lower: Vec<String> = segments.iter().map(|s| s.to_ascii_lowercase()).collect();
        let (user, from) = match lower.first().map(String::as_str) {
            Some(ME) => (ME, 1),
            Some("users") if segments.len() > 1 && !lower[1].starts_with('$') => (segments[1], 2),
            Some(_) | None => return Err(elsewhere::refuse(&segments)),
        };
        let (user, last) = (user.to_owned(), segments.len() - 1);
        if lower[last] == "$count"
            && let Some(target) = target(&segments[from..last], &lower[from..last])?
            && target.is_counted()
        {
            return Ok(Self { user, target, counts: true });
        }
        match target(&segments[from..], &lower[from..])? {
            Some(target) => Ok(Self { user, target, counts: false }),
            None => Err(elsewhere::refuse(&segments)),
        }
    }

    /// The application permissions of which one is needed; `None` where any token will do.
    pub(super) fn needs(&self, method: &Method) -> Option<&'static [&'static str]> {
        let reads = method == Method::GET;
        match &self.target {
            Target::User => None,
            Target::Schedule => {
                Some(&["Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite"])
            }
            Target::MailFolders
            | Target::MailFoldersDelta
            | Target::MailFolder(_)
            | Target::ChildFolders(_)
                if reads =>
            {
                Some(&["Mail.ReadBasic.All", "Mail.Read", "Mail.ReadWrite"])
            }
            Target::Messages(_)
            | Target::MessagesDelta(_)
            | Target::Message(..)
            | Target::MessageValue(..)
            | Target::Attached(Owner::Message(..), _)
                if reads =>
            {
                Some(&["Mail.Read", "Mail.ReadWrite"])
            }
            Target::SendMail | Target::Act(_, _, Action::Send) => Some(&["Mail.Send"]),
            // docs: usersettings-list-exchange
            Target::ExchangeSettings => Some(&["User.Read.All", "User.ReadWrite.All"]),
            Target::MailFolders
            | Target::MailFoldersDelta
            | Target::MailFolder(_)
            | Target::ChildFolders(_)
            | Target::MoveFolder(_)
            | Target::PurgeFolder(_)
            | Target::CopyFolder(_)
            | Target::Messages(_)
            | Target::MessagesDelta(_)
            | Target::Message(..)
            | Target::MessageValue(..)
            | Target::Attached(Owner::Message(..), _)
            | Target::Act(..) => Some(&["Mail.ReadWrite"]),
            Target::Categories | Target::Category(_) | Target::Settings | Target::Setting(_)
                if reads =>
            {
                Some(&["MailboxSettings.Read", "MailboxSettings.ReadWrite"])
            }
            Target::Categories | Target::Category(_) | Target::Settings | Target::Setting(_) => {
                Some(&["MailboxSettings.ReadWrite"])
            }
            Target::Calendars
            | Target::Calendar(_)
            | Target::Events(_)
            | Target::EventsDelta(_)
            | Target::Event(..)
            | Target::Instances(..)
            | Target::PermanentDelete(..)
            | Target::Respond(..)
            | Target::Attached(Owner::Event(..), _)
            | Target::View(_)
            | Target::ViewDelta(_) => {
                if reads {
                    Some(&["Calendars.Read", "Calendars.ReadWrite"])
                } else {
                    Some(&["Calendars.ReadWrite"])
                }
            }
        }
    }

    /// Refuses to expand what only events have in anything else.
    pub(super) fn check_expand(&self, query: &Query) -> Result<(), Error> {
        let of_events = matches!(
            self.target,
            Target::Events(_) | Target::Event(..) | Target::View(_) | Target::Instances(..)
        );
        if of_events || query.exceptions.is_none() {
            return Ok(());
        }
        Err(Error::query(
            "Parsing OData Select and Expand failed: Could not find a property named \
             'exceptionOccurrences'.",
        ))
    }

    /// The query options allowed.
    pub(super) fn options(&self, method: &Method) -> &'static [&'static str] {
        if method != Method::GET {
            return query::NONE;
        }
        if self.counts {
            return query::COUNT;
        }
        match &self.target {
            Target::User | Target::Calendar(_) | Target::MailFolder(_) => query::SINGLE,
            Target::Event(..) | Target::Message(..) => query::SINGLE,
            Target::Category(_) | Target::Settings | Target::Setting(_) => query::SINGLE,
            Target::Calendars | Target::MailFolders | Target::Events(_) => query::LIST,
            Target::ChildFolders(_) | Target::Messages(_) | Target::Categories => query::LIST,
            Target::View(_) | Target::Instances(..) => query::VIEW,
            Target::Schedule | Target::ExchangeSettings => query::NONE,
            Target::Attached(_, Attached::All) => query::LIST,
            Target::Attached(_, Attached::One(_)) => query::SINGLE,
            Target::Attached(..) => query::NONE,
            Target::ViewDelta(_) | Target::EventsDelta(_) => query::DELTA,
            Target::MessagesDelta(_) => query::MESSAGE_DELTA,
            Target::MailFoldersDelta => query::PLAIN_DELTA,
            Target::PurgeFolder(_) => query::NONE,
            Target::PermanentDelete(..) | Target::MoveFolder(_) | Target::CopyFolder(_) => {
                query::NONE
            }
            Target::MessageValue(..) => query::NONE,
            Target::Act(..) | Target::Respond(..) | Target::SendMail => query::NONE,
        }
    }
}

impl Target {
    /// Whether `$count` may follow.
    fn is_counted(&self) -> bool {
        matches!(
            self,
            Self::Calendars
                | Self::Events(_)
                | Self::MailFolders
                | Self::ChildFolders(_)
                | Self::Messages(_)
                | Self::Categories
        )
    }
}

/// Decoded segments; `events('X')` is another way to write `events/X`.
pub(super) fn segments(path: &str) -> Vec<String> {
    let mut segments = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()).map(decode) {
        match segment.strip_suffix("')").and_then(|segment| segment.split_once("('")) {
            Some((name, key)) => segments.extend([name.to_owned(), key.replace("''", "'")]),
            None => segments.push(segment),
        }
    }
    segments
}

/// The service's words for a delta that only its description has (microsoftgraph/msgraph-metadata
/// #607 and #608).
pub(super) fn untracked(kind: &str) -> Error {
    Error::bad_request(format!(
        "Unsupported request: Change tracking is not supported against 'microsoft.graph.{kind}'."
    ))
}

/// What the segments below a user name; `None` where nothing that is served.
fn target(segments: &[&str], lower: &[String]) -> Result<Option<Target>, Error> {
    if let Some(at) = lower.iter().position(|segment| segment == "attachments") {
        let item = target(&segments[..at], &lower[..at])?;
        return Ok(item.and_then(|item| attached(item, &segments[at + 1..])));
    }
    if is_nested(lower) {
        let (segments, lower) =
            ([&segments[..1], &segments[3..]].concat(), [&lower[..1], &lower[3..]].concat());
        return target(&segments, &lower);
    }
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let id = |at: usize| segments[at].to_owned();
    let lower = lower.as_slice();
    Ok(Some(match lower {
        [] => Target::User,
        ["calendars"] => Target::Calendars,
        ["mailfolders"] => Target::MailFolders,
        ["mailfolders", delta] if is_delta(delta) => Target::MailFoldersDelta,
        ["mailfolders", _] => Target::MailFolder(id(1)),
        ["mailfolders", _, "childfolders"] => Target::ChildFolders(id(1)),
        ["mailfolders", _, "move"] => Target::MoveFolder(id(1)),
        ["mailfolders", _, "copy"] => Target::CopyFolder(id(1)),
        ["mailfolders", _, "permanentdelete"] => Target::PurgeFolder(id(1)),
        ["mailfolders", _, "messages", rest @ ..] => {
            return in_messages(Some(id(1)), &segments[3..], rest);
        }
        ["messages", rest @ ..] => return in_messages(None, &segments[1..], rest),
        ["outlook", "mastercategories"] => Target::Categories,
        ["outlook", "mastercategories", key] if !key.starts_with('$') => Target::Category(id(2)),
        ["settings", "exchange"] => Target::ExchangeSettings,
        ["mailboxsettings"] => Target::Settings,
        ["mailboxsettings", _] => Target::Setting(id(1)),
        ["sendmail" | "microsoft.graph.sendmail"] => Target::SendMail,
        ["calendar", rest @ ..] => {
            return Ok(in_calendar(CalendarRef::Default, &segments[1..], rest));
        }
        ["calendars", _, rest @ ..] => {
            return Ok(in_calendar(CalendarRef::Id(id(1)), &segments[2..], rest));
        }
        ["events"] => Target::Events(None),
        ["events", delta] if is_delta(delta) => Target::EventsDelta(CalendarRef::Default),
        ["events", _] => Target::Event(None, id(1)),
        ["events", _, "instances"] => Target::Instances(None, id(1)),
        ["events", _, "permanentdelete"] => Target::PermanentDelete(None, id(1)),
        ["events", _, action] => return Ok(act_on(None, id(1), action)),
        ["calendarview"] => Target::View(CalendarRef::Default),
        ["calendarview", delta] if is_delta(delta) => Target::ViewDelta(CalendarRef::Default),
        [..] => return Ok(None),
    }))
}

/// Whether the path goes through a folder to one below it, whose id alone would do.
fn is_nested(lower: &[String]) -> bool {
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match lower.as_slice() {
        ["mailfolders", _, "childfolders", id, ..] => !is_delta(id) && *id != "$count",
        [..] => false,
    }
}

/// What follows `attachments`, of the item before it.
fn attached(item: Target, rest: &[&str]) -> Option<Target> {
    let owner = if let Target::Event(calendar, id) = item {
        Owner::Event(calendar, id)
    } else if let Target::Message(folder, id) = item {
        Owner::Message(folder, id)
    } else {
        return None;
    };
    let is = |name: &str, known: &str| {
        let name = name.trim_start_matches("microsoft.graph.");
        name.eq_ignore_ascii_case(known)
    };
    let what = match rest {
        [] => Attached::All,
        ["$count"] => Attached::Count,
        [action] if is(action, "createUploadSession") => Attached::UploadSession,
        [id] => Attached::One((*id).to_owned()),
        [id, "$value"] => Attached::Value((*id).to_owned()),
        [..] => return None,
    };
    Some(Target::Attached(owner, what))
}

fn in_calendar(calendar: CalendarRef, segments: &[&str], lower: &[&str]) -> Option<Target> {
    let id = |at: usize| segments[at].to_owned();
    Some(match lower {
        [] => Target::Calendar(calendar),
        ["events"] => Target::Events(Some(calendar)),
        ["events", delta] if is_delta(delta) => Target::EventsDelta(calendar),
        ["events", _] => Target::Event(Some(calendar), id(1)),
        ["events", _, "instances"] => Target::Instances(Some(calendar), id(1)),
        ["events", _, "permanentdelete"] => Target::PermanentDelete(Some(calendar), id(1)),
        ["events", _, action] => return act_on(Some(calendar), id(1), action),
        ["getschedule" | "microsoft.graph.getschedule"] => Target::Schedule,
        ["calendarview"] => Target::View(calendar),
        ["calendarview", delta] if is_delta(delta) => Target::ViewDelta(calendar),
        [..] => return None,
    })
}

/// What is done with a meeting.
fn act_on(calendar: Option<CalendarRef>, id: String, action: &str) -> Option<Target> {
    respond::Action::parse(action).map(|action| Target::Respond(calendar, id, action))
}

fn in_messages(
    folder: Option<String>,
    segments: &[&str],
    rest: &[&str],
) -> Result<Option<Target>, Error> {
    Ok(Some(match rest {
        [] => Target::Messages(folder),
        [delta] if is_delta(delta) => match folder {
            Some(folder) => Target::MessagesDelta(folder),
            // The service has it for folders only (docs: message-delta).
            None => return Err(untracked("message")),
        },
        [_] => Target::Message(folder, segments[0].to_owned()),
        [_, "$value"] => Target::MessageValue(folder, segments[0].to_owned()),
        [_, action] => match Action::parse(action) {
            Some(action) => Target::Act(folder, segments[0].to_owned(), action),
            None => return Ok(None),
        },
        [..] => return Ok(None),
    }))
}

fn is_delta(segment: &str) -> bool {
    matches!(segment, "delta" | "delta()" | "microsoft.graph.delta" | "microsoft.graph.delta()")
}
