//! Lists a mailbox's folders.

use crate::failure::Effect;
use crate::ops::Distinguished;
use crate::ops::get_folder;
use crate::ops::sync_hierarchy::{self, Listed};
use crate::transport::Call;
use crate::{EwsRemote, batch, entry_id, failure};
use std::collections::BTreeMap;
use sync_core::ids::FolderId;
use sync_core::port::{Failure, Folder, FolderKind, Trouble};

/// Most pages of a hierarchy: thousands of folders each, so that more is a server gone astray.
const PAGES_MAX: usize = 1000;
const DEFAULTS: [Distinguished; 2] = [Distinguished::Calendar, Distinguished::DeletedItems];

/// Where the folders lie.
pub(crate) struct Tree {
    /// All folders, by id.
    pub(crate) folders: BTreeMap<String, Listed>,
    calendar: Option<String>,
    trash: Option<String>,
}

/// All folders but Deleted Items and what lies in it.
pub(crate) async fn list(remote: &EwsRemote) -> Result<Vec<Folder>, Failure> {
    let tree = read(remote).await?;
    Ok(tree
        .folders
        .values()
        .filter(|folder| !tree.is_in_trash(folder))
        .map(|folder| Folder {
            id: FolderId(folder.id.clone()),
            name: folder.name.clone(),
            kind: kind(folder),
            is_default: tree.is_default(folder),
        })
        .collect())
}

/// Reads the folders, and which of them are the default calendar and the trash.
pub(crate) async fn read(remote: &EwsRemote) -> Result<Tree, Failure> {
    let body = get_folder::request(&DEFAULTS, remote.owner.as_deref());
    let call = Call { operation: "GetFolder", effect: Effect::Read, zone: None, body: &body };
    let ids = batch::exchange(&remote.caller, call, DEFAULTS.len(), |messages| {
        let id = |message: crate::soap::Message<'_>| match message.complaint {
            Some(complaint) => match failure::of(complaint, Effect::Read) {
                // A mailbox may lack one of them, and has calendars all the same.
                Failure::Missing(_) | Failure::Permanent(_) => Ok(None),
                failure @ (Failure::Throttled { .. }
                | Failure::Transient(_)
                | Failure::InDoubt(_)
                | Failure::CursorExpired(_)
                | Failure::Unauthorized(_)
                | Failure::Stale(_)) => Err(failure),
            },
            None => Ok(get_folder::id(message.element)),
        };
        messages.into_iter().map(id).collect::<Result<Vec<_>, _>>()
    });
    let ids = ids.await??;
    let (calendar, trash) = (ids.first().cloned().flatten(), ids.get(1).cloned().flatten());
    Ok(Tree { folders: hierarchy(remote).await?, calendar, trash })
}

impl Tree {
    /// Whether a folder is the mailbox's default calendar.
    pub(crate) fn is_default(&self, folder: &Listed) -> bool {
        self.calendar.as_deref().is_some_and(|calendar| entry_id::same(calendar, &folder.id))
    }

    /// Whether a folder is Deleted Items, or lies in it.
    pub(crate) fn is_in_trash(&self, folder: &Listed) -> bool {
        self.trash.as_deref().is_some_and(|trash| lies_below(&self.folders, folder, trash))
    }
}

async fn hierarchy(remote: &EwsRemote) -> Result<BTreeMap<String, Listed>, Failure> {
    let mut listed = BTreeMap::new();
    let mut state: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let body =
            sync_hierarchy::request(state.as_deref(), remote.owner.as_deref(), &remote.property);
        let call = Call {
            operation: "SyncFolderHierarchy",
            effect: Effect::Read,
            zone: None,
            body: &body,
        };
        let read = |message: &crate::soap::Element| sync_hierarchy::page(message, &remote.property);
        let page = batch::single(&remote.caller, call, read).await?;
        listed.extend(page.folders.into_iter().map(|folder| (folder.id.clone(), folder)));
        for gone in page.gone {
            listed.remove(&gone);
        }
        if !page.more {
            return Ok(listed);
        }
        state = Some(page.state);
    }
    Err(Failure::Transient(Trouble::new("no-progress", "the list of folders never ends")))
}

/// Whether `folder` is `ancestor`, or lies in it at any depth.
fn lies_below(listed: &BTreeMap<String, Listed>, folder: &Listed, ancestor: &str) -> bool {
    let mut at = Some(folder);
    // A hierarchy without cycles is no deeper than it has folders.
    for _ in 0..=listed.len() {
        let Some(folder) = at else { return false };
        if entry_id::same(&folder.id, ancestor) {
            return true;
        }
        let Some(parent) = folder.parent.as_deref() else { return false };
        if entry_id::same(parent, ancestor) {
            return true;
        }
        at = listed.get(parent);
    }
    false
}

/// What a folder holds. One without class holds notes, that is messages (Mozilla bug 2009429);
/// birthdays are a view that the server makes of contacts.
pub(crate) fn kind(folder: &Listed) -> FolderKind {
    let class = folder.class.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
    let is = |base: &str| class == base || class.starts_with(&format!("{base}."));
    match folder.element.as_str() {
        "SearchFolder" => FolderKind::Other,
        _ if is("ipf.appointment.birthday") => FolderKind::Other,
        _ if is("ipf.appointment") => FolderKind::Calendar,
        _ if is("ipf.note") => FolderKind::Mail,
        "CalendarFolder" if class.is_empty() => FolderKind::Calendar,
        _ if class.is_empty() => FolderKind::Mail,
        _ => FolderKind::Other,
    }
}
