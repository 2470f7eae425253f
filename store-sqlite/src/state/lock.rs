//! One writer at a time: a lock with a lease, and a generation number that fences off a writer
//! whose lock was taken over.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;

/// Who holds a lock. Names the process well enough for another one on the same machine to see that
/// it is dead, so that a killed run can be repeated at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process id.
    pub pid: u32,
    /// When the process began, in the kernel's ticks since boot: ids of processes are reused.
    pub started: Option<u64>,
    /// The machine's name.
    pub host: String,
    /// The kernel's id of this boot; `None` where the system has none.
    pub boot: Option<String>,
    /// The namespace that the process id belongs to: containers on one machine share a boot.
    pub namespace: Option<String>,
}

impl Holder {
    /// This process.
    pub fn this_process() -> Self {
        let line = |path| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        let pid = std::process::id();
        Self {
            pid,
            started: Process::of(pid).running(),
            host: line("/proc/sys/kernel/hostname").unwrap_or_else(|| "this machine".to_owned()),
            boot: line("/proc/sys/kernel/random/boot_id"),
            namespace: fs::read_link("/proc/self/ns/pid")
                .ok()
                .map(|link| link.to_string_lossy().into_owned()),
        }
    }

    /// Whether `self`, seen from the process `here`, is certainly dead: same machine, same boot, and
    /// no such process any more. Where that can't be told, only the lease counts.
    fn is_dead(&self, here: &Self) -> bool {
        let comparable = self.boot.is_some()
            && self.started.is_some()
            && self.boot == here.boot
            && self.host == here.host
            && self.namespace.is_some()
            && self.namespace == here.namespace;
        comparable
            && match Process::of(self.pid) {
                Process::Running(started) => Some(started) != self.started,
                Process::Ended => true,
                Process::Unknown => false,
            }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}

/// What the kernel knows of a process.
enum Process {
    /// It runs since this tick.
    Running(u64),
    /// There is none, or only what its parent hasn't buried.
    Ended,
    /// The system doesn't say.
    Unknown,
}

impl Process {
    /// Reads `/proc/PID/stat`: the state is the first field after the command's closing
    /// parenthesis, the start time the twentieth (proc(5)).
    fn of(pid: u32) -> Self {
        let text = match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Self::Ended,
            Err(_) => return Self::Unknown,
        };
        let fields = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
        let Some(mut fields) = fields else { return Self::Unknown };
        if matches!(fields.next(), Some("Z" | "X")) {
            return Self::Ended;
        }
        fields.nth(18).and_then(|text| text.parse().ok()).map_or(Self::Unknown, Self::Running)
    }

    fn running(self) -> Option<u64> {
        match self {
            Self::Running(started) => Some(started),
            Self::Ended | Self::Unknown => None,
        }
    }
}

/// Numbers the times that the lock was taken; a commit counts only under the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub i64);

/// The lock as it is kept.
pub(super) struct Row {
    pub holder: String,
    pub since_ms: i64,
    pub expires_ms: i64,
}

impl Row {
    /// Who holds it, in words.
    pub fn who(&self) -> String {
        let holder: Result<Holder, _> = serde_json::from_str(&self.holder);
        holder.map_or_else(|_| "someone".to_owned(), |holder| holder.to_string())
    }

    fn free_at(&self, now_ms: i64, here: &Holder) -> bool {
        let holder: Result<Holder, _> = serde_json::from_str(&self.holder);
        self.expires_ms <= now_ms || holder.is_ok_and(|holder| holder.is_dead(here))
    }
}

/// Takes the lock until `now_ms + lease_ms`, or says who holds it.
pub(super) fn acquire(
    db: &mut Connection,
    now_ms: i64,
    holder: &Holder,
    lease_ms: i64,
) -> rusqlite::Result<Result<Generation, Row>> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(row) = held(&tx)?
        && !row.free_at(now_ms, holder)
    {
        return Ok(Err(row));
    }
    let text = serde_json::to_string(holder).expect("a holder is a map with text keys");
    let generation = tx.query_row(
        "UPDATE lock SET holder = ?1, generation = generation + 1, since_ms = ?2, expires_ms = ?3
         RETURNING generation",
        params![text, now_ms, now_ms.saturating_add(lease_ms)],
        |row| row.get(0),
    )?;
    tx.commit()?;
    Ok(Ok(Generation(generation)))
}

/// Whether the lock still belongs to this generation; if so, it does until `until_ms` at least. A
/// lease that ran out without anybody taking the lock is as good as new.
pub(super) fn renew(
    db: &Connection,
    generation: Generation,
    until_ms: i64,
) -> rusqlite::Result<bool> {
    let renewed = db
        .prepare_cached(
            "UPDATE lock SET expires_ms = max(expires_ms, ?2)
             WHERE generation = ?1 AND holder IS NOT NULL",
        )?
        .execute(params![generation.0, until_ms])?;
    Ok(renewed == 1)
}

/// Gives the lock back, if it still belongs to this generation.
pub(super) fn release(db: &Connection, generation: Generation) -> rusqlite::Result<()> {
    db.execute("UPDATE lock SET holder = NULL WHERE generation = ?1", [generation.0])?;
    Ok(())
}

/// The lock, if someone holds it.
pub(super) fn held(db: &Connection) -> rusqlite::Result<Option<Row>> {
    db.query_row(
        "SELECT holder, since_ms, expires_ms FROM lock WHERE holder IS NOT NULL",
        [],
        |row| Ok(Row { holder: row.get(0)?, since_ms: row.get(1)?, expires_ms: row.get(2)? }),
    )
    .optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_that_certainly_ended_is_dead() {
        let here = Holder::this_process();
        assert!(!here.is_dead(&here));
        if here.boot.is_none() {
            println!("skipped: this system has no /proc");
            return;
        }
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep runs");
        let other =
            Holder { pid: child.id(), started: Process::of(child.id()).running(), ..here.clone() };
        assert!(!other.is_dead(&here));
        assert!(Holder { started: Some(1), ..other.clone() }.is_dead(&here), "the id was reused");
        child.kill().expect("it runs");
        while !other.is_dead(&here) {
            std::thread::yield_now();
        }
        child.wait().expect("it was killed");
        assert!(other.is_dead(&here));
        for elsewhere in [
            Holder { host: "other".into(), ..other.clone() },
            Holder { boot: Some("other".into()), ..other.clone() },
            Holder { namespace: Some("pid:[1]".into()), ..other.clone() },
            Holder { boot: None, ..other },
        ] {
            assert!(!elsewhere.is_dead(&here), "nobody can tell");
        }
    }
}
