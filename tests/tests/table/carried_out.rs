//! Decisions carried out: every write succeeds, is read back, and the next decision follows.

use super::case::{History, form};
use sync_core::ids::{Digest, LinkId, ReplicaId};
use sync_core::journal::{Applied, Entry, Intent, Op, Outcome, Plan, Proof};
use sync_core::plan::{Verdict, decide};
use sync_core::policy::Policy;
use sync_core::state::State;
use sync_core::value::{Rendition, Value};

/// Passes over all links until nothing is left to do; each takes at most one write a pass.
const PASSES_MAX: u32 = 6;

/// Carries out what is decided about every link until it rests. `judge` sees each state before
/// something is decided about a link of it.
pub(crate) fn until_quiet(
    state: State,
    policy: &Policy,
    judge: &dyn Fn(&State, LinkId),
) -> Result<State, String> {
    let mut history = History::of(state);
    for _ in 0..PASSES_MAX {
        let waiting: Vec<LinkId> =
            history.state.links.values().filter(|l| l.attention).map(|l| l.id).collect();
        if waiting.is_empty() {
            return Ok(history.state);
        }
        for link in waiting {
            judge(&history.state, link);
            step(&mut history, link, policy);
        }
    }
    Err(format!("not quiet after {PASSES_MAX} passes: {:#?}", history.state.links))
}

/// One decision about one link: all that is to be recorded, and the first write.
pub(crate) fn step(history: &mut History, link: LinkId, policy: &Policy) {
    let decision = decide(&history.state.links[&link], policy);
    for verdict in decision.verdicts {
        let fork = history.state.links.keys().last().map_or(LinkId(1), |last| LinkId(last.0 + 1));
        history.apply(match verdict {
            Verdict::Agree(fields) => Entry::Agreed { link, fields },
            Verdict::Conflict(conflicted) => Entry::Conflicted(*conflicted),
            Verdict::Fork(origin) => Entry::Forked { link: fork, from: link, origin },
            Verdict::Hold(reason) => Entry::Held { link, reason },
        });
    }
    if let Some(plan) = decision.plans.into_iter().next() {
        write(history, plan);
    }
}

fn write(history: &mut History, plan: Plan) {
    let number = history.state.head.seq.0;
    let key = format!("intent {number}");
    let (link, replica) = (plan.link, plan.replica);
    let id = match &plan.op {
        Op::Create { .. } => format!("{replica} {link} of {number}").into(),
        Op::Update { id, .. } | Op::Delete { id, .. } => id.clone(),
    };
    let deletes = matches!(plan.op, Op::Delete { .. });
    let proof = Proof::Answered {
        version: (!deletes).then(|| format!("version {number}").into()),
        content: (!deletes).then(|| Digest::from_number(1_000_000 + number)),
    };
    history.apply(Entry::Intended(Intent { key: key.as_str().into(), plan }));
    let outcome = Outcome::Applied(Applied { id, proof });
    history.apply(Entry::Settled { link, key: key.as_str().into(), outcome });
    if !deletes {
        read_back(history, link, replica);
    }
}

/// The copy is read as its replica stores it.
fn read_back(history: &mut History, link: LinkId, replica: ReplicaId) {
    let leg = history.state.links[&link].legs.get(&replica);
    let Some(rendition) = leg.and_then(|leg| leg.rendition()).cloned() else { return };
    let own = |value: &Value| match value {
        Value::Scalar(print) => Value::Scalar(form(replica, print.meaning)),
        Value::Set(elements) => Value::Set(
            elements.iter().map(|(k, p)| (k.clone(), form(replica, p.meaning))).collect(),
        ),
    };
    let fields =
        rendition.fields.iter().map(|(field, value)| (field.clone(), own(value))).collect();
    history.present(link, replica, Rendition { fields, edited_ms: Some(9), ..rendition });
}
