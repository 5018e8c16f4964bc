//! The memory of a process.

use std::fs;

/// What is resident.
pub const RESIDENT: &str = "VmRSS:";

/// The most that was resident.
pub const PEAK: &str = "VmHWM:";

/// Bytes of one kind, where the system tells in `/proc` (proc(5)); `process` is an
/// id, or `self`.
#[must_use]
pub fn bytes(process: &str, kind: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(kind))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
