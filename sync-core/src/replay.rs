//! Derives every recorded decision again, from the state just before it. A difference is drift:
//! within one build a defect, between two builds the change of behaviour.

use crate::guard;
use crate::identify::{self, Identity};
use crate::ids::{LinkId, PairId};
use crate::journal::{Entry, Purpose, Reason, Record, Seq, Tally};
use crate::plan::{self, Decision, Verdict};
use crate::state::{Error, Link, State};

/// A fold that checks decisions as they pass.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The state so far.
    pub state: State,
    /// Entries folded in.
    pub entries: u64,
    /// Decisions derived again.
    pub decisions: u64,
    /// Decisions that came out differently.
    pub drifts: Vec<Drift>,
    purpose: Option<Purpose>,
}

/// A decision that came out differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Its entry.
    pub seq: Seq,
    /// What was recorded.
    pub recorded: String,
    /// What this build decides.
    pub derived: String,
}

impl Replay {
    /// Begins before the first entry of `pair`.
    pub fn new(pair: PairId) -> Self {
        Self::from_state(State::new(pair))
    }

    /// Begins at a state.
    pub fn from_state(state: State) -> Self {
        let (entries, decisions, drifts) = (0, 0, vec![]);
        Self { state, entries, decisions, drifts, purpose: None }
    }

    /// Checks a record if it is a decision, and folds it in.
    pub fn feed(&mut self, record: &Record) -> Result<(), Error> {
        self.entries += 1;
        if let Some(derived) = self.check(record) {
            self.decisions += 1;
            if let Err(derived) = derived {
                let recorded = describe(&record.entry);
                self.drifts.push(Drift { seq: record.seq, recorded, derived });
            }
        }
        if let Entry::Opened { purpose, .. } = record.entry {
            self.purpose = Some(purpose);
        }
        self.state.apply(record)
    }

    /// `None` for facts; else whether the decision comes out as recorded, or what comes out.
    fn check(&self, record: &Record) -> Option<Result<(), String>> {
        match &record.entry {
            Entry::Matched { link, absorbed, by } => {
                let expected = Identity::Same { link: *link, absorbed: *absorbed, by: by.clone() };
                let derived = [self.identity(*link), self.identity(*absorbed)];
                Some(equal_any(&derived, &expected))
            }
            Entry::Twinned { link, replica, original } => {
                let expected = Identity::Twin { link: *link, replica: *replica };
                Some(equal_any(&[self.identity(*original)], &expected))
            }
            Entry::Released { link } => Some(equal_any(&[self.identity(*link)], &Identity::Own)),
            Entry::Held { link, reason: Reason::Ambiguous } => {
                Some(equal_any(&[self.identity(*link)], &Identity::Unclear))
            }
            Entry::Held { link, reason: Reason::Twin { of } } => {
                Some(equal_any(&[self.identity(*link)], &Identity::Waits { of: *of }))
            }
            Entry::Held { link, reason } => {
                Some(self.verdict(*link, &Verdict::Hold(reason.clone())))
            }
            Entry::Agreed { link, fields } => {
                Some(self.verdict(*link, &Verdict::Agree(fields.clone())))
            }
            Entry::Conflicted(conflicted) => {
                let expected = Verdict::Conflict(Box::new(conflicted.clone()));
                Some(self.verdict(conflicted.link, &expected))
            }
            Entry::Forked { from, origin, .. } if self.purpose != Some(Purpose::Resolve) => {
                Some(self.verdict(*from, &Verdict::Fork(origin.clone())))
            }
            Entry::Intended(intent) => Some(match self.decide(intent.plan.link) {
                Some(decision) if decision.plans.first() == Some(&intent.plan) => Ok(()),
                decision => Err(format!("{:?}", decision.map(|d| d.plans))),
            }),
            Entry::Braked { tally, brake } => Some(self.brake(tally, brake)),
            Entry::Closed { exit: 0 } if self.purpose != Some(Purpose::DryRun) => {
                let left =
                    self.state.links.values().find(|link| {
                        self.decide(link.id).is_some_and(|decision| !decision.is_empty())
                    });
                Some(left.map_or(Ok(()), |link| {
                    Err(format!("{} was left: {:?}", link.id, self.decide(link.id)))
                }))
            }
            Entry::Closed { .. }
            | Entry::Forked { .. }
            | Entry::Opened { .. }
            | Entry::Configured(_)
            | Entry::Observed(_)
            | Entry::CursorLost { .. }
            | Entry::Settled { .. }
            | Entry::Resolved { .. }
            | Entry::Accepted { .. } => None,
        }
    }

    fn decide(&self, link: LinkId) -> Option<Decision> {
        let link = self.state.links.get(&link)?;
        Some(plan::decide(link, self.state.head.policy.as_ref()?))
    }

    fn verdict(&self, link: LinkId, expected: &Verdict) -> Result<(), String> {
        match self.decide(link) {
            Some(decision) if decision.verdicts.contains(expected) => Ok(()),
            decision => Err(format!("{:?}", decision.map(|d| d.verdicts))),
        }
    }

    fn identity(&self, link: LinkId) -> Identity {
        let Some(link) = self.state.links.get(&link) else { return Identity::Own };
        let keys = link.identity();
        let others: Vec<Link> = self
            .state
            .links
            .values()
            .filter(|other| other.collection == link.collection && !other.buried)
            .filter(|other| other.identity().iter().any(|key| keys.contains(key)))
            .cloned()
            .collect();
        identify::identify(link, &others)
    }

    fn brake(&self, tally: &Tally, brake: &crate::journal::BrakeReason) -> Result<(), String> {
        let Some(policy) = &self.state.head.policy else { return Err("no rules".to_owned()) };
        let derived = tally_of(&self.state);
        let counts = self.state.counts();
        let judged =
            guard::judge(&derived, &self.state.head, policy, &counts, guard::Run::default());
        if derived == *tally && judged.as_ref() == Some(brake) {
            Ok(())
        } else {
            Err(format!("{judged:?} for {derived:?}"))
        }
    }
}

/// What would be written from `state`, counted.
pub fn tally_of(state: &State) -> Tally {
    let mut tally = Tally::default();
    let Some(policy) = &state.head.policy else { return tally };
    for link in state.links.values().filter(|link| link.attention) {
        let decision = plan::decide(link, policy);
        decision.plans.iter().for_each(|plan| tally.count(plan));
        let forks = decision.verdicts.iter().filter(|v| matches!(v, Verdict::Fork(_))).count();
        for replica in policy.replicas.keys() {
            tally.add_creates(*replica, forks as u64);
        }
    }
    tally
}

fn equal_any(derived: &[Identity], expected: &Identity) -> Result<(), String> {
    if derived.contains(expected) { Ok(()) } else { Err(format!("{derived:?}")) }
}

fn describe(entry: &Entry) -> String {
    format!("{} {entry:?}", entry.kind())
}
