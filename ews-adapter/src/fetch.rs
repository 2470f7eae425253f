//! Reads items whole.

use crate::batch::{Brake, ITEMS_MAX};
use crate::map::event::{Reading, Standing};
use crate::standing::Read;
use crate::{EwsRemote, attached, batch, standing};
use sync_core::ids::{FolderId, RemoteId};
use sync_core::port::{Failure, Fetched};

/// One result for each of `ids`, in their order.
pub(crate) async fn items(
    remote: &EwsRemote,
    folder: &FolderId,
    ids: &[RemoteId],
) -> Result<Vec<Fetched>, Failure> {
    let reading = remote.reading(folder.as_str());
    let ids: Vec<&str> = ids.iter().map(RemoteId::as_str).collect();
    let brake = Brake::default();
    let chunks = ids.chunks(ITEMS_MAX).map(|ids| whole(remote, reading, ids, &brake));
    let results = batch::concurrently(chunks.collect()).await;
    let results = results.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
    let found = |standing: Standing| Fetched::Found(Box::new(standing.sighted(&remote.digester)));
    Ok(results.map(|read| read.map_or_else(|fetched| fetched, found)).collect())
}

/// Items with all that belongs to them.
async fn whole(
    remote: &EwsRemote,
    reading: Reading<'_>,
    ids: &[&str],
    brake: &Brake,
) -> Result<Vec<Read>, Failure> {
    let mut items = standing::read(remote, reading, ids, brake).await?;
    for (id, item) in ids.iter().zip(&mut items) {
        if let Ok(standing) = item {
            attached::complete(remote, id, standing, brake).await?;
        }
    }
    Ok(items)
}
