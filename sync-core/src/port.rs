//! The two traits behind which the world lies, and the shelf that both use for what is large.
//! Production, simulation and replay differ only in who implements them.

mod files;
mod remote;
mod store;

pub use files::{Files, Intake, MemoryFiles};
pub use remote::{
    Capabilities, Change, Failure, Fetched, Folder, FolderKind, Hint, Page, Place, Probe, Probed,
    Remote, Sighted, Stamp, Target, Trouble, Write, WriteOp, Written,
};
pub use store::{Blob, Commit, Counts, Error, Loaded, Query, Store};
