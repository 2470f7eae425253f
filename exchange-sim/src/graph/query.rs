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
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    pub(super) token: Option<String>,
    /// The options as given, by normalised name, to be repeated in a nextLink.
    pub(super) given: Vec<Given>,
}

/// An option as the client wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) name: &'static str,
    pub(super) value: String,
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
/// Options of message deltas; the tokens keep `$select`.
pub(super) const MESSAGE_DELTA: &[&str] = &["$select", "$skiptoken", "$deltatoken"];
/// No options at all.
pub(super) const NONE: &[&str] = &[];

const TOP_MAX: usize = 1000;

/// What Graph expands in events and messages and this server doesn't.
const ELSEWHERE: [&str; 3] = ["attachments", "extensions", "microsoft.graph.eventMessage/event"];

impl Query {
    /// Reads the options.
    pub(super) fn read(request: &Request, allowed: Allowed) -> Result<Self, Error> {
        let mut query = Self::default();
        let text = request.uri().query().unwrap_or_default();
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
            "$select" => {
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                self.select = Some(names.map(str::to_owned).collect());
            }
            "$filter" => self.filter = Some(Filter::parse(value)?),
            "$orderby" => self.order = order(value),
            "$expand" => self.expand = expand(value)?,
            "startDateTime" => self.start = Some(instant(value).ok_or_else(invalid)?),
            "endDateTime" => self.end = Some(instant(value).ok_or_else(invalid)?),
            "$skiptoken" | "$deltatoken" => self.token = Some(value.to_owned()),
            _ => {}
        }
        Ok(())
    }
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

/// `singleValueExtendedProperties($filter=id eq '…' or id eq '…')`, the same with multiValue.
fn expand(value: &str) -> Result<Vec<PropertyId>, Error> {
    let unsupported =
        || Error::query(format!("Parsing OData Select and Expand failed: '{value}'."));
    let mut ids = Vec::new();
    for part in split_outside(value) {
        let part = part.trim();
        let wanted = part.split('(').next().unwrap_or_default();
        if let Some(known) = ELSEWHERE.iter().find(|known| known.eq_ignore_ascii_case(wanted)) {
            let message = format!("The built-in Exchange doesn't expand '{known}'.");
            return Err(Error::new(501, "NotImplemented", message));
        }
        let (name, options) = part.split_once('(').ok_or_else(unsupported)?;
        let known = ["singleValueExtendedProperties", "multiValueExtendedProperties"];
        if !known.iter().any(|known| known.eq_ignore_ascii_case(name.trim())) {
            return Err(unsupported());
        }
        let options = options.strip_suffix(')').ok_or_else(unsupported)?;
        let (option, filter) = options.split_once('=').ok_or_else(unsupported)?;
        if !option.trim().eq_ignore_ascii_case("$filter") {
            return Err(unsupported());
        }
        let before = ids.len();
        for text in filter.split('\'').skip(1).step_by(2) {
            ids.push(PropertyId::parse(text).ok_or_else(|| {
                Error::new(
                    400,
                    "ErrorInvalidProperty",
                    format!("The property Id '{text}' for extended property is invalid."),
                )
            })?);
        }
        if ids.len() == before {
            return Err(unsupported());
        }
    }
    Ok(ids)
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
