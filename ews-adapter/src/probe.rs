//! Finds out whether writes in doubt happened.

use crate::batch::ITEMS_MAX;
use crate::failure::Effect;
use crate::ops::find_item;
use crate::ops::get_item::{self, Shape};
use crate::soap::Message;
use crate::transport::Call;
use crate::{EwsRemote, batch, failure, ops};
use std::collections::BTreeMap;
use sync_core::ids::{FolderId, RemoteId};
use sync_core::port::{Failure, Place, Probe, Probed, Stamp, Target, Trouble};

/// Most stamps in one search; each is an operand of its restriction.
const STAMPS_MAX: usize = 20;
/// A search looks into the folder and into Deleted Items.
const FOLDERS_SEARCHED: usize = 2;

/// One answer for each of `probes`, in their order.
///
/// Where the write was about an item that is known, the item itself is asked first; what is not
/// found so is searched for by its stamp.
pub(crate) async fn all(remote: &EwsRemote, probes: &[Probe]) -> Result<Vec<Probed>, Failure> {
    let mut answers = vec![None; probes.len()];
    let known: Vec<_> = probes.iter().enumerate().filter(|(_, p)| target_id(p).is_some()).collect();
    let asked = known.chunks(ITEMS_MAX).map(|chunk| ask(remote, chunk)).collect();
    let asked = batch::concurrently(asked).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    for ((index, _), answer) in known.iter().zip(asked.into_iter().flatten()) {
        answers[*index] = answer;
    }
    let mut wanted: BTreeMap<&FolderId, Vec<&Stamp>> = BTreeMap::new();
    for (probe, _) in probes.iter().zip(&answers).filter(|(_, answer)| answer.is_none()) {
        wanted.entry(&probe.folder).or_default().push(&probe.stamp);
    }
    let searches = wanted.iter().flat_map(|(folder, stamps)| {
        stamps.chunks(STAMPS_MAX).map(move |stamps| search(remote, folder, stamps))
    });
    let found = batch::concurrently(searches.collect()).await;
    let mut found_at: BTreeMap<(FolderId, Stamp), Probed> = BTreeMap::new();
    for (folder, stamp, probed) in found.into_iter().collect::<Result<Vec<_>, _>>()?.concat() {
        // The folder is searched before Deleted Items; a copy in the trash is only a copy.
        found_at.entry((folder, stamp)).or_insert(probed);
    }
    let answer = |(probe, answer): (&Probe, Option<Probed>)| {
        answer.unwrap_or_else(|| {
            let key = (probe.folder.clone(), probe.stamp.clone());
            found_at.get(&key).cloned().unwrap_or(Probed::NotApplied)
        })
    };
    Ok(probes.iter().zip(answers).map(answer).collect())
}

fn target_id(probe: &Probe) -> Option<&RemoteId> {
    match &probe.target {
        Target::Create => None,
        Target::Update(id) | Target::Delete(id) => Some(id),
    }
}

/// Asks items for themselves; `None` for what a search must find.
async fn ask(
    remote: &EwsRemote,
    probes: &[(usize, &Probe)],
) -> Result<Vec<Option<Probed>>, Failure> {
    let ids = probes.iter().filter_map(|(_, probe)| target_id(probe)).map(RemoteId::as_str);
    let body = get_item::request(ids, Shape::Mark(&remote.property));
    let call = Call { operation: "GetItem", effect: Effect::Read, zone: None, body: &body };
    batch::exchange(&remote.caller, call, probes.len(), |messages| {
        let answers = messages.into_iter().zip(probes);
        answers.map(|(message, (_, probe))| answer(remote, message, probe)).collect()
    })
    .await?
}

fn answer(
    remote: &EwsRemote,
    message: Message<'_>,
    probe: &Probe,
) -> Result<Option<Probed>, Failure> {
    let item = match message.complaint.map(|complaint| failure::of(complaint, Effect::Read)) {
        None => Some(ops::item(message.element).ok_or_else(|| {
            Failure::Transient(Trouble::new("no-item", "the server's answer has no item in it"))
        })?),
        Some(Failure::Missing(_)) => None,
        Some(failure) => return Err(failure),
    };
    // A move changes an item's id, so that one which lies elsewhere was read in another spelling.
    let in_folder = item.is_some_and(|item| ops::lies_in(item, probe.folder.as_str()));
    let stamped =
        item.and_then(|item| remote.property.read(item)).is_some_and(|s| s.key == probe.stamp.key);
    let applied = |id: &RemoteId, place| Ok(Some(Probed::Applied { id: id.clone(), place }));
    match (&probe.target, item.is_some(), in_folder) {
        (Target::Create, _, _) | (Target::Update(_), false, _) => Ok(None),
        (Target::Update(_), true, _) if !stamped => Ok(Some(Probed::NotApplied)),
        (Target::Update(id), true, true) => applied(id, Place::Folder),
        (Target::Update(id), true, false) => applied(id, Place::Trash),
        (Target::Delete(_), true, true) => Ok(Some(Probed::NotApplied)),
        (Target::Delete(id), _, _) => applied(id, Place::Trash),
    }
}

/// Searches a folder and Deleted Items for stamps.
async fn search(
    remote: &EwsRemote,
    folder: &FolderId,
    stamps: &[&Stamp],
) -> Result<Vec<(FolderId, Stamp, Probed)>, Failure> {
    let owner = remote.owner.as_deref();
    let body = find_item::request(folder.as_str(), owner, &remote.property, stamps);
    let call = Call { operation: "FindItem", effect: Effect::Read, zone: None, body: &body };
    batch::exchange(&remote.caller, call, FOLDERS_SEARCHED, |messages| {
        let mut found = Vec::new();
        for (message, place) in messages.into_iter().zip([Place::Folder, Place::Trash]) {
            if let Some(complaint) = message.complaint {
                return Err(failure::of(complaint, Effect::Read));
            }
            for (item, stamp) in find_item::found(message.element, &remote.property) {
                let probed = Probed::Applied { id: RemoteId(item.id), place };
                found.push((folder.clone(), stamp, probed));
            }
        }
        Ok(found)
    })
    .await?
}
