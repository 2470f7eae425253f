//! The calendars of a mailbox as a replica: made, renamed and deleted like any items.

use crate::content::Content;
use crate::digest::Digester;
use crate::folder::Folder;
use crate::hierarchy::{List, Shelf, Turns};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sync_core::ids::{Cursor, FolderId, IntentKey, RemoteId};
use sync_core::port::{
    self, Capabilities, Failure, Fetched, FolderKind, Page, Probe, Probed, Remote, Stamp, Target,
    Trouble, Write, WriteOp, Written,
};

/// A mailbox's list of calendars. It has one folder, whatever that is called.
pub struct Calendars {
    shelf: Arc<dyn Shelf>,
    digester: Digester,
    choice: Mutex<Option<Choice>>,
    /// What each calendar that was asked for is known by, until it is certain that it was made.
    asked: Mutex<BTreeMap<IntentKey, Option<String>>>,
    /// The list that was just read, for whoever asks next.
    fresh: Mutex<Option<List>>,
}

/// Some of a mailbox's calendars.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Which, and what each is known by where its name isn't to be the same everywhere.
    pub shown: BTreeMap<RemoteId, Option<String>>,
    /// What one that is known by this is called when it is made here.
    pub names: BTreeMap<String, String>,
}

impl Calendars {
    /// The calendars of `shelf`, all of them.
    pub fn new(shelf: Arc<dyn Shelf>, digester: Digester) -> Self {
        Self {
            shelf,
            digester,
            choice: Mutex::default(),
            asked: Mutex::default(),
            fresh: Mutex::default(),
        }
    }

    /// Limits them to `choice`, and to what is made from now on.
    pub fn choose(&self, choice: Choice) {
        *lock(&self.choice) = Some(choice);
    }

    /// Lists all calendars, with what is left out, in sentences.
    ///
    /// # Errors
    /// As [`Shelf::list`].
    pub async fn all(&self) -> Result<(Vec<port::Folder>, Vec<String>), Failure> {
        let list = self.shelf.list().await?;
        let all = list.standing.iter().map(|one| port::Folder {
            id: FolderId(one.id.0.clone()),
            name: one.name.clone(),
            kind: FolderKind::Calendar,
            is_default: one.is_default,
        });
        let all = (all.collect(), list.left_out.clone());
        *lock(&self.fresh) = Some(list);
        Ok(all)
    }

    /// The list as it stands, limited to what was chosen, and whether a calendar is outside.
    fn chosen(&self, mut list: List) -> (List, Vec<RemoteId>) {
        let mut outside = vec![];
        if let Some(choice) = &*lock(&self.choice) {
            list.standing.retain_mut(|one| match choice.shown.get(&one.id) {
                Some(role) => {
                    one.role.clone_from(role);
                    true
                }
                None => {
                    outside.push(one.id.clone());
                    false
                }
            });
        }
        (list, outside)
    }

    /// Adds what was made to the choice.
    fn made(&self, id: &RemoteId, stamp: &Stamp) {
        let role = lock(&self.asked).remove(&stamp.key).flatten();
        if let Some(choice) = &mut *lock(&self.choice) {
            choice.shown.entry(id.clone()).or_insert(role);
        }
    }

    /// One write, onto what was listed just before.
    async fn perform(&self, list: &List, write: &Write) -> Result<Written, Failure> {
        match &write.op {
            WriteOp::Create { content } => {
                let folder = unseal(content)?;
                let name = self.name_of(&folder)?;
                lock(&self.asked).insert(write.stamp.key.clone(), folder.role);
                let written = self.shelf.create(&name, &write.stamp).await?;
                self.made(&written.id, &write.stamp);
                Ok(written)
            }
            WriteOp::Update { id, if_match, patch } => {
                let standing = list.check(id, if_match.as_ref())?;
                let name = self.name_of(&unseal(patch)?)?;
                self.shelf.rename(standing, &name, &write.stamp).await
            }
            WriteOp::Delete { id, if_match } => {
                let standing = list.check(id, if_match.as_ref())?;
                self.shelf.delete(standing).await?;
                Ok(Written { id: id.clone(), version: None })
            }
        }
    }

    /// The name to write: a folder's own, or the one that goes with what it is known by.
    fn name_of(&self, folder: &Folder) -> Result<String, Failure> {
        let by_role = || {
            let choice = lock(&self.choice);
            choice.as_ref()?.names.get(folder.role.as_deref()?).cloned()
        };
        let name = folder.name.clone().or_else(by_role);
        name.filter(|name| !name.trim().is_empty()).ok_or_else(|| {
            Failure::Permanent(Trouble::new("no-name", "a calendar must have a name"))
        })
    }
}

#[async_trait]
impl Remote for Calendars {
    fn capabilities(&self) -> Capabilities {
        let grace_ms = self.shelf.grace_ms();
        Capabilities {
            fields: Folder::fields(),
            late: BTreeMap::new(),
            dedupes_creates: false,
            create_grace_ms: grace_ms,
            write_grace_ms: grace_ms,
        }
    }

    async fn folders(&self) -> Result<Vec<port::Folder>, Failure> {
        Ok(self.all().await?.0)
    }

    async fn pull(&self, _: &FolderId, cursor: Option<&Cursor>) -> Result<Page, Failure> {
        let fresh = lock(&self.fresh).take();
        let list = match fresh {
            Some(list) => list,
            None => self.shelf.list().await?,
        };
        self.chosen(list).0.page(&self.digester, cursor)
    }

    async fn fetch(&self, _: &FolderId, ids: &[RemoteId]) -> Result<Vec<Fetched>, Failure> {
        let (list, outside) = self.chosen(self.shelf.list().await?);
        let fetched = ids.iter().map(|id| match outside.contains(id) {
            true => Fetched::Outside,
            false => list.fetched(&self.digester, id),
        });
        Ok(fetched.collect())
    }

    async fn write(&self, writes: &[Write]) -> Vec<Result<Written, Failure>> {
        let list = match self.shelf.list().await {
            Ok(list) => list,
            Err(failure) => return writes.iter().map(|_| Err(failure.clone())).collect(),
        };
        let mut turns = Turns::of(writes.len());
        while let Some(at) = turns.next() {
            turns.done(at, self.perform(&list, &writes[at]).await);
        }
        turns.results()
    }

    async fn probe(&self, probes: &[Probe]) -> Result<Vec<Probed>, Failure> {
        let list = self.shelf.list().await?;
        let probed: Vec<Probed> = probes.iter().map(|probe| list.probed(probe)).collect();
        for (probe, probed) in probes.iter().zip(&probed) {
            if let (Target::Create, Probed::Applied { id, .. }) = (&probe.target, probed) {
                self.made(id, &probe.stamp);
            }
        }
        Ok(probed)
    }
}

/// A panic elsewhere leaves nothing half done: each value is set at once.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unseal(content: &[u8]) -> Result<Folder, Failure> {
    let malformed = |text: String| Failure::Permanent(Trouble::new("malformed-content", text));
    match Content::from_canonical(content) {
        Ok(Content::Folder(folder)) => Ok(folder),
        Ok(Content::Event(_)) => Err(malformed("an event is no calendar".to_owned())),
        Err(error) => Err(malformed(error.to_string())),
    }
}
