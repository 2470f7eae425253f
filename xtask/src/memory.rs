//! What this process holds and uses, as Linux tells.

use std::time::Duration;

/// The most it ever held, in megabytes; `None` where the system doesn't tell.
pub fn peak_megabytes() -> Option<u64> {
    status("VmHWM").map(|kilobytes| kilobytes / 1024)
}

/// What it holds now, in kilobytes.
pub fn kilobytes() -> Option<u64> {
    status("VmRSS")
}

/// The CPU time of this thread so far.
pub fn cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
