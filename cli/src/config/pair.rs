//! A pair that a run can use.

use super::nearest::suggestion;
use super::raw::{self, Attendees, Selection};
use super::{Config, Place, Window, rules};
use crate::calendars;
use items::Travel;
use sync_core::policy::{Brake, Conflicts, Direction};

/// Two mailboxes to keep the same.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Its name.
    pub name: String,
    /// The first side.
    pub a: Side,
    /// The second side.
    pub b: Side,
    /// Which calendars.
    pub calendars: Calendars,
    /// Which side is written to.
    pub direction: Direction,
    /// What to do with conflicts.
    pub conflicts: Conflicts,
    /// How much one run may delete and rewrite.
    pub brake: Brake,
    /// Which stretch of time; everything without.
    pub window: Option<Window>,
    /// How people travel.
    pub travel: Travel,
    /// The settings whose change means that deletes may not be meant, as they are written.
    pub filter: String,
}

/// One side of a pair.
#[derive(Debug, Clone)]
pub struct Side {
    /// The endpoint's name.
    pub endpoint: String,
    /// Where it is.
    pub place: Place,
    /// The mailbox there.
    pub mailbox: String,
}

/// Which calendars are kept the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Calendars {
    /// All.
    All,
    /// These: the name in a, and the name in b.
    Named(Vec<(String, String)>),
}

impl Pair {
    /// The pair called `name`, or all that is wrong with it.
    pub fn of(config: &Config, name: &str) -> Result<Self, Vec<String>> {
        let Some(raw) = config.file.pair.get(name) else {
            return Err(vec![format!("there is no [pair.{name}]")]);
        };
        let mut problems = unsupported(name, raw);
        let mut add = |key: &str, sentence: String| {
            problems.push(format!("pair.{name}.{key}: {sentence}"));
        };
        let calendars = calendars(&raw.calendars).map_err(|e| add("calendars", e)).ok();
        let brake = rules::brake(&raw.max_delete).map_err(|e| add("max-delete", e)).ok();
        let conflicts = rules::conflicts(&raw.conflicts)
            .map_err(|errors| errors.into_iter().for_each(|(key, e)| add(&key, e)))
            .ok();
        let window = raw.window.as_ref().map(Window::parse).transpose();
        let window = window.map_err(|(key, e)| add(key, e)).ok();
        let a = side(config, &raw.a).map_err(|e| add("a", e)).ok().flatten();
        let b = side(config, &raw.b).map_err(|e| add("b", e)).ok().flatten();
        for side in [&raw.a, &raw.b] {
            if let Some(endpoint) = config.file.endpoint.get(&side.endpoint) {
                let found = Place::of(config, &side.endpoint, endpoint).err().unwrap_or_default();
                problems.extend(found);
            }
        }
        let same =
            raw.a.endpoint == raw.b.endpoint && raw.a.mailbox.eq_ignore_ascii_case(&raw.b.mailbox);
        if same {
            problems.push(format!("pair.{name}: a and b are the same mailbox; name two"));
        }
        let pair = (|| {
            Some(Self {
                name: name.to_owned(),
                a: a?,
                b: b?,
                calendars: calendars?,
                direction: rules::direction(raw.direction),
                conflicts: conflicts?,
                brake: brake?,
                window: window?,
                travel: travel(raw.attendees),
                filter: serde_json::json!([raw.calendars, raw.window]).to_string(),
            })
        })();
        match pair {
            Some(pair) if problems.is_empty() => Ok(pair),
            Some(_) | None => Err(problems),
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {} ({})", self.mailbox, self.endpoint, self.place.kind().as_str())
    }
}

/// What the configuration may ask for and this version can't do.
fn unsupported(name: &str, raw: &raw::Pair) -> Vec<String> {
    let mut problems = vec![];
    if name.ends_with(calendars::OF_PAIR) {
        problems.push(format!(
            "pair.\"{name}\": what ends in {} is the list of a pair's calendars; choose another name",
            calendars::OF_PAIR
        ));
    }
    match &raw.mail {
        Selection::Flag(false) => {}
        Selection::Flag(true)
        | Selection::Word(_)
        | Selection::Names(_)
        | Selection::Renamed(_) => problems.push(format!(
            "pair.{name}.mail: this version keeps calendars the same, not yet mail; write mail = false"
        )),
    }
    problems
}

const fn travel(attendees: Attendees) -> Travel {
    match attendees {
        Attendees::Carry => Travel::Carry,
        Attendees::Note => Travel::Note,
        Attendees::Write => Travel::Write,
    }
}

fn side(config: &Config, raw: &raw::Side) -> Result<Option<Side>, String> {
    if raw.mailbox.trim().is_empty() {
        return Err("the mailbox has no name".to_owned());
    }
    let Some(endpoint) = config.file.endpoint.get(&raw.endpoint) else {
        let known = config.file.endpoint.keys().map(String::as_str);
        return Err(format!(
            "there is no [endpoint.{}]{}",
            raw.endpoint,
            suggestion(&raw.endpoint, known)
        ));
    };
    // What is wrong with the endpoint itself is told once, at the endpoint.
    let place = Place::of(config, &raw.endpoint, endpoint).ok();
    Ok(place.map(|place| Side {
        endpoint: raw.endpoint.clone(),
        place,
        mailbox: raw.mailbox.trim().to_owned(),
    }))
}

fn calendars(selection: &Selection) -> Result<Calendars, String> {
    let nothing = || "nothing is kept the same; name a calendar, as [\"Calendar\"]".to_owned();
    let named = match selection {
        Selection::Word(word) if word == "all" => return Ok(Calendars::All),
        Selection::Word(word) => {
            return Err(format!("`{word}` is neither \"all\" nor a list; write [\"{word}\"]"));
        }
        Selection::Flag(true) => return Err("write \"all\" for all calendars".to_owned()),
        Selection::Flag(false) => return Err(nothing()),
        Selection::Names(names) => names.iter().map(|n| (n.clone(), n.clone())).collect(),
        Selection::Renamed(names) => {
            names.iter().map(|(a, b)| (a.clone(), b.clone())).collect::<Vec<_>>()
        }
    };
    if named.is_empty() {
        return Err(nothing());
    }
    for (position, (a, b)) in named.iter().enumerate() {
        if a.trim().is_empty() || b.trim().is_empty() {
            return Err("a calendar has no name".to_owned());
        }
        let twice = |(other_a, other_b): &(String, String)| other_a == a || other_b == b;
        if named[..position].iter().any(twice) {
            return Err(format!("a calendar is named twice ({a} = {b})"));
        }
    }
    Ok(Calendars::Named(named))
}
