//! The mailbox's calendars, made, renamed and deleted.

use crate::failure::Effect;
use crate::ops::change_folder::{self, FolderId};
use crate::ops::sync_hierarchy::Listed;
use crate::soap::Element;
use crate::transport::Call;
use crate::{EwsRemote, GRACE_MS, batch, folders};
use async_trait::async_trait;
use items::hierarchy::{self, List, Shelf, Standing};
use sync_core::ids::{RemoteId, Version};
use sync_core::port::{Failure, FolderKind, Stamp, Trouble, Written};

#[async_trait]
impl Shelf for EwsRemote {
    async fn list(&self) -> Result<List, Failure> {
        let tree = folders::read(self).await?;
        let mut list = List::default();
        let calendars = tree.folders.values().filter(|f| folders::kind(f) == FolderKind::Calendar);
        for folder in calendars {
            let shelf =
                if tree.is_in_trash(folder) { &mut list.trashed } else { &mut list.standing };
            shelf.push(standing(folder, tree.is_default(folder)));
        }
        Ok(list)
    }

    async fn create(&self, name: &str, stamp: &Stamp) -> Result<Written, Failure> {
        let body = change_folder::create(name, stamp, &self.property, self.owner.as_deref());
        let made = self.change("CreateFolder", &body, name, change_folder::changed).await?;
        Ok(Written { id: RemoteId(made.id), version: made.change_key.map(Version) })
    }

    async fn rename(
        &self,
        standing: &Standing,
        name: &str,
        stamp: &Stamp,
    ) -> Result<Written, Failure> {
        let body = change_folder::update(&id(standing), name, stamp, &self.property);
        let renamed = self.change("UpdateFolder", &body, name, change_folder::changed).await?;
        Ok(Written { id: standing.id.clone(), version: renamed.change_key.map(Version) })
    }

    async fn delete(&self, standing: &Standing) -> Result<(), Failure> {
        let body = change_folder::delete(&id(standing));
        self.change("DeleteFolder", &body, &standing.name, |_| Some(())).await
    }

    fn grace_ms(&self) -> i64 {
        GRACE_MS
    }
}

impl EwsRemote {
    async fn change<T>(
        &self,
        operation: &'static str,
        body: &str,
        name: &str,
        read: impl FnOnce(&Element) -> Option<T>,
    ) -> Result<T, Failure> {
        let call = Call { operation, effect: Effect::Write, zone: None, body };
        batch::single(&self.caller, call, read).await.map_err(|failure| match &failure {
            Failure::Permanent(Trouble { code, .. }) if code == hierarchy::TAKEN => {
                hierarchy::taken(name)
            }
            Failure::Permanent(trouble) if trouble.code == "ErrorFolderNotFound" => {
                Failure::Missing(trouble.clone())
            }
            Failure::Permanent(_)
            | Failure::Throttled { .. }
            | Failure::Transient(_)
            | Failure::InDoubt(_)
            | Failure::CursorExpired(_)
            | Failure::Unauthorized(_)
            | Failure::Stale(_)
            | Failure::Missing(_) => failure,
        })
    }
}

fn standing(folder: &Listed, is_default: bool) -> Standing {
    Standing {
        id: RemoteId(folder.id.clone()),
        version: folder.change_key.clone().map(Version),
        name: folder.name.clone(),
        is_default,
        role: None,
        stamp: folder.stamp.clone(),
    }
}

fn id(standing: &Standing) -> FolderId {
    FolderId {
        id: standing.id.0.clone(),
        change_key: standing.version.clone().map(|version| version.0),
    }
}
