//! A journal without anything that names a person, a place or an item. What is left is enough to
//! derive every decision again.

use crate::context::Dice;
use crate::exit::Problem;
use items::Digester;
use std::collections::BTreeMap;
use sync_core::ids::{Cursor, FolderId, PairId, RemoteId, Version};
use sync_core::journal::{Entry, Intent, Op, Outcome, Proof, Record, Sight};
use sync_core::value::Rendition;

/// Hexadecimal digits of a name that stands for an id: few enough to read, enough to tell apart.
const DIGITS: usize = 16;

/// Replaces names, the same by the same. Its key is thrown away with it, so that nobody can try
/// out what an id may have been.
pub struct Redactor {
    names: Digester,
    pairs: BTreeMap<PairId, PairId>,
}

impl Redactor {
    /// A redactor with a key of its own.
    pub fn new(dice: &Dice) -> Result<Self, Problem> {
        Ok(Self { names: Digester::new(dice.bytes()?), pairs: BTreeMap::new() })
    }

    /// The pairs met so far, as they are called now.
    pub fn pairs(&self) -> Vec<&PairId> {
        self.pairs.values().collect()
    }

    /// The record without names. Digests stay: they are keyed with a secret that stays at home.
    pub fn record(&mut self, record: Record) -> Record {
        let number = self.pairs.len() + 1;
        let pair =
            self.pairs.entry(record.pair).or_insert_with(|| PairId(format!("pair-{number}")));
        let pair = pair.clone();
        Record { pair, entry: self.entry(record.entry), ..record }
    }

    fn entry(&self, entry: Entry) -> Entry {
        match entry {
            Entry::Configured(mut configured) => {
                for folder in configured.collections.values_mut().flat_map(BTreeMap::values_mut) {
                    *folder = FolderId(self.name("folder", folder.as_str()));
                }
                configured.fingerprint = self.name("fingerprint", &configured.fingerprint);
                Entry::Configured(configured)
            }
            Entry::Accepted { fingerprint } => {
                Entry::Accepted { fingerprint: self.name("fingerprint", &fingerprint) }
            }
            Entry::Observed(mut observed) => {
                for sighting in &mut observed.sightings {
                    self.id(&mut sighting.id);
                    if let Sight::Present { rendition, .. } = &mut sighting.sight {
                        self.rendition(rendition);
                    }
                }
                if let Some(advance) = &mut observed.advance {
                    advance.cursor = Cursor("…".to_owned());
                }
                Entry::Observed(observed)
            }
            Entry::Intended(mut intent) => {
                self.intent(&mut intent);
                Entry::Intended(intent)
            }
            Entry::Settled { link, key, mut outcome } => {
                if let Outcome::Applied(applied) = &mut outcome {
                    self.id(&mut applied.id);
                    if let Proof::Answered { version, .. } = &mut applied.proof {
                        self.version(version);
                    }
                }
                Entry::Settled { link, key, outcome }
            }
            Entry::Forked { link, from, mut origin } => {
                self.rendition(&mut origin);
                Entry::Forked { link, from, origin }
            }
            same @ (Entry::Opened { .. }
            | Entry::CursorLost { .. }
            | Entry::Matched { .. }
            | Entry::Agreed { .. }
            | Entry::Conflicted(_)
            | Entry::Resolved { .. }
            | Entry::Twinned { .. }
            | Entry::Held { .. }
            | Entry::Released { .. }
            | Entry::Braked { .. }
            | Entry::Closed { .. }) => same,
        }
    }

    fn intent(&self, intent: &mut Intent) {
        match &mut intent.plan.op {
            Op::Create { .. } => {}
            Op::Update { id, if_match, .. } | Op::Delete { id, if_match, .. } => {
                self.id(id);
                self.version(if_match);
            }
        }
    }

    fn rendition(&self, rendition: &mut Rendition) {
        self.version(&mut rendition.version);
    }

    fn id(&self, id: &mut RemoteId) {
        *id = RemoteId(self.name("item", id.as_str()));
    }

    fn version(&self, version: &mut Option<Version>) {
        if let Some(version) = version {
            *version = Version(self.name("version", version.as_str()));
        }
    }

    fn name(&self, label: &str, text: &str) -> String {
        self.names.text(label, text).to_string()[..DIGITS].to_owned()
    }
}
