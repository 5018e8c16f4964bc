//! What a worker takes of its machine, where the system tells (proc(5) of Linux).

use std::fs;

/// Hundredths of a second: what Linux counts processor time in for programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident memory, in MiB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Memory {
    pub(super) now: f64,
    pub(super) peak: f64,
}

pub(super) fn memory_mib(process: u32) -> Option<Memory> {
    parse_memory(&fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

/// Seconds of processor time so far, of all threads.
pub(super) fn processor_seconds(process: u32) -> Option<f64> {
    parse_processor(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

fn parse_memory(status: &str) -> Option<Memory> {
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib / 1024.0)
    };
    Some(Memory {
        now: mib("VmRSS:")?,
        peak: mib("VmHWM:")?,
    })
}

/// utime and stime, the 14th and 15th field. The second, the program's name in
/// parentheses, may hold spaces.
fn parse_processor(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_processor_time_are_read_as_linux_writes_them() {
        let status = "Name:\tw\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let memory = Memory {
            now: 1.0,
            peak: 2.0,
        };
        assert_eq!(parse_memory(status), Some(memory));
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 10 0 0 0 150 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(parse_processor(stat), Some(2.0));
        assert_eq!(parse_processor("7 (a"), None);
    }
}
