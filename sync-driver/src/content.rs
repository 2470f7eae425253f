//! What a plan's digests stand for: the content to write, composed from the contents that were
//! read.

use items::{Content, Digester};
use std::collections::BTreeSet;
use sync_core::engine::Stop;
use sync_core::ids::{Digest, Field};
use sync_core::journal::{Carry, Op, Plan};
use sync_core::port::{Blob, Failure, Store, Trouble, WriteOp};

/// A write with its content, and what the copy holds after it.
pub(crate) struct Composed {
    pub(crate) op: WriteOp,
    pub(crate) after: Option<Blob>,
}

/// Composes `plan`'s write; a `Failure` concerns this item alone.
pub(crate) fn compose(
    store: &dyn Store,
    digester: &Digester,
    plan: &Plan,
) -> Result<Result<Composed, Failure>, Stop> {
    let contents = Contents { store, digester };
    Ok(match &plan.op {
        Op::Create { like } => contents.carried(*like, plan, Onto::Nothing)?.map(|made| {
            let content = made.to_canonical();
            let after = Blob { digest: digester.content(&content), bytes: content.clone() };
            Composed { op: WriteOp::Create { content }, after: Some(after) }
        }),
        Op::Update { id, if_match, onto } => {
            contents.carried(*onto, plan, Onto::Copy)?.map(|after| {
                let written = plan.carries.iter().filter(|(_, carry)| **carry != Carry::Emptied);
                let fields: BTreeSet<Field> = written.map(|(field, _)| field.clone()).collect();
                let patch = after.only(&fields).to_canonical();
                let bytes = after.to_canonical();
                let after = Blob { digest: digester.content(&bytes), bytes };
                let (id, if_match) = (id.clone(), if_match.clone());
                Composed { op: WriteOp::Update { id, if_match, patch }, after: Some(after) }
            })
        }
        Op::Delete { id, if_match, .. } => Ok(Composed {
            op: WriteOp::Delete { id: id.clone(), if_match: if_match.clone() },
            after: None,
        }),
    })
}

/// What the carried fields are laid onto.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Onto {
    /// A new copy, which takes over the item's identity only.
    Nothing,
    /// A copy that is there, with all it holds.
    Copy,
}

struct Contents<'a> {
    store: &'a dyn Store,
    digester: &'a Digester,
}

impl Contents<'_> {
    fn carried(
        &self,
        start: Digest,
        plan: &Plan,
        onto: Onto,
    ) -> Result<Result<Content, Failure>, Stop> {
        let start = match self.content(start)? {
            Ok(content) => content,
            Err(failure) => return Ok(Err(failure)),
        };
        let mut content = match onto {
            Onto::Nothing => start.bare(),
            Onto::Copy => start,
        };
        for (field, carry) in &plan.carries {
            if let Err(failure) = self.lay(&mut content, field, carry)? {
                return Ok(Err(failure));
            }
        }
        Ok(Ok(content))
    }

    fn lay(
        &self,
        into: &mut Content,
        field: &Field,
        carry: &Carry,
    ) -> Result<Result<(), Failure>, Stop> {
        match carry {
            Carry::Whole { content, .. } => match self.content(*content)? {
                Ok(from) => Ok(into.take(field, &from).map_err(|e| unusable(&e))),
                Err(failure) => Ok(Err(failure)),
            },
            Carry::Emptied => Ok(into.clear_set(field).map_err(|e| unusable(&e))),
            Carry::Elements { put, drop, .. } => {
                for (key, element) in put {
                    let from = match self.content(element.content)? {
                        Ok(from) => from,
                        Err(failure) => return Ok(Err(failure)),
                    };
                    if let Err(e) = into.put_element(self.digester, field, key, &from) {
                        return Ok(Err(unusable(&e)));
                    }
                }
                for key in drop {
                    if let Err(e) = into.drop_element(self.digester, field, key) {
                        return Ok(Err(unusable(&e)));
                    }
                }
                Ok(Ok(()))
            }
        }
    }

    fn content(&self, digest: Digest) -> Result<Result<Content, Failure>, Stop> {
        Ok(match self.store.blob(&digest)? {
            Some(bytes) => Content::from_canonical(&bytes).map_err(|e| unusable(&e)),
            None => Err(Failure::Permanent(Trouble::new(
                "content-missing",
                "the content to carry over is no longer in the state file",
            ))),
        })
    }
}

fn unusable(error: &dyn std::fmt::Display) -> Failure {
    Failure::Permanent(Trouble::new(
        "content-unusable",
        format!("the content to carry over can't be used: {error}"),
    ))
}
