//! When items take place now, for updates that hold only a part of what a series is written with.

use super::checked;
use crate::batch::{Brake, ITEMS_MAX};
use crate::failure::Effect;
use crate::map::{draft, event};
use crate::ops::get_item::{self, Shape};
use crate::transport::Call;
use crate::{EwsRemote, batch};
use items::Event;
use std::collections::BTreeMap;
use sync_core::ids::{FolderId, RemoteId, Version};
use sync_core::port::{Failure, Trouble, Write, WriteOp};

/// An update of which more must be known.
#[derive(Clone, Copy)]
struct Question<'a> {
    index: usize,
    folder: &'a FolderId,
    id: &'a RemoteId,
    if_match: Option<&'a Version>,
}

/// Times and recurrence of the items that `writes` with such contents are about, by position.
pub(super) async fn read(
    remote: &EwsRemote,
    writes: &[Write],
    contents: &[Result<Event, Trouble>],
    brake: &Brake,
) -> BTreeMap<usize, Result<Event, Failure>> {
    let mut questions = Vec::new();
    for (index, (write, content)) in writes.iter().zip(contents).enumerate() {
        if let WriteOp::Update { id, if_match, .. } = &write.op
            && content.as_ref().is_ok_and(draft::wants_schedule)
        {
            let if_match = if_match.as_ref();
            questions.push(Question { index, folder: &write.folder, id, if_match });
        }
    }
    let asked = questions.chunks(ITEMS_MAX).map(|chunk| ask(remote, chunk, brake)).collect();
    batch::concurrently(asked).await.into_iter().flatten().collect()
}

async fn ask(
    remote: &EwsRemote,
    questions: &[Question<'_>],
    brake: &Brake,
) -> Vec<(usize, Result<Event, Failure>)> {
    let ids = questions.iter().map(|question| question.id.as_str());
    let body = get_item::request(ids, Shape::Schedule);
    let call = Call { operation: "GetItem", effect: Effect::Read, zone: None, body: &body };
    let result = match brake.pulled() {
        Some(failure) => Err(failure),
        None => {
            batch::exchange(&remote.caller, call, questions.len(), |messages| {
                let answers = messages.into_iter().zip(questions);
                let answer = |(message, question): (_, &Question<'_>)| {
                    let expected = question.if_match.map(Version::as_str);
                    let (item, _) = checked(message, question.folder, expected)?;
                    event::schedule(item).map_err(Failure::Permanent)
                };
                answers.map(answer).collect::<Vec<_>>()
            })
            .await
        }
    };
    let results = result.unwrap_or_else(|failure| vec![Err(failure); questions.len()]);
    results.iter().filter_map(|r| r.as_ref().err()).for_each(|failure| brake.note(failure));
    questions.iter().map(|question| question.index).zip(results).collect()
}
