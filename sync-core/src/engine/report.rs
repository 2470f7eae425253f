//! What a run did.

use crate::ids::{LinkId, ReplicaId};
use crate::journal::{BrakeReason, Reason, Seq, Tally};
use crate::plan::Decision;
use crate::policy::Brake;
use crate::port::{Failure, Trouble};
use crate::state::Link;
use std::collections::BTreeMap;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub ended: Ended,
    /// What it did to each replica.
    pub sides: BTreeMap<ReplicaId, Side>,
    /// What it meant to do when it began to write.
    pub tally: Tally,
    /// What it would do, link by link; of a dry run only.
    pub steps: Vec<Step>,
    /// Conflicts recorded.
    pub conflicts: u64,
    /// Conflicts that wait for a person, of this run and earlier ones.
    pub open_conflicts: usize,
    /// Links that are set aside, of this run and earlier ones.
    pub held: Vec<Link>,
    /// Writes that servers refused for good, in this run.
    pub refused: Vec<(LinkId, ReplicaId, Trouble)>,
    /// Writes whose answer never came.
    pub doubts: u64,
    /// Writes in doubt that turned out to have happened.
    pub recovered: u64,
    /// Writes still in doubt.
    pub undecided: usize,
    /// The last entry of the run.
    pub seq: Seq,
}

/// What a run did to one replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Side {
    /// Copies made.
    pub created: u64,
    /// Copies rewritten.
    pub updated: u64,
    /// Copies of ours that were given what takes requests of its own.
    pub completed: u64,
    /// Copies moved to the trash.
    pub deleted: u64,
    /// Copies left as they were.
    pub unchanged: u64,
    /// Time spent waiting because the replica asked to, in milliseconds.
    pub throttled_ms: u64,
}

/// What is to be done about one link, of a dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The link.
    pub link: LinkId,
    /// What is to be done.
    pub decision: Decision,
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ended {
    /// Everything that could be done is done.
    #[default]
    Clean,
    /// A brake stopped it; nothing was written.
    Braked {
        /// Which.
        brake: BrakeReason,
        /// The number of deletes and rewrites to agree to.
        number: u64,
    },
    /// People keep changing things; the next run goes on.
    MoreToDo,
    /// A replica can't go on.
    Failed {
        /// Which.
        replica: ReplicaId,
        /// Why.
        failure: Failure,
    },
    /// The plan to apply was made for another state; nothing was written.
    StateMoved {
        /// Where the journal stood when it was made.
        planned: Seq,
        /// Where it stands.
        now: Seq,
    },
}

impl Report {
    /// What was done to `replica`.
    pub fn side(&mut self, replica: ReplicaId) -> &mut Side {
        self.sides.entry(replica).or_default()
    }

    /// All writes that happened.
    pub fn writes(&self) -> u64 {
        self.sides.values().map(|s| s.created + s.updated + s.completed + s.deleted).sum()
    }

    /// The writes that the brakes count.
    pub fn risky(&self, brake: Brake) -> u64 {
        self.sides.values().map(|s| brake.risky(s.updated, s.deleted)).sum()
    }

    /// Whether a person has something to decide.
    pub fn wants_person(&self) -> bool {
        self.open_conflicts > 0
            || self.held.iter().any(|link| match link.held {
                Some(Reason::Refused { .. } | Reason::Unreadable { .. } | Reason::Ambiguous) => {
                    true
                }
                Some(Reason::OneWay { .. } | Reason::Fixed { .. } | Reason::Twin { .. }) | None => {
                    false
                }
            })
    }

    /// The exit code that the run stands for: 0 clean, 1 failed, 2 done with decisions waiting,
    /// 3 stopped by a brake, 4 partial, 75 try later, 77 sign-in or permission.
    pub fn exit(&self) -> u8 {
        match &self.ended {
            Ended::Braked { .. } => 3,
            Ended::StateMoved { .. } => 1,
            Ended::Failed { failure, .. } => match failure {
                Failure::Unauthorized(_) => 77,
                Failure::Throttled { .. } => 75,
                Failure::Transient(_) | Failure::InDoubt(_) if self.writes() > 0 => 4,
                Failure::Transient(_)
                | Failure::InDoubt(_)
                | Failure::CursorExpired(_)
                | Failure::Stale(_)
                | Failure::Missing(_)
                | Failure::Permanent(_) => 1,
            },
            Ended::MoreToDo => 4,
            Ended::Clean if self.undecided > 0 => 4,
            Ended::Clean if self.wants_person() => 2,
            Ended::Clean => 0,
        }
    }
}
