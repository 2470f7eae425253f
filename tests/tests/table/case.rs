//! The cases of the table: each copy's state against its own past, and the journal that leads there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use sync_core::ids::{Digest, ElementKey, Field, LinkId, PairId, ReplicaId};
use sync_core::journal::{Configured, Entry, Observed, Record, Seq, Sight, Sighting};
use sync_core::policy::{Brake, Conflicts, Direction, Policy, Rule};
use sync_core::port::Capabilities;
use sync_core::state::{Link, State};
use sync_core::value::{Fields, IdentityKey, Print, Rendition, Value};

pub(crate) const REPLICAS: [ReplicaId; 2] = [ReplicaId::A, ReplicaId::B];
pub(crate) const FIELDS: [&str; 3] = ["subject", "body", "tags"];
pub(crate) const LINK: LinkId = LinkId(1);

/// What untouched copies mean; edits give numbers just above.
const SUBJECT: u64 = 10;
const BODY: u64 = 20;
const BLUE: u64 = 30;
const RED: u64 = 40;
const NEW: u64 = 50;

/// The rules for conflicts, as the configuration writes them.
pub(crate) const RULES: [(&str, Rule); 5] = [
    ("prefer-a", Rule::Prefer(ReplicaId::A)),
    ("prefer-b", Rule::Prefer(ReplicaId::B)),
    ("newest", Rule::Newest),
    ("keep-both", Rule::KeepBoth),
    ("hold", Rule::Hold),
];

pub(crate) const DIRECTIONS: [(&str, Direction); 3] = [
    ("two-way", Direction::TwoWay),
    ("from a", Direction::From(ReplicaId::A)),
    ("from b", Direction::From(ReplicaId::B)),
];

/// How a copy stands to its own past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    Never,
    Holds(Edit),
    Deleted,
}

/// What a person did to a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) subject: Whole,
    pub(crate) body: Whole,
    pub(crate) tags: Tags,
}

/// What a person did to a field that is valid as a whole only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    Kept,
    /// Gave it a value that nobody gives it elsewhere.
    Own,
    /// Gave it the value that whoever does the same elsewhere gives it too.
    Shared,
}

/// What a person did to a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tags {
    Kept,
    /// Added an element that nobody adds elsewhere.
    Added,
    /// Added the element that whoever does the same elsewhere adds too.
    AddedShared,
    /// Changed the element `red` as nobody does elsewhere.
    Changed,
    /// Dropped the element `red`.
    Dropped,
}

/// Whether the copies were the same once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Past {
    Common,
    FirstContact,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) past: Past,
    pub(crate) legs: [Leg; 2],
    /// The copies in which the subject is fixed.
    pub(crate) fixed: Fixed,
}

/// In which copies the subject is fixed.
pub(crate) type Fixed = [bool; 2];

pub(crate) const FREE: Fixed = [false; 2];

impl Edit {
    pub(crate) const NONE: Self =
        Self { subject: Whole::Kept, body: Whole::Kept, tags: Tags::Kept };
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("Never"),
            Self::Deleted => f.write_str("Deleted"),
            Self::Holds(Edit::NONE) => f.write_str("Same"),
            Self::Holds(Edit { subject, body, tags }) => {
                let whole = |name, whole: &Whole| match whole {
                    Whole::Kept => None,
                    Whole::Own => Some(name),
                    Whole::Shared => Some(format!("{name} alike")),
                };
                let tags = match tags {
                    Tags::Kept => None,
                    Tags::Added => Some("tags"),
                    Tags::AddedShared => Some("tags alike"),
                    Tags::Changed => Some("tags: red changed"),
                    Tags::Dropped => Some("tags: red dropped"),
                };
                let subject = whole("subject".to_owned(), subject);
                let body = whole("body".to_owned(), body);
                let parts: Vec<String> =
                    [subject, body, tags.map(str::to_owned)].into_iter().flatten().collect();
                write!(f, "Changed({})", parts.join(", "))
            }
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = [0, 1].map(|at| {
            let leg = self.legs[at].to_string();
            if self.fixed[at] { format!("{leg}!") } else { leg }
        });
        match self.past {
            Past::Common => write!(f, "A={a} B={b}"),
            Past::FirstContact => {
                let met =
                    |leg: String| leg.replace("Same", "Holds").replace("Changed", "Holds other");
                write!(f, "A={} B={}", met(a), met(b))
            }
        }
    }
}

impl Case {
    /// What this copy is, with its replica.
    pub(crate) fn copies(&self) -> impl Iterator<Item = (ReplicaId, Leg)> {
        REPLICAS.into_iter().zip(self.legs)
    }

    /// The copy in `replica`.
    pub(crate) fn leg(&self, replica: ReplicaId) -> Leg {
        self.legs[usize::from(replica.0)]
    }

    /// Whether the subject is fixed in `replica`.
    pub(crate) fn is_fixed(&self, replica: ReplicaId) -> bool {
        self.fixed[usize::from(replica.0)]
    }

    /// The replica whose subject alone is fixed.
    pub(crate) fn authority(&self) -> Option<ReplicaId> {
        let mut fixed = REPLICAS.into_iter().filter(|replica| self.is_fixed(*replica));
        fixed.next().filter(|_| fixed.next().is_none())
    }

    /// What the copy in `replica` holds after `edit`.
    fn rendition(&self, replica: ReplicaId, edit: Edit) -> Rendition {
        rendition(replica, edit).fixing(self.is_fixed(replica).then(|| "subject".into()))
    }

    /// The fold of the journal that leads here.
    pub(crate) fn state(&self, policy: &Policy) -> State {
        let mut history = History::new(policy);
        let before = match self.past {
            Past::Common => |_| Edit::NONE,
            Past::FirstContact => |edit| edit,
        };
        for (replica, leg) in self.copies() {
            match leg {
                Leg::Never => {}
                Leg::Deleted => history.present(LINK, replica, self.rendition(replica, Edit::NONE)),
                Leg::Holds(edit) => {
                    history.present(LINK, replica, self.rendition(replica, before(edit)))
                }
            }
        }
        if self.past == Past::FirstContact {
            self.delete(&mut history);
            return history.state;
        }
        if self.legs != [Leg::Never; 2] {
            history.apply(Entry::Agreed { link: LINK, fields: FIELDS.map(Field::from).into() });
        }
        for (replica, leg) in self.copies() {
            match leg {
                Leg::Holds(edit) if edit != Edit::NONE => {
                    history.present(LINK, replica, self.rendition(replica, edit));
                }
                Leg::Never | Leg::Deleted | Leg::Holds(_) => {}
            }
        }
        self.delete(&mut history);
        history.state
    }

    fn delete(&self, history: &mut History) {
        for (replica, leg) in self.copies() {
            match leg {
                Leg::Deleted => history.see(LINK, replica, Sight::Gone),
                Leg::Never | Leg::Holds(_) => {}
            }
        }
    }
}

/// A journal that is folded as it is written.
pub(crate) struct History {
    pub(crate) state: State,
}

impl History {
    fn new(policy: &Policy) -> Self {
        let mut history = Self { state: State::new(PairId::from("pair")) };
        let folders = REPLICAS.map(|replica| (replica, "folder".into())).into();
        history.apply(Entry::Configured(Configured {
            collections: [("items".into(), folders)].into(),
            policy: policy.clone(),
            fingerprint: String::new(),
        }));
        history
    }

    /// Goes on from `state`.
    pub(crate) fn of(state: State) -> Self {
        Self { state }
    }

    pub(crate) fn apply(&mut self, entry: Entry) {
        let record = Record {
            seq: Seq(self.state.head.seq.0 + 1),
            at_ms: 0,
            pair: self.state.head.pair.clone(),
            run: "run".into(),
            entry,
        };
        self.state.apply(&record).expect("the entries follow from each other");
    }

    pub(crate) fn present(&mut self, link: LinkId, replica: ReplicaId, rendition: Rendition) {
        self.see(link, replica, Sight::Present { rendition, stamped: None });
    }

    fn see(&mut self, link: LinkId, replica: ReplicaId, sight: Sight) {
        let known = self.state.links.get(&link).and_then(|link| link.legs.get(&replica));
        let id = known.map_or_else(|| format!("{replica} {link}").into(), |leg| leg.id.clone());
        self.apply(Entry::Observed(Observed {
            collection: "items".into(),
            replica,
            epoch: 1,
            sightings: vec![Sighting { link, id, sight }],
            advance: None,
        }));
    }
}

/// The rules of a pair whose copies can hold everything.
pub(crate) fn policy(direction: Direction, rule: Rule) -> Policy {
    let capabilities = Capabilities {
        fields: FIELDS.map(Field::from).into(),
        late: BTreeMap::new(),
        dedupes_creates: false,
        create_grace_ms: 90_000,
        write_grace_ms: 90_000,
    };
    Policy {
        replicas: REPLICAS.map(|replica| (replica, capabilities.clone())).into(),
        direction,
        conflicts: Conflicts { default: rule, fields: BTreeMap::new() },
        brake: Brake { percent: 10, floor: 10, deletes_only: false },
    }
}

/// What the copy in `replica` holds after `edit`. The copy in `b` is always the one edited last.
fn rendition(replica: ReplicaId, edit: Edit) -> Rendition {
    let own = number(replica);
    let whole = |base, whole| match whole {
        Whole::Kept => base,
        Whole::Own => base + own,
        Whole::Shared => base + 9,
    };
    let mut tags: BTreeMap<ElementKey, u64> = [("blue".into(), BLUE), ("red".into(), RED)].into();
    match edit.tags {
        Tags::Kept => {}
        Tags::Added => drop(tags.insert(format!("new in {replica}").into(), NEW + own)),
        Tags::AddedShared => drop(tags.insert("new".into(), NEW + 9)),
        Tags::Changed => drop(tags.insert("red".into(), RED + own)),
        Tags::Dropped => drop(tags.remove(&ElementKey::from("red"))),
    }
    let print = |meaning| form(replica, Digest::from_number(meaning));
    let scalar = |meaning| Value::Scalar(print(meaning));
    let tags = tags.into_iter().map(|(key, meaning)| (key, print(meaning))).collect();
    let fields: Fields = [
        ("subject", scalar(whole(SUBJECT, edit.subject))),
        ("body", scalar(whole(BODY, edit.body))),
        ("tags", Value::Set(tags)),
    ]
    .map(|(name, value)| (Field::from(name), value))
    .into();
    let content = fields.values().flat_map(meanings).fold(own, |sum, meaning| {
        let number = u128::from_be_bytes(*meaning.as_bytes());
        sum.wrapping_mul(1_000_003).wrapping_add(u64::try_from(number).expect("small"))
    });
    Rendition {
        version: Some(content.to_string().into()),
        normaliser: 1,
        fields,
        content: Some(Digest::from_number(content)),
        identity: vec![IdentityKey::Strong(Digest::from_number(1))],
        edited_ms: Some(i64::from(replica.0)),
        fixed: BTreeSet::new(),
    }
}

fn number(replica: ReplicaId) -> u64 {
    u64::from(replica.0) + 1
}

/// Content as `replica` writes it: no two replicas store the same bytes.
pub(crate) fn form(replica: ReplicaId, meaning: Digest) -> Print {
    let mut own = *meaning.as_bytes();
    own[0] = replica.0 + 1;
    Print { own: Some(Digest::from_bytes(own)), meaning }
}

/// All that a value means, element by element.
pub(crate) fn meanings(value: &Value) -> Vec<Digest> {
    match value {
        Value::Scalar(print) => vec![print.meaning],
        Value::Set(elements) => elements.values().map(|print| print.meaning).collect(),
    }
}

/// The meanings that people wrote in this case.
pub(crate) fn written(link: &Link) -> BTreeSet<Digest> {
    let held = link.legs.values().filter_map(|leg| leg.rendition());
    let mut written: BTreeSet<Digest> =
        held.flat_map(|rendition| rendition.fields.values().flat_map(meanings)).collect();
    let untouched = [SUBJECT, BODY, BLUE, RED].map(Digest::from_number);
    written.retain(|meaning| !untouched.contains(meaning));
    written
}

/// The states that the table shows: one edit of each kind, in every combination.
pub(crate) fn shown_legs() -> Vec<Leg> {
    let edits = (0..8).map(|mask| Edit {
        subject: if mask & 1 == 0 { Whole::Kept } else { Whole::Own },
        body: if mask & 2 == 0 { Whole::Kept } else { Whole::Own },
        tags: if mask & 4 == 0 { Tags::Kept } else { Tags::Added },
    });
    [Leg::Never].into_iter().chain(edits.map(Leg::Holds)).chain([Leg::Deleted]).collect()
}

/// All states. What is true of the subject is true of the body, so that one has fewer.
pub(crate) fn all_legs() -> Vec<Leg> {
    let mut all = vec![Leg::Never, Leg::Deleted];
    for subject in [Whole::Kept, Whole::Own, Whole::Shared] {
        for body in [Whole::Kept, Whole::Own] {
            for tags in all_tags() {
                all.push(Leg::Holds(Edit { subject, body, tags }));
            }
        }
    }
    all
}

pub(crate) fn all_tags() -> [Tags; 5] {
    [Tags::Kept, Tags::Added, Tags::AddedShared, Tags::Changed, Tags::Dropped]
}
