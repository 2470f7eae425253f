//! The decision table, exhaustive: every state of one copy with every state of the other, under
//! every rule and in every direction. It is shown as a picture, and every row keeps what is promised.

mod carried_out;
mod case;
mod late;

use carried_out::until_quiet;
use case::{
    Case, DIRECTIONS, Edit, FIELDS, FREE, Fixed, History, LINK, Leg, Past, RULES, Tags, Whole,
    all_legs, all_tags, meanings, policy, shown_legs, written,
};
use std::collections::BTreeSet;
use std::fmt::Write;
use sync_core::ids::{Digest, Field, LinkId, ReplicaId};
use sync_core::journal::{Carry, ConflictKind, Conflicted, Entry, Op, Plan, Reason};
use sync_core::plan::{Decision, Standing, Verdict, decide, standing, wants_attention};
use sync_core::policy::{Direction, Policy, Rule};
use sync_core::state::{Link, Seen, State};
use sync_core::value::{Rendition, Value};

#[test]
fn the_table() {
    let mut table = String::new();
    let pairs = |a: &[Leg], b: &[Leg]| -> Vec<[Leg; 2]> {
        a.iter().flat_map(|a| b.iter().map(|b| [*a, *b])).collect()
    };
    let legs = shown_legs();
    let free = |legs: Vec<[Leg; 2]>| -> Vec<([Leg; 2], Fixed)> {
        legs.into_iter().map(|legs| (legs, FREE)).collect()
    };
    let rows = free(pairs(&legs, &legs));
    section(&mut table, "Copies that were the same once", Past::Common, &rows);

    let alike = Edit { subject: Whole::Shared, body: Whole::Kept, tags: Tags::AddedShared };
    let more = Edit { body: Whole::Own, ..alike };
    let alike = [Leg::Holds(alike), Leg::Holds(more)];
    let rows = free(pairs(&alike, &alike));
    section(&mut table, "The same changes on both sides", Past::Common, &rows);

    let sets = all_tags().map(|tags| Leg::Holds(Edit { tags, ..Edit::NONE }));
    section(&mut table, "Sets, element by element", Past::Common, &free(pairs(&sets, &sets)));

    let plain = [Leg::Never, Leg::Holds(Edit::NONE), Leg::Deleted];
    let rows = free(pairs(&plain, &legs));
    section(&mut table, "Copies that never were the same", Past::FirstContact, &rows);

    let title = "A subject that is fixed (!) in one copy, or in both";
    section(&mut table, title, Past::Common, &fixed_rows());
    insta::assert_snapshot!("decision_table", table);
}

#[test]
fn every_row_with_a_common_past_keeps_the_promises() {
    every_row(Past::Common);
}

#[test]
fn every_row_at_first_contact_keeps_the_promises() {
    every_row(Past::FirstContact);
}

/// Everything that can be done to a copy's subject, with one body edit beside it, where the subject
/// is fixed somewhere.
fn fixed_rows() -> Vec<([Leg; 2], Fixed)> {
    let edits =
        [Whole::Kept, Whole::Own, Whole::Shared].map(|subject| Edit { subject, ..Edit::NONE });
    let both = Edit { subject: Whole::Own, body: Whole::Own, ..Edit::NONE };
    let legs: Vec<Leg> =
        edits.into_iter().chain([both]).map(Leg::Holds).chain([Leg::Deleted]).collect();
    let mut rows = vec![];
    for fixed in [[true, false], [false, true], [true, true]] {
        for a in &legs {
            rows.extend(legs.iter().map(|b| ([*a, *b], fixed)));
        }
    }
    rows
}

/// Directions, and of each the rules under which something is decided.
type Whens = Vec<(&'static str, Vec<&'static str>)>;

fn section(table: &mut String, title: &str, past: Past, rows: &[([Leg; 2], Fixed)]) {
    let _ = writeln!(table, "\n# {title}\n");
    for (legs, fixed) in rows {
        let case = Case { past, legs: *legs, fixed: *fixed };
        // What is decided, with the directions and rules under which it is.
        let mut outcomes: Vec<(String, Whens)> = vec![];
        for (direction_name, direction) in DIRECTIONS {
            for (rule_name, rule) in RULES {
                let policy = policy(direction, rule);
                let state = case.state(&policy);
                let text = shown(&case, &state, &policy);
                if outcomes.iter().all(|(known, _)| *known != text) {
                    outcomes.push((text.clone(), vec![]));
                }
                let Some((_, whens)) = outcomes.iter_mut().find(|(known, _)| *known == text) else {
                    continue;
                };
                match whens.iter_mut().find(|(name, _)| *name == direction_name) {
                    Some((_, rules)) => rules.push(rule_name),
                    None => whens.push((direction_name, vec![rule_name])),
                }
            }
        }
        for (text, whens) in outcomes {
            let _ = writeln!(table, "{case}{} → {text}", when(&whens));
        }
    }
}

/// The directions and rules of an outcome; nothing where it is the same under all.
fn when(whens: &[(&str, Vec<&str>)]) -> String {
    let every_rule = |rules: &[&str]| rules.len() == RULES.len();
    if whens.len() == DIRECTIONS.len() && whens.iter().all(|(_, rules)| every_rule(rules)) {
        return String::new();
    }
    let whens: Vec<String> = whens
        .iter()
        .map(|(direction, rules)| match every_rule(rules) {
            true => (*direction).to_owned(),
            false => format!("{direction} with {}", rules.join("/")),
        })
        .collect();
    format!(" [{}]", whens.join(", "))
}

fn shown(case: &Case, state: &State, policy: &Policy) -> String {
    let Some(link) = state.links.get(&LINK) else { return "nothing".to_owned() };
    if link.buried {
        return "bury".to_owned();
    }
    let Decision { verdicts, plans } = decide(link, policy);
    let verdicts = verdicts.iter().map(|verdict| match verdict {
        Verdict::Agree(fields) => format!("agreed: {}", names(fields)),
        Verdict::Conflict(conflict) => shown_conflict(conflict),
        Verdict::Fork(_) => "the losing copy lives on".to_owned(),
        Verdict::Hold(Reason::OneWay { replica }) => match case.leg(*replica) {
            Leg::Deleted => format!("leave it deleted in {replica}"),
            Leg::Never | Leg::Holds(_) => format!("leave what {replica} did"),
        },
        Verdict::Hold(Reason::Fixed { replica }) => format!("leave {replica} as it is"),
        Verdict::Hold(reason) => format!("hold: {reason:?}"),
    });
    let parts: Vec<String> = verdicts.chain(plans.iter().map(shown_plan)).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}

fn shown_conflict(conflict: &Conflicted) -> String {
    let Conflicted { kind, field, winner, .. } = conflict;
    match (kind, field, winner) {
        (ConflictKind::EditDelete, _, Some(winner)) => format!("{winner}'s edit beats the delete"),
        (_, Some(field), Some(winner)) => format!("conflict in {field}: {winner} wins"),
        (_, Some(field), None) => format!("conflict in {field}: a person decides"),
        (_, None, _) => format!("conflict: {conflict:?}"),
    }
}

fn shown_plan(plan: &Plan) -> String {
    let replica = plan.replica;
    match &plan.op {
        Op::Create { .. } => format!("create {replica}"),
        Op::Delete { .. } => format!("delete {replica}"),
        Op::Update { .. } => {
            let carries: Vec<String> = plan.carries.iter().map(shown_carry).collect();
            format!("update {replica}: {}", carries.join(", "))
        }
    }
}

fn shown_carry((field, carry): (&Field, &Carry)) -> String {
    match carry {
        Carry::Whole { .. } => field.to_string(),
        Carry::Emptied => format!("{field} (none yet)"),
        Carry::Elements { put, drop, .. } => {
            let put = put.keys().map(|key| format!("+{key}"));
            let all: Vec<String> = put.chain(drop.iter().map(|key| format!("-{key}"))).collect();
            format!("{field} ({})", all.join(" "))
        }
    }
}

fn names(fields: &BTreeSet<Field>) -> String {
    let names: Vec<&str> = fields.iter().map(Field::as_str).collect();
    names.join(", ")
}

/// Carries out every row and checks every decision on the way, and what it comes to.
fn every_row(past: Past) {
    let legs = all_legs();
    for a in &legs {
        for b in &legs {
            row(Case { past, legs: [*a, *b], fixed: FREE });
        }
    }
    for (legs, fixed) in fixed_rows() {
        row(Case { past, legs, fixed });
    }
}

/// One row, in every direction and with every rule.
fn row(case: Case) {
    for (direction_name, direction) in DIRECTIONS {
        for (rule_name, rule) in RULES {
            let policy = policy(direction, rule);
            let name = format!("{case}, {direction_name}, {rule_name}");
            Row { case, policy, name }.keeps_the_promises();
        }
    }
}

struct Row {
    case: Case,
    policy: Policy,
    name: String,
}

impl Row {
    fn keeps_the_promises(&self) {
        let name = &self.name;
        let state = self.case.state(&self.policy);
        assert_eq!(state, self.case.state(&self.policy), "{name}: the fold is a function");
        let written = state.links.get(&LINK).map(written).unwrap_or_default();
        let judge = |state: &State, link: LinkId| self.judge(&state.links[&link]);
        let mut rest = until_quiet(state, &self.policy, &judge)
            .unwrap_or_else(|restless| panic!("{name}: {restless}"));
        self.nothing_is_left_to_do(&rest);
        match self.policy.direction {
            Direction::TwoWay => {
                self.copies_are_equal(&rest);
                self.everything_is_kept(&rest, &written);
                self.decide_conflicts(&mut rest);
                let rest = until_quiet(rest, &self.policy, &judge)
                    .unwrap_or_else(|restless| panic!("{name}, resolved: {restless}"));
                assert!(disputed(&rest).is_empty(), "{name}: resolved and still in dispute");
                self.nothing_is_left_to_do(&rest);
                self.copies_are_equal(&rest);
                self.everything_is_kept(&rest, &written);
            }
            Direction::From(source) => self.follows_the_source(&rest, source),
        }
    }

    /// What holds of every decision, the first and those that follow.
    fn judge(&self, link: &Link) {
        let name = &self.name;
        let decision = decide(link, &self.policy);
        assert_eq!(decision, decide(link, &self.policy), "{name}: twice the same");
        assert_eq!(decision, decide(&link.clone(), &self.policy), "{name}: a copy is as good");
        let unechoed = link.legs.values().any(|leg| leg.is_unechoed());
        let wants = !decision.is_empty() || unechoed;
        assert_eq!(wants_attention(link, Some(&self.policy)), wants, "{name}");
        for plan in &decision.plans {
            assert!(self.policy.writes_to(plan.replica), "{name}: against the direction: {plan:?}");
            let changed = |replica| standing(link, replica) == Some(Standing::Changed);
            if matches!(plan.op, Op::Delete { .. }) {
                assert!(!case::REPLICAS.into_iter().any(changed), "{name}: deletes an edit");
            }
            self.carries_only_what_differs(link, plan);
            let held = link.legs.get(&plan.replica).and_then(|leg| leg.rendition());
            let fixed = |field| held.is_some_and(|held| held.fixed.contains(field));
            assert!(!plan.carries.keys().any(fixed), "{name}: writes what is fixed: {plan:?}");
        }
        for verdict in &decision.verdicts {
            match verdict {
                Verdict::Conflict(conflict) => self.judge_conflict(link, conflict),
                Verdict::Hold(Reason::OneWay { .. }) => {
                    assert_ne!(self.policy.direction, Direction::TwoWay, "{name}: {verdict:?}");
                }
                Verdict::Hold(Reason::Fixed { replica }) => {
                    assert!(self.case.is_fixed(*replica), "{name}: {verdict:?}");
                }
                Verdict::Hold(reason) => panic!("{name}: held for {reason:?}"),
                Verdict::Agree(_) | Verdict::Fork(_) => {}
            }
        }
    }

    fn carries_only_what_differs(&self, link: &Link, plan: &Plan) {
        let held = link.legs.get(&plan.replica).and_then(|leg| leg.rendition());
        for (field, carry) in &plan.carries {
            let (Carry::Whole { value, .. }, Some(held)) = (carry, held) else { continue };
            let same = held.fields.get(field).is_some_and(|held| held.same_meaning(value));
            assert!(!same, "{}: writes {field} for nothing: {plan:?}", self.name);
        }
    }

    /// Every conflict names its rule, and keeps what both sides hold.
    fn judge_conflict(&self, link: &Link, conflict: &Conflicted) {
        let name = &self.name;
        let is_subject = conflict.field == Some("subject".into());
        let rule = match (self.policy.direction, self.case.authority()) {
            (Direction::From(source), _) => Rule::Prefer(source),
            (Direction::TwoWay, Some(fixed)) if is_subject => Rule::Prefer(fixed),
            (Direction::TwoWay, _) => self.policy.conflicts.default,
        };
        assert_eq!(conflict.rule, rule, "{name}: {conflict:?}");
        assert_eq!(conflict.sides.len(), 2, "{name}: {conflict:?}");
        for (replica, side) in &conflict.sides {
            let leg = &link.legs[replica];
            let held = leg.rendition();
            assert_eq!(side.is_none(), matches!(leg.seen, Seen::Gone), "{name}: {conflict:?}");
            let content = side.as_ref().map(|side| side.content);
            assert_eq!(content, held.and_then(|r| r.content), "{name}: {conflict:?}");
            if let (Some(field), Some(side)) = (&conflict.field, side) {
                let value = held.and_then(|r| r.fields.get(field));
                let told = match (side.value.as_ref(), value) {
                    // Of a set only what differs is told.
                    (Some(Value::Set(told)), Some(Value::Set(held))) => {
                        told.iter().all(|(key, print)| held.get(key) == Some(print))
                    }
                    (told, held) => told == held,
                };
                assert!(told, "{name}: {conflict:?}");
            }
        }
        let expected = match (conflict.kind, rule) {
            (ConflictKind::EditDelete, _) => {
                conflict.sides.iter().find(|(_, side)| side.is_some()).map(|(replica, _)| *replica)
            }
            (_, Rule::Prefer(replica)) => Some(replica),
            // The second copy is the one edited last.
            (_, Rule::Newest) => Some(ReplicaId::B),
            (_, Rule::KeepBoth) => Some(ReplicaId::A),
            (_, Rule::Hold) => None,
        };
        assert_eq!(conflict.winner, expected, "{name}: {conflict:?}");
    }

    fn nothing_is_left_to_do(&self, state: &State) {
        for link in state.links.values() {
            assert!(!link.attention && link.open.is_none(), "{}: {link:#?}", self.name);
            assert!(link.carrying.is_empty(), "{}: {link:#?}", self.name);
        }
    }

    /// All copies of a link are there or none is, and they are equal but for what a person is to
    /// decide.
    fn copies_are_equal(&self, state: &State) {
        let name = &self.name;
        for link in state.links.values() {
            let held: Vec<_> = link.legs.values().filter_map(|leg| leg.rendition()).collect();
            assert!(held.is_empty() || held.len() == 2, "{name}: {link:#?}");
            assert_eq!(held.is_empty(), link.buried, "{name}: {link:#?}");
            let [a, b] = held.as_slice() else { continue };
            for field in FIELDS.map(Field::from) {
                let waits = disputed(state).contains(&(link.id, Some(field.clone())));
                let equal = a.fields[&field].same_meaning(&b.fields[&field]);
                let stays = self.stays(&field, [a, b]);
                assert!(stays || waits != equal, "{name}: {field} of {link:#?}");
            }
        }
    }

    /// Whether an edit of one copy may stay there, since the field is fixed in the other and wasn't
    /// changed in it.
    fn stays(&self, field: &Field, [a, b]: [&Rendition; 2]) -> bool {
        match (a.fixed.contains(field), b.fixed.contains(field)) {
            (false, false) => false,
            (true, true) => true,
            (true, false) | (false, true) => {
                let goes_out = self.case.authority().map(|fixed| self.case.leg(fixed));
                let edited = |leg| matches!(leg, Leg::Holds(e) if e.subject != Whole::Kept);
                self.case.past == Past::Common && !goes_out.is_some_and(edited)
            }
        }
    }

    /// P1: what people wrote stands in a copy, or is kept with a conflict.
    fn everything_is_kept(&self, state: &State, written: &BTreeSet<Digest>) {
        let standing = state
            .links
            .values()
            .flat_map(|link| link.legs.values().filter_map(|leg| leg.rendition()))
            .flat_map(|rendition| rendition.fields.values().flat_map(meanings));
        let sides = state.conflicts.values().flat_map(|c| c.what.sides.values().flatten());
        let kept = sides.flat_map(|side| side.value.iter().flat_map(meanings));
        let all: BTreeSet<Digest> = standing.chain(kept).collect();
        let lost: Vec<&Digest> = written.difference(&all).collect();
        assert!(lost.is_empty(), "{}: lost {lost:?}", self.name);
    }

    /// A person decides what waits for them: now the first replica, now the second.
    fn decide_conflicts(&self, state: &mut State) {
        let mut history = History::of(state.clone());
        let winners = case::REPLICAS.into_iter().cycle();
        for ((link, field), winner) in disputed(state).into_iter().zip(winners) {
            history.apply(Entry::Resolved { link, field, winner });
        }
        *state = history.state;
    }

    /// What the source changed or deleted went out; what the target did stayed.
    fn follows_the_source(&self, state: &State, source: ReplicaId) {
        let name = &self.name;
        let target = if source == ReplicaId::A { ReplicaId::B } else { ReplicaId::A };
        let Some(link) = state.links.get(&LINK) else { return };
        let held = |replica| link.legs.get(&replica).and_then(|leg| leg.rendition());
        let there = held(target).is_some();
        match (self.case.leg(source), self.case.leg(target)) {
            // An edited copy is never deleted; at first contact every copy counts as edited.
            (Leg::Deleted, Leg::Holds(edit)) => {
                let edited = edit != Edit::NONE || self.case.past == Past::FirstContact;
                assert_eq!(there, edited, "{name}: {link:#?}");
            }
            (Leg::Holds(_), Leg::Never) => assert!(there, "{name}: not created: {link:#?}"),
            (Leg::Holds(_), Leg::Deleted) => assert!(!there, "{name}: created anew: {link:#?}"),
            (Leg::Holds(edit), Leg::Holds(_)) => {
                for (field, changed) in FIELDS.into_iter().zip(changed(edit)) {
                    let field = Field::from(field);
                    let [ours, theirs] =
                        [source, target].map(|r| held(r).map(|r| &r.fields[&field]));
                    let equal = ours.zip(theirs).is_some_and(|(o, t)| o.same_meaning(t));
                    let first = self.case.past == Past::FirstContact;
                    let stays = self.case.is_fixed(target) && field == "subject".into();
                    assert!(equal || stays || !(changed || first), "{name}: {field} of {link:#?}");
                }
            }
            (Leg::Never, target) => {
                assert_eq!(there, matches!(target, Leg::Holds(_)), "{name}: {link:#?}");
            }
            (Leg::Deleted, Leg::Never | Leg::Deleted) => assert!(!there, "{name}: {link:#?}"),
        }
    }
}

/// Which of the fields were changed, in the order of `FIELDS`.
fn changed(edit: Edit) -> [bool; 3] {
    [edit.subject != Whole::Kept, edit.body != Whole::Kept, edit.tags != Tags::Kept]
}

/// What waits for a person.
fn disputed(state: &State) -> Vec<(LinkId, Option<Field>)> {
    let open = state.conflicts.values().filter(|conflict| conflict.open);
    open.map(|conflict| (conflict.what.link, conflict.what.field.clone())).collect()
}
