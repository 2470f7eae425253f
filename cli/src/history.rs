//! An item's past: its records, and its link as it was before each.

use crate::contents::{Contents, UNKNOWN, head};
use crate::exit::Problem;
use crate::output::short;
use std::collections::{BTreeMap, BTreeSet};
use store_sqlite::SqliteStore;
use sync_core::explain;
use sync_core::ids::{Digest, Field, LinkId, ReplicaId};
use sync_core::journal::{Carry, Conflicted, Entry, Op, Record, Seq, Sight};
use sync_core::port::{Error, Store};
use sync_core::state::{Link, State};

/// Widest value shown, in characters.
const WIDTH: usize = 70;

/// One record of an item's past.
pub struct Moment {
    /// The record.
    pub record: Record,
    /// The link that it is about: the item's, or one that was joined with it.
    pub link: LinkId,
    /// That link just before; none where the record is its first.
    pub before: Option<Link>,
}

/// The past of `link`, oldest first.
pub fn of(store: &SqliteStore, link: LinkId) -> Result<Vec<Moment>, Problem> {
    let past = gather(store, link)?;
    let pair = match past.records.values().next() {
        Some(record) => record.pair.clone(),
        None => return Ok(vec![]),
    };
    let mut state = State::new(pair.clone());
    // The rules of today serve the fold; what was decided stands in the records.
    state.head.policy = head(store, &pair)?.policy;
    let mut moments = vec![];
    for record in past.records.into_values() {
        for id in record.entry.touches().into_iter().filter(|id| past.own.contains(id)) {
            let before = state.links.get(&id).cloned();
            moments.push(Moment { record: record.clone(), link: id, before });
        }
        state
            .apply(&record)
            .map_err(|e| Problem::failed(format!("the journal is damaged: {e}")))?;
    }
    // Joining two links touches both, and is told once.
    moments.dedup_by(|later, earlier| {
        later.record.seq == earlier.record.seq
            && matches!(later.record.entry, Entry::Matched { .. })
    });
    Ok(moments)
}

struct Past {
    records: BTreeMap<Seq, Record>,
    /// The link and those that were joined with it.
    own: BTreeSet<LinkId>,
}

/// All records that the fold of `link` needs: its own, and those of links that it was joined with,
/// came from, or yields to.
fn gather(store: &SqliteStore, link: LinkId) -> Result<Past, Error> {
    let mut past = Past { records: BTreeMap::new(), own: BTreeSet::from([link]) };
    let mut read = BTreeSet::new();
    let mut unread = vec![link];
    while let Some(id) = unread.pop() {
        if !read.insert(id) {
            continue;
        }
        for record in store.history(id)? {
            if let Entry::Matched { link, absorbed, .. } = &record.entry
                && past.own.contains(link)
            {
                past.own.insert(*absorbed);
            }
            let joins = matches!(
                record.entry,
                Entry::Matched { .. } | Entry::Forked { .. } | Entry::Twinned { .. }
            );
            if joins {
                unread.extend(record.entry.touches());
            }
            past.records.insert(record.seq, record);
        }
    }
    Ok(past)
}

impl Moment {
    /// What happened, in one sentence without values.
    pub fn sentence(&self) -> String {
        explain::sentence(self.link, &self.record)
    }

    /// Whether something was decided here.
    pub fn is_decision(&self) -> bool {
        match self.record.entry {
            Entry::Matched { .. }
            | Entry::Agreed { .. }
            | Entry::Intended(_)
            | Entry::Conflicted(_)
            | Entry::Resolved { .. }
            | Entry::Forked { .. }
            | Entry::Twinned { .. }
            | Entry::Held { .. }
            | Entry::Released { .. } => true,
            Entry::Opened { .. }
            | Entry::Configured(_)
            | Entry::Observed(_)
            | Entry::CursorLost { .. }
            | Entry::Settled { .. }
            | Entry::Braked { .. }
            | Entry::Accepted { .. }
            | Entry::Closed { .. } => false,
        }
    }

    /// How each side stood to its own past just before.
    pub fn standings(&self) -> Vec<String> {
        match &self.before {
            Some(link) => explain::standings(link, [ReplicaId::A, ReplicaId::B]),
            None => vec![],
        }
    }

    /// The values that it was about, a line each.
    pub fn values(&self, contents: Contents<'_>) -> Result<Vec<String>, Error> {
        if let Entry::Observed(observed) = &self.record.entry {
            let sights = observed.sightings.iter().filter(|s| s.link == self.link);
            let mut lines = vec![];
            for sighting in sights {
                if let Sight::Present { rendition, .. } = &sighting.sight {
                    lines.extend(self.seen(contents, observed.replica, rendition)?);
                }
            }
            return Ok(lines);
        }
        if let Entry::Intended(intent) = &self.record.entry {
            return written(contents, &intent.plan);
        }
        if let Entry::Conflicted(conflict) = &self.record.entry {
            return sides(contents, conflict);
        }
        Ok(vec![])
    }

    /// What a copy shows that it didn't show before.
    fn seen(
        &self,
        contents: Contents<'_>,
        replica: ReplicaId,
        now: &sync_core::value::Rendition,
    ) -> Result<Vec<String>, Error> {
        let leg = self.before.as_ref().and_then(|link| link.legs.get(&replica));
        let Some(leg) = leg else {
            return Ok(vec![format!("“{}”", contents.title(now.content)?)]);
        };
        let then = leg.rendition();
        let old = then.and_then(|r| r.content).or(leg.base.as_ref().and_then(|b| b.content));
        let mut lines = vec![];
        for (field, value) in &now.fields {
            let known = then.and_then(|r| r.fields.get(field));
            if known.is_none_or(|known| !known.unchanged(value)) {
                lines.push(change(contents, field, old, now.content)?);
            }
        }
        Ok(lines)
    }
}

/// The fields that a write carries, with what they were and become.
fn written(contents: Contents<'_>, plan: &sync_core::journal::Plan) -> Result<Vec<String>, Error> {
    let onto = match &plan.op {
        Op::Create { like } => return Ok(vec![format!("“{}”", contents.title(Some(*like))?)]),
        Op::Delete { .. } => return Ok(vec![]),
        Op::Update { onto, .. } => *onto,
    };
    let mut lines = vec![];
    for (field, carry) in &plan.carries {
        match carry {
            Carry::Whole { content, .. } => {
                lines.push(change(contents, field, Some(onto), Some(*content))?);
            }
            Carry::Emptied => {}
            Carry::Elements { put, drop, .. } => {
                lines.push(format!("{field}: {} put, {} dropped", put.len(), drop.len()));
            }
        }
    }
    Ok(lines)
}

/// What the sides of a conflict held.
pub fn sides(contents: Contents<'_>, conflict: &Conflicted) -> Result<Vec<String>, Error> {
    let text = |content: Option<Digest>| -> Result<String, Error> {
        Ok(match (contents.content(content)?, &conflict.field) {
            (None, _) => UNKNOWN.to_owned(),
            (Some(item), Some(field)) => quoted(item.field_text(field)),
            (Some(item), None) => quoted(Some(item.title())),
        })
    };
    let mut lines = vec![];
    for (replica, side) in &conflict.sides {
        let value = match side {
            Some(value) => text(Some(value.content))?,
            None => "deleted".to_owned(),
        };
        lines.push(format!("{replica} held {value}"));
    }
    if conflict.base.is_some() {
        lines.push(format!("last the same: {}", text(conflict.base)?));
    }
    Ok(lines)
}

fn change(
    contents: Contents<'_>,
    field: &Field,
    old: Option<Digest>,
    new: Option<Digest>,
) -> Result<String, Error> {
    let text = |digest: Option<Digest>| -> Result<String, Error> {
        Ok(match contents.content(digest)? {
            Some(item) => quoted(item.field_text(field)),
            None => UNKNOWN.to_owned(),
        })
    };
    Ok(format!("{field}: {} → {}", text(old)?, text(new)?))
}

fn quoted(value: Option<String>) -> String {
    match value {
        Some(text) if !text.trim().is_empty() => format!("“{}”", short(&text, WIDTH)),
        Some(_) | None => "nothing".to_owned(),
    }
}
