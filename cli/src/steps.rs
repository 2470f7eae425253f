//! A plan, for people and for a file.

use crate::contents::Contents;
use crate::output::{Table, short};
use items::field::Name;
use serde_json::{Value, json};
use sync_core::engine::Step;
use sync_core::explain;
use sync_core::ids::{Digest, Field};
use sync_core::journal::{Carry, Conflicted, Op, Plan, Removal};
use sync_core::plan::Verdict;
use sync_core::port::Error;

/// Widest cell of a plan, in characters.
const WIDTH: usize = 48;

/// The planned changes as a table: what, to which item, how.
pub fn table(contents: Contents<'_>, steps: &[Step]) -> Result<Table, Error> {
    let mut table = Table::default();
    for step in steps {
        let title = short(&contents.subject(step.link)?, WIDTH);
        for verdict in &step.decision.verdicts {
            match verdict {
                Verdict::Agree(_) => {}
                Verdict::Conflict(conflict) => {
                    let how = conflict_text(contents, conflict)?;
                    table.row(["conflict".to_owned(), title.clone(), how]);
                }
                Verdict::Fork(_) => {
                    let how = "the losing copy lives on as an item of its own".to_owned();
                    table.row(["keep both".to_owned(), title.clone(), how]);
                }
                Verdict::Hold(reason) => {
                    table.row(["set aside".to_owned(), title.clone(), explain::held(reason)]);
                }
            }
        }
        for plan in &step.decision.plans {
            let (what, how) = plan_text(contents, plan)?;
            table.row([format!("{what} in {}", plan.replica), title.clone(), how]);
        }
    }
    Ok(table)
}

fn plan_text(contents: Contents<'_>, plan: &Plan) -> Result<(&'static str, String), Error> {
    let timing = |content: Option<Digest>| {
        contents.field(content, &Name::Timing.field()).map(Option::unwrap_or_default)
    };
    Ok(match &plan.op {
        Op::Create { like } => ("create", timing(Some(*like))?),
        Op::Update { onto, .. } => {
            let mut changes = vec![];
            for (field, carry) in &plan.carries {
                changes.push(change(contents, *onto, field, carry)?);
            }
            ("update", changes.join(", "))
        }
        Op::Delete { why, .. } => {
            let link = contents.links(&[plan.link])?.into_iter().next();
            let when = timing(link.and_then(|link| link.content()))?;
            match why {
                Removal::Deleted => ("delete", when),
                Removal::Yields => ("delete", format!("{when} (our copy beside the original)")),
            }
        }
    })
}

/// "location Room 1 → Room 2", or the field alone where its value is long.
fn change(
    contents: Contents<'_>,
    onto: Digest,
    field: &Field,
    carry: &Carry,
) -> Result<String, Error> {
    let short_enough = |text: &String| text.chars().count() <= WIDTH && !text.contains('\n');
    let Carry::Whole { content, .. } = carry else { return Ok(field.to_string()) };
    let (old, new) = (contents.field(Some(onto), field)?, contents.field(Some(*content), field)?);
    Ok(match (old.filter(short_enough), new.filter(short_enough)) {
        (Some(old), Some(new)) => format!("{field} {} → {}", shown(&old), shown(&new)),
        (_, _) => field.to_string(),
    })
}

fn shown(value: &str) -> &str {
    if value.trim().is_empty() { "(empty)" } else { value }
}

fn conflict_text(contents: Contents<'_>, conflict: &Conflicted) -> Result<String, Error> {
    let Some(field) = &conflict.field else {
        return Ok("edited on one side, deleted on the other; the edit wins".to_owned());
    };
    let mut sides = vec![];
    for (replica, value) in &conflict.sides {
        let text = contents.field(value.as_ref().map(|v| v.content), field)?.unwrap_or_default();
        sides.push(format!("{replica} says “{}”", short(shown(&text), WIDTH)));
    }
    let rule = match conflict.winner {
        Some(winner) => format!("{}: {winner} wins", explain::rule(conflict.rule)),
        None => "waits for a person".to_owned(),
    };
    Ok(format!("{field}: {}; {rule}", sides.join(", ")))
}

/// The steps for a plan file.
pub fn json(contents: Contents<'_>, steps: &[Step]) -> Result<Vec<Value>, Error> {
    steps
        .iter()
        .map(|step| {
            let item = match contents.links(&[step.link])?.first() {
                Some(link) => contents.content(link.content())?,
                None => None,
            };
            Ok(json!({
                "link": step.link,
                "subject": item.map(|item| item.title()),
                "verdicts": step.decision.verdicts,
                "writes": step.decision.plans,
            }))
        })
        .collect()
}
