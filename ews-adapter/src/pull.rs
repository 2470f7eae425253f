//! Reads a folder's stream of changes, one page at a time.

use crate::failure::Effect;
use crate::ops::sync_items::{self, Change as Synced};
use crate::transport::Call;
use crate::{EwsRemote, batch};
use sync_core::ids::{Cursor, FolderId, RemoteId, Version};
use sync_core::port::{Change, Failure, Hint, Page, Trouble};

/// The page after `cursor`. Repeats and ids that no longer exist are passed on: the stream is
/// at-least-once, and its reader looks for itself.
pub(crate) async fn page(
    remote: &EwsRemote,
    folder: &FolderId,
    cursor: Option<&Cursor>,
) -> Result<Page, Failure> {
    let body = sync_items::request(folder.as_str(), cursor.map(Cursor::as_str));
    let call = Call { operation: "SyncFolderItems", effect: Effect::Read, zone: None, body: &body };
    let page = batch::single(&remote.caller, call, sync_items::page).await?;
    let stands_still = cursor.is_some_and(|cursor| cursor.as_str() == page.state);
    if page.more && page.changes.is_empty() && stands_still {
        let detail = "the server promises more changes and gives none";
        return Err(Failure::Transient(Trouble::new("no-progress", detail)));
    }
    let changes = page.changes.into_iter().map(change).collect();
    Ok(Page { changes, cursor: Cursor(page.state), more: page.more })
}

fn change(change: Synced) -> Change {
    match change {
        Synced::There(item) => Change {
            id: RemoteId(item.id),
            hint: Hint::Changed { version: item.change_key.map(Version), item: None },
        },
        Synced::Gone(id) => Change { id: RemoteId(id), hint: Hint::Gone },
    }
}
