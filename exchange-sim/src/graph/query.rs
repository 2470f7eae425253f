//! Query options of a request.

use super::error::Error;
use super::filter::Filter;
use crate::Request;
use crate::store::PropertyId;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Query options; names are matched without case, and `$` may be missing, as the service does.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pub(super) top: Option<usize>,
    pub(super) skip: usize,
    pub(super) count: bool,
    pub(super) select: Option<Vec<String>>,
    pub(super) filter: Option<Filter>,
    pub(super) order: Vec<Order>,
    pub(super) expand: Vec<PropertyId>,
    /// `$expand=exceptionOccurrences`.
    pub(super) exceptions: Option<Expanded>,
    /// `$expand=attachments`.
    pub(super) attachments: Option<Expanded>,
    /// `$expand=microsoft.graph.itemAttachment/item`.
    pub(super) attached_items: bool,
    /// `$expand=microsoft.graph.eventMessage/event`.
    pub(super) event: bool,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    pub(super) token: Option<String>,
    /// `changeType`, of message deltas.
    pub(super) change_type: Option<ChangeType>,
    /// The options as given, by normalised name, to be repeated in a nextLink.
    pub(super) given: Vec<Given>,
}

/// An option as the client wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// What is expanded, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    /// The members selected inside, all of them by default.
    pub(super) select: Option<Vec<String>>,
}

/// The changes that a delta is asked for (docs: message-delta).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeType {
    Created,
    Updated,
    Deleted,
}

/// One term of `$orderby`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) path: String,
    pub(super) descending: bool,
}

/// Which options a request may carry, and what becomes of others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowed {
    pub(super) options: &'static [&'static str],
    /// Refuses others, as the service does; else they are ignored.
    pub(super) strict: bool,
}

/// Options of plain lists.
pub(super) const LIST: &[&str] =
    &["$top", "$skip", "$count", "$select", "$filter", "$orderby", "$expand"];
/// Options of `$count`.
pub(super) const COUNT: &[&str] = &["$filter"];
/// Options of a single resource.
pub(super) const SINGLE: &[&str] = &["$select", "$expand"];
/// Options of a calendar view.
pub(super) const VIEW: &[&str] = &[
    "$top",
    "$skip",
    "$count",
    "$select",
    "$filter",
    "$orderby",
    "$expand",
    "startDateTime",
    "endDateTime",
];
/// Options of event deltas (docs: event-delta; `$select` and the like are unsupported).
pub(super) const DELTA: &[&str] = &["startDateTime", "endDateTime", "$skiptoken", "$deltatoken"];
/// Options of deltas of folders, and of the items of import and export.
pub(super) const PLAIN_DELTA: &[&str] = &["$select", "$skiptoken", "$deltatoken"];
/// Options of message deltas (docs: message-delta).
pub(super) const MESSAGE_DELTA: &[&str] = &[
    "$select",
    "$top",
    "$expand",
    "$filter",
    "$orderby",
    "changeType",
    "$skiptoken",
    "$deltatoken",
];
/// No options at all.
pub(super) const NONE: &[&str] = &[];

const TOP_MAX: usize = 1000;

/// What Graph expands in events and messages and this server doesn't.
const ELSEWHERE: [&str; 1] = ["extensions"];
/// The event of a meeting message (docs: eventmessage-get).
const EVENT_OF_MESSAGE: &str = "microsoft.graph.eventMessage/event";
/// The item of an attachment (docs: attachment-get).
const ATTACHED_ITEM: &str = "microsoft.graph.itemAttachment/item";

impl Query {
    /// Reads the options of a request.
    pub(super) fn read(request: &Request, allowed: Allowed) -> Result<Self, Error> {
        Self::parse(request.uri().query().unwrap_or_default(), allowed)
    }

    /// Reads options as a URL has them.
    pub(super) fn parse(text: &str, allowed: Allowed) -> Result<Self, Error> {
        let mut query = Self::default();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if name.is_empty() {
                continue;
            }
            let plain = name.trim_start_matches('$');
            let known = allowed
                .options
                .iter()
                .copied()
                .find(|known| known.trim_start_matches('$').eq_ignore_ascii_case(plain));
            match known {
                Some(known) => {
                    query.take(known, &value)?;
                    query.given.push(Given { name: known, value: value.into_owned() });
                }
                None if allowed.strict && name.starts_with('$') => {
                    return Err(Error::query(format!(
                        "The query parameter '{name}' is not supported."
                    )));
                }
                // Custom options pass, as OData asks of services.
                None => {}
            }
        }
        Ok(query)
    }

    /// The options without the token, to be kept with it.
    pub(super) fn to_keep(&self) -> String {
        let kept = self.given.iter().filter(|given| !given.name.ends_with("token"));
        let pairs = kept.map(|given| (given.name, &given.value));
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let invalid =
            || Error::query(format!("Invalid value '{value}' for the query option '{name}'."));
        match name {
            "$top" => match value.parse::<usize>() {
                Ok(top) if (1..=TOP_MAX).contains(&top) => self.top = Some(top),
                _ => return Err(invalid()),
            },
            "$skip" => self.skip = value.parse().map_err(|_| invalid())?,
            "$count" => self.count = value.eq_ignore_ascii_case("true"),
            "$select" => self.select = Some(names(value)),
            "$filter" => self.filter = Some(Filter::parse(value)?),
            "$orderby" => self.order = order(value),
            "$expand" => self.expand(value)?,
            "startDateTime" => self.start = Some(instant(value).ok_or_else(invalid)?),
            "endDateTime" => self.end = Some(instant(value).ok_or_else(invalid)?),
            "changeType" => {
                self.change_type = Some(match value {
                    "created" => ChangeType::Created,
                    "updated" => ChangeType::Updated,
                    "deleted" => ChangeType::Deleted,
                    _ => return Err(invalid()),
                });
            }
            "$skiptoken" | "$deltatoken" => self.token = Some(value.to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// `exceptionOccurrences`, `singleValueExtendedProperties($filter=id eq '…' or id eq '…')`, the
    /// same with multiValue.
    fn expand(&mut self, value: &str) -> Result<(), Error> {
        let unsupported =
            || Error::query(format!("Parsing OData Select and Expand failed: '{value}'."));
        for part in split_outside(value).into_iter().map(str::trim) {
            let (name, options) = match part.split_once('(') {
                None => (part, None),
                Some((name, options)) => {
                    let options = options.strip_suffix(')').ok_or_else(unsupported)?;
                    (name.trim(), Some(options.split_once('=').ok_or_else(unsupported)?))
                }
            };
            let is = |known: &str| known.eq_ignore_ascii_case(name);
            match options.map(|(option, value)| (option.trim(), value)) {
                _ if ELSEWHERE.into_iter().any(is) => {
                    let message = format!("The built-in Exchange doesn't expand '{name}'.");
                    return Err(Error::new(501, "NotImplemented", message));
                }
                None if is("attachments") => self.attachments = Some(Expanded::default()),
                Some(("$select", value)) if is("attachments") => {
                    self.attachments = Some(Expanded { select: Some(names(value)) });
                }
                None if is(ATTACHED_ITEM) => self.attached_items = true,
                None if is(EVENT_OF_MESSAGE) => self.event = true,
                Some(("$expand", value))
                    if is(ATTACHED_ITEM)
                        && value.to_ascii_lowercase().ends_with("/attachments") =>
                {
                    self.attached_items = true;
                    self.attachments = Some(Expanded::default());
                }
                None if is("exceptionOccurrences") => self.exceptions = Some(Expanded::default()),
                Some(("$select", value)) if is("exceptionOccurrences") => {
                    self.exceptions = Some(Expanded { select: Some(names(value)) });
                }
                Some(("$filter", filter))
                    if is("singleValueExtendedProperties")
                        || is("multiValueExtendedProperties") =>
                {
                    self.expand.extend(properties(filter)?.ok_or_else(unsupported)?);
                }
                Some(_) | None => return Err(unsupported()),
            }
        }
        Ok(())
    }
}

fn names(value: &str) -> Vec<String> {
    let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The extended properties that a filter names; `None` where it names none.
fn properties(filter: &str) -> Result<Option<Vec<PropertyId>>, Error> {
    let quoted = filter.split('\'').skip(1).step_by(2);
    let ids = quoted.map(|text| {
        PropertyId::parse(text).ok_or_else(|| {
            Error::new(
                400,
                "ErrorInvalidProperty",
                format!("The property Id '{text}' for extended property is invalid."),
            )
        })
    });
    let ids: Vec<PropertyId> = ids.collect::<Result<_, _>>()?;
    Ok((!ids.is_empty()).then_some(ids))
}

/// An offset in the value counts; without one it is UTC (docs: event-delta).
fn instant(value: &str) -> Option<Timestamp> {
    let value = value.trim();
    // A plus sign that was not percent-encoded arrives as a blank.
    let value = value.replace(' ', "+");
    if let Ok(instant) = value.parse::<Timestamp>() {
        return Some(instant);
    }
    let wall: DateTime = value.parse().ok()?;
    TimeZone::UTC.to_timestamp(wall).ok()
}

fn order(value: &str) -> Vec<Order> {
    value
        .split(',')
        .filter_map(|term| {
            let mut words = term.split_whitespace();
            let path = words.next()?.to_owned();
            let descending = words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc"));
            Some(Order { path, descending })
        })
        .collect()
}

fn split_outside(value: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut depth, mut quoted) = (0, 0_usize, false);
    for (at, character) in value.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                parts.push(&value[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&value[from..]);
    parts
}
