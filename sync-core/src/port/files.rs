//! Where the bytes of attachments lie, which are too large to travel in a sealed content.

use super::Error;
use crate::ids::Digest;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps files by the keyed digest of their bytes, and remembers which file a server's attachment
/// turned out to be, so that it is read once. Files go in and out piece by piece.
pub trait Files: Send + Sync {
    /// Begins to keep a file. Nothing is kept of one that isn't finished.
    fn begin(&self) -> Result<Box<dyn Intake>, Error>;

    /// How long the file under `digest` is, in bytes, if it is kept.
    fn size(&self, digest: &Digest) -> Result<Option<u64>, Error>;

    /// At most `most` bytes of a file, beginning at `from`; fewer only at its end, and none behind
    /// it or of a file that isn't kept.
    fn read(&self, digest: &Digest, from: u64, most: usize) -> Result<Vec<u8>, Error>;

    /// Remembers that what `origin` names on a server is the file under `digest`.
    fn remember(&self, origin: &Digest, digest: &Digest) -> Result<(), Error>;

    /// The file that `origin` was, if it is known and kept: its digest and size.
    fn known(&self, origin: &Digest) -> Result<Option<(Digest, u64)>, Error>;
}

/// A file on its way in.
pub trait Intake: Send {
    /// Takes the next piece.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error>;

    /// Keeps what came in under `digest`, durably; a file that is kept already stays as it is.
    fn finish(self: Box<Self>, digest: &Digest) -> Result<(), Error>;
}

/// Files in memory: the reference, and those of tests. Clones share what they keep.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    files: BTreeMap<Digest, Vec<u8>>,
    origins: BTreeMap<Digest, Digest>,
}

impl MemoryFiles {
    fn kept<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Files for MemoryFiles {
    fn begin(&self) -> Result<Box<dyn Intake>, Error> {
        Ok(Box::new(MemoryIntake { files: self.clone(), bytes: Vec::new() }))
    }

    fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        Ok(self.kept(|kept| kept.files.get(digest).map(|bytes| bytes.len() as u64)))
    }

    fn read(&self, digest: &Digest, from: u64, most: usize) -> Result<Vec<u8>, Error> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(self.kept(|kept| {
            let rest = kept.files.get(digest).and_then(|bytes| bytes.get(from..));
            rest.map(|rest| rest[..most.min(rest.len())].to_vec()).unwrap_or_default()
        }))
    }

    fn remember(&self, origin: &Digest, digest: &Digest) -> Result<(), Error> {
        self.kept(|kept| kept.origins.insert(*origin, *digest));
        Ok(())
    }

    fn known(&self, origin: &Digest) -> Result<Option<(Digest, u64)>, Error> {
        Ok(self.kept(|kept| {
            let digest = kept.origins.get(origin)?;
            Some((*digest, kept.files.get(digest)?.len() as u64))
        }))
    }
}

struct MemoryIntake {
    files: MemoryFiles,
    bytes: Vec<u8>,
}

impl Intake for MemoryIntake {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>, digest: &Digest) -> Result<(), Error> {
        let Self { files, bytes } = *self;
        files.kept(|kept| {
            kept.files.entry(*digest).or_insert(bytes);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::files_conformance!(|| Box::new(MemoryFiles::default()));
}
