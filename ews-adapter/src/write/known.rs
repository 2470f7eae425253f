//! What stands there now, for updates that hold only a part of what is valid together: of the times
//! and the recurrence of a series, of people.

use super::checked;
use crate::batch::{Brake, ITEMS_MAX};
use crate::failure::Effect;
use crate::map::event::Known;
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

/// What the items are that such of the `writes` are about, by position.
pub(super) async fn read(
    remote: &EwsRemote,
    writes: &[Write],
    contents: &[Result<Event, Trouble>],
    brake: &Brake,
) -> BTreeMap<usize, Result<Known, Failure>> {
    let setting = remote.setting();
    let mut questions = Vec::new();
    for (index, (write, content)) in writes.iter().zip(contents).enumerate() {
        if let WriteOp::Update { id, if_match, .. } = &write.op
            && content.as_ref().is_ok_and(|content| setting.wants_more(content))
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
) -> Vec<(usize, Result<Known, Failure>)> {
    let ids = questions.iter().map(|question| question.id.as_str());
    let shape = if remote.setting().notes() { Shape::KnownWithBody } else { Shape::Known };
    let body = get_item::request(ids, shape);
    let call = Call { operation: "GetItem", effect: Effect::Read, zone: None, body: &body };
    let result = match brake.pulled() {
        Some(failure) => Err(failure),
        None => {
            batch::exchange(&remote.caller, call, questions.len(), |messages| {
                let answers = messages.into_iter().zip(questions);
                let answer = |(message, question): (_, &Question<'_>)| {
                    let expected = question.if_match.map(Version::as_str);
                    let (item, _) = checked(message, question.folder, expected)?;
                    Known::of(item, &remote.mailbox).map_err(Failure::Permanent)
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
