//! Performs writes, grouped into requests.

mod known;
mod late;
mod plan;

use crate::batch::{self, Brake};
use crate::failure::{self, Effect};
use crate::map::people;
use crate::ops::get_item::{self, Shape};
use crate::ops::{Address, ItemId, create_item, delete_item, update_item};
use crate::soap::{Element, Message};
use crate::transport::Call;
use crate::{EwsRemote, ops};
use plan::{Kind, Request, Step};
use sync_core::ids::{FolderId, RemoteId, Version};
use sync_core::port::{Failure, Trouble, Write, Written};

/// What became of one write.
type Outcome = Result<Written, Failure>;

/// One outcome for each of `writes`, in their order.
pub(crate) async fn all(remote: &EwsRemote, writes: &[Write]) -> Vec<Outcome> {
    let brake = Brake::default();
    let contents: Vec<_> = writes.iter().map(plan::content).collect();
    let known = known::read(remote, writes, &contents, &brake).await;
    let mut plan = plan::plan(remote.setting(), writes, contents, known);
    let sent = plan.requests.iter().map(|request| send(remote, request, &brake)).collect();
    for (request, results) in plan.requests.iter().zip(batch::concurrently(sent).await) {
        for (step, outcome) in request.steps.iter().zip(results) {
            plan.outcomes[step.index] = Some(outcome);
        }
    }
    let sent = plan.late.iter().map(|late| late::write(remote, late, &brake)).collect();
    for (late, outcome) in plan.late.iter().zip(batch::concurrently(sent).await) {
        plan.outcomes[late.index] = Some(outcome);
    }
    let outcomes = plan.outcomes.into_iter();
    outcomes.map(|o| o.expect("each write is refused, late, or in one request")).collect()
}

/// Sends one request. Where the server refuses it whole for what one item holds, sends its halves,
/// so that the others are written.
async fn send(remote: &EwsRemote, request: &Request, brake: &Brake) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(request.steps.len());
    let mut waiting = vec![&request.steps[..]];
    while let Some(steps) = waiting.pop() {
        let result = match brake.pulled() {
            Some(failure) => Err(failure),
            None => perform(remote, request, steps).await,
        };
        match result {
            Ok(results) => {
                results.iter().filter_map(|r| r.as_ref().err()).for_each(|f| brake.note(f));
                outcomes.extend(results);
            }
            Err(failure) if steps.len() > 1 && is_about_content(&failure) => {
                let (first, second) = steps.split_at(steps.len() / 2);
                waiting.extend([second, first]);
            }
            Err(failure) => {
                brake.note(&failure);
                outcomes.extend(steps.iter().map(|_| Err(failure.clone())));
            }
        }
    }
    outcomes
}

/// Whether a request was refused, unperformed, for something in one of its items.
fn is_about_content(failure: &Failure) -> bool {
    const CODES: [&str; 3] = ["ErrorSchemaValidation", "ErrorInvalidRequest", "http-413"];
    matches!(failure, Failure::Permanent(trouble) if CODES.contains(&trouble.code.as_str()))
}

/// Sends `steps` of a request as one; `Err` says what became of all of them.
async fn perform(
    remote: &EwsRemote,
    request: &Request,
    steps: &[Step],
) -> Result<Vec<Outcome>, Failure> {
    let checks = match &request.kind {
        Kind::Create(folder) => {
            let items = steps.iter().map(|step| step.xml.as_str());
            let body = create_item::request(folder.as_str(), items);
            return submit(remote, "CreateItem", request.zone, &body, &vec![None; steps.len()])
                .await;
        }
        Kind::Update if steps.iter().all(|step| step.target.item.change_key.is_some()) => {
            steps.iter().map(|step| Ok(step.target.item.clone())).collect()
        }
        Kind::Update | Kind::Delete => check(remote, steps).await?,
    };
    let ready =
        checks.iter().zip(steps).filter_map(|(check, step)| Some((check.as_ref().ok()?, step)));
    let (operation, body) = match &request.kind {
        Kind::Delete => ("DeleteItem", {
            let items = ready.clone().map(|(item, _)| Address::Item(item));
            delete_item::request(items)
        }),
        Kind::Create(_) | Kind::Update => {
            let changes =
                ready.clone().map(|(item, step)| (Address::Item(item), step.xml.as_str()));
            ("UpdateItem", update_item::request(changes))
        }
    };
    let ids: Vec<_> = ready.map(|(item, _)| Some(item)).collect();
    let results = match ids.is_empty() {
        true => Vec::new(),
        false => match submit(remote, operation, request.zone, &body, &ids).await {
            Ok(results) => results,
            Err(failure) if is_about_content(&failure) => return Err(failure),
            // What the check found out of the others stands.
            Err(failure) => vec![Err(failure); ids.len()],
        },
    };
    let mut results = results.into_iter();
    let mut next = || results.next().expect("each checked item has an outcome");
    Ok(checks
        .iter()
        .map(|check| check.as_ref().map_or_else(|f| Err(f.clone()), |_| next()))
        .collect())
}

/// Reads what stands there now, just before a write on which the server sets no condition of its
/// own: DeleteItem looks at no version, and UpdateItem wants the current one. What was seen of an
/// item whose version isn't known may be different by now: a meeting of others, for one.
async fn check(
    remote: &EwsRemote,
    steps: &[Step],
) -> Result<Vec<Result<ItemId, Failure>>, Failure> {
    let ids = steps.iter().map(|step| step.target.item.id.as_str());
    let body = get_item::request(ids, Shape::Mark(&remote.property));
    let call = Call { operation: "GetItem", effect: Effect::Read, zone: None, body: &body };
    batch::exchange(&remote.caller, call, steps.len(), |messages| {
        let check = |(message, step): (_, &Step)| {
            let expected = step.target.item.change_key.as_deref();
            let (item, id) = checked(message, &step.target.folder, expected)?;
            let kind = people::kind(item, &remote.mailbox);
            kind.check(&step.fields).map_err(Failure::Permanent)?;
            Ok(id)
        };
        messages.into_iter().zip(steps).map(check).collect()
    })
    .await
}

/// The item in an answer, if it lies in `folder` and still stands in the `expected` version.
fn checked<'a>(
    message: Message<'a>,
    folder: &FolderId,
    expected: Option<&str>,
) -> Result<(&'a Element, ItemId), Failure> {
    if let Some(complaint) = message.complaint {
        return Err(failure::of(complaint, Effect::Read));
    }
    let item = ops::item(message.element);
    let Some((item, id)) = item.and_then(|item| Some((item, ItemId::of(item)?))) else {
        let detail = "the server's answer has no item in it";
        return Err(Failure::Transient(Trouble::new("no-item", detail)));
    };
    if !ops::lies_in(item, folder.as_str()) {
        return Err(moved_away());
    }
    match expected {
        Some(expected) if id.change_key.as_deref() != Some(expected) => Err(changed_since()),
        Some(_) | None => Ok((item, id)),
    }
}

fn moved_away() -> Failure {
    Failure::Missing(Trouble::new("moved-away", "the item lies in another folder now"))
}

fn changed_since() -> Failure {
    Failure::Stale(Trouble::new("changed-since", "the item was changed since it was read"))
}

/// Sends a write; `known` are the ids that its items have already.
async fn submit(
    remote: &EwsRemote,
    operation: &'static str,
    zone: Option<&str>,
    body: &str,
    known: &[Option<&ItemId>],
) -> Result<Vec<Outcome>, Failure> {
    let call = Call { operation, effect: Effect::Write, zone, body };
    batch::exchange(&remote.caller, call, known.len(), |messages| {
        messages.into_iter().zip(known).map(|(message, known)| outcome(message, *known)).collect()
    })
    .await
}

/// What one response message says. An answer without id leaves a create in doubt; other writes
/// keep the id they had.
fn outcome(message: Message<'_>, known: Option<&ItemId>) -> Outcome {
    if let Some(complaint) = message.complaint {
        return Err(failure::of(complaint, Effect::Write));
    }
    match (ops::item(message.element).and_then(ItemId::of), known) {
        (Some(item), _) => {
            Ok(Written { id: RemoteId(item.id), version: item.change_key.map(Version) })
        }
        (None, Some(known)) => Ok(Written { id: RemoteId(known.id.clone()), version: None }),
        (None, None) => {
            let detail = "the server says that it made the item, but not under which id";
            Err(Failure::InDoubt(Trouble::new("no-id", detail)))
        }
    }
}
