//! Why something happened, in words: what each copy was compared with, and which rule followed.
//! Says nothing of content; whoever has it may add the values.

use crate::ids::{Field, ReplicaId};
use crate::journal::{
    Carry, ConflictKind, Entry, NotApplied, Op, Outcome, Proof, Reason, Record, Removal, Sight,
};
use crate::plan::{self, Standing};
use crate::policy::Rule;
use crate::state::Link;
use crate::value::IdentityKey;
use std::collections::BTreeSet;

/// What a record did to a link, in one sentence.
pub fn sentence(link: crate::ids::LinkId, record: &Record) -> String {
    match &record.entry {
        Entry::Opened { build, .. } => format!("a run of evensync {build} began"),
        Entry::Configured(_) => "the configuration changed".to_owned(),
        Entry::Observed(observed) => {
            let replica = observed.replica;
            let sights: Vec<String> = observed
                .sightings
                .iter()
                .filter(|s| s.link == link)
                .map(|s| sighting(replica, &s.sight))
                .collect();
            sights.join("; ")
        }
        Entry::CursorLost { replica, .. } => {
            format!("{replica} no longer knew where we were; it is listed anew")
        }
        Entry::Matched { by, absorbed, .. } => {
            let what = match by {
                IdentityKey::Strong(_) => "the same identity (UID)",
                IdentityKey::Likeness(_) => "the same subject and time, and nothing else has",
            };
            format!("recognised as the same item as {absorbed}: both have {what}")
        }
        Entry::Agreed { fields, .. } => {
            format!("{} the same on all sides; nothing to write", are(fields))
        }
        Entry::Intended(intent) => format!("decided to {}", operation(&intent.plan)),
        Entry::Settled { outcome, .. } => settled(outcome),
        Entry::Conflicted(conflict) => conflicted(conflict),
        Entry::Resolved { winner, .. } => format!("a person decided: {winner} wins"),
        Entry::Forked { link: fork, .. } => {
            format!("the losing copy lives on as an item of its own, {fork}")
        }
        Entry::Twinned { replica, original, .. } => format!(
            "the original arrived by itself in {replica} as {original}; our copy there yields to it"
        ),
        Entry::Held { reason, .. } => format!("set aside: {}", held(reason)),
        Entry::Released { .. } => {
            "the copy that was to yield to it is no longer in its way".to_owned()
        }
        Entry::Braked { .. } => "a brake stopped the run; nothing was written".to_owned(),
        Entry::Accepted { .. } => "the configuration went through its brakes".to_owned(),
        Entry::Closed { exit } => format!("the run ended with exit code {exit}"),
    }
}

/// How each side stood to its own past when a decision about `link` was made.
pub fn standings(link: &Link, replicas: impl IntoIterator<Item = ReplicaId>) -> Vec<String> {
    replicas
        .into_iter()
        .map(|replica| {
            let standing = match plan::standing(link, replica) {
                None => "not readable".to_owned(),
                Some(Standing::Never) => "never had it".to_owned(),
                Some(Standing::Same) => "as it was when both were last the same".to_owned(),
                Some(Standing::Deleted) => "deleted".to_owned(),
                Some(Standing::Changed) => changed(link, replica),
            };
            format!("{replica}: {standing}")
        })
        .collect()
}

fn changed(link: &Link, replica: ReplicaId) -> String {
    let Some(leg) = link.legs.get(&replica) else { return String::new() };
    if leg.base.is_none() {
        return "has it, and was never the same as another copy".to_owned();
    }
    let fields: Vec<&str> = plan::changed_fields(leg).map(Field::as_str).collect();
    format!("changed since: {}", fields.join(", "))
}

fn sighting(replica: ReplicaId, sight: &Sight) -> String {
    match sight {
        Sight::Present { rendition, .. } => match &rendition.version {
            Some(version) => format!("{replica} holds it in version {version}"),
            None => format!("{replica} holds it"),
        },
        Sight::Still => format!("{replica} still holds it in the version known"),
        Sight::Gone => format!("{replica} no longer has it; confirmed by a read"),
        Sight::Outside => format!("{replica} holds it outside what is configured"),
        Sight::Unreadable { code } => format!("{replica} has it and can't deliver it ({code})"),
    }
}

fn operation(plan: &crate::journal::Plan) -> String {
    let written = plan.carries.iter().filter(|(_, carry)| **carry != Carry::Emptied);
    let fields: Vec<&str> = written.map(|(field, _)| field.as_str()).collect();
    let from: BTreeSet<String> = plan
        .carries
        .values()
        .filter_map(|carry| match carry {
            Carry::Whole { from, .. } => from.map(|from| from.to_string()),
            Carry::Elements { .. } | Carry::Emptied => None,
        })
        .collect();
    let from = if from.is_empty() {
        String::new()
    } else {
        format!(" from {}", from.into_iter().collect::<Vec<_>>().join(" and "))
    };
    let replica = plan.replica;
    match &plan.op {
        Op::Create { .. } => format!("create it in {replica}{from}"),
        Op::Update { .. } => format!("carry {}{from} to {replica}", fields.join(", ")),
        Op::Delete { why: Removal::Deleted, .. } => {
            format!("move it to the trash in {replica}, since it was deleted on the other side")
        }
        Op::Delete { why: Removal::Yields, .. } => {
            format!("remove our copy from {replica}, since the original stands beside it")
        }
    }
}

fn settled(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Applied(applied) => match &applied.proof {
            Proof::Answered { version: Some(version), .. } => {
                format!("done; the server answered with version {version}")
            }
            Proof::Answered { version: None, .. } => "done; the server answered".to_owned(),
            Proof::Stamp => "done; no answer had come, but its stamp was found".to_owned(),
            Proof::StampInTrash => {
                "done; no answer had come, but its stamp was found in the trash".to_owned()
            }
        },
        Outcome::NotApplied(NotApplied::Stale) => {
            "not done: it had changed there in the meantime; read again".to_owned()
        }
        Outcome::NotApplied(NotApplied::Missing) => {
            "not done: it was no longer there; read again".to_owned()
        }
        Outcome::NotApplied(NotApplied::Refused { code }) => {
            format!("not done: the server refuses it ({code})")
        }
        Outcome::NotApplied(NotApplied::Lost) => {
            "not done: nothing of it reached the server; planned anew".to_owned()
        }
    }
}

fn conflicted(conflict: &crate::journal::Conflicted) -> String {
    let sides: Vec<String> = conflict.sides.keys().map(ToString::to_string).collect();
    let sides = sides.join(" and ");
    let what = match (conflict.kind, &conflict.field) {
        (ConflictKind::EditDelete, _) | (_, None) => {
            "it was edited on one side and deleted on the other; an edit beats a delete".to_owned()
        }
        (ConflictKind::Edit, Some(field)) => {
            format!("{sides} both changed the {field} since they were last the same")
        }
        (ConflictKind::FirstContact, Some(field)) => {
            format!("{sides} met with different values of the {field}")
        }
    };
    match (conflict.winner, conflict.kind) {
        (Some(winner), ConflictKind::EditDelete) => {
            format!("conflict: {what}, so it comes back from {winner}")
        }
        (Some(winner), _) => format!(
            "conflict: {what}; by the rule {} {winner} wins, and the other value is kept",
            rule(conflict.rule)
        ),
        (None, _) => format!("conflict: {what}; waits for a person to decide"),
    }
}

/// A rule, as the configuration writes it.
pub fn rule(rule: Rule) -> String {
    match rule {
        Rule::Prefer(replica) => format!("prefer-{replica}"),
        Rule::Newest => "newest".to_owned(),
        Rule::KeepBoth => "keep-both".to_owned(),
        Rule::Hold => "hold".to_owned(),
    }
}

/// Why something is set aside.
pub fn held(reason: &Reason) -> String {
    match reason {
        Reason::Refused { replica, code } => format!("{replica} refuses the write ({code})"),
        Reason::Unreadable { replica, code } => format!("{replica} can't deliver it ({code})"),
        Reason::Ambiguous => "several items could be the same one".to_owned(),
        Reason::Twin { of } => format!("it is the original of {of}, whose copy yields first"),
        Reason::OneWay { replica } => {
            format!("the pair goes one way, so what {replica} did stays there")
        }
        Reason::Fixed { replica } => format!(
            "a change on the other side isn't written to {replica}: that copy follows a meeting's \
             organizer, or writing to it would mail the attendees"
        ),
    }
}

fn are(fields: &BTreeSet<Field>) -> String {
    let names: Vec<&str> = fields.iter().map(Field::as_str).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}
