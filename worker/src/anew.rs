//! Starting this process anew, under the same id.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

/// What libraries read of the environment and nowhere else.
const VARIABLES: [(&str, &str); 3] = [
    // ONNX Runtime, core/platform/telemetry_1ds.cc: its official builds write a
    // file below the user's cache and report to their maker as soon as an
    // environment is made, before it can be told not to.
    ("ORT_DISABLE_TELEMETRY", "1"),
    // glibc, mallopt(3): once a block of tens of megabytes is freed, such as the
    // graph that a session was read from, blocks up to its size come from the heap,
    // where one small block keeps all below it. Four sessions held half as much
    // again. A bound that is set stays where it is: 128 KiB is what it begins with.
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    // The same page: it then no longer rises with that bound, and what a request
    // frees goes back to the system, 128 KiB at a time, for the next one to fetch again.
    ("MALLOC_TRIM_THRESHOLD_", "8388608"),
];

/// Sees to it that [`VARIABLES`] are set. A process may not soundly change its own
/// environment: it starts itself anew, under the same id. Where a variable is set,
/// whoever set it has decided.
///
/// # Errors
/// Where the program cannot be started again.
pub fn in_own_environment() -> std::io::Result<()> {
    let missing = missing(|name| std::env::var_os(name));
    if missing.is_empty() {
        return Ok(());
    }
    let mut anew = std::process::Command::new(std::env::current_exe()?);
    Err(anew.args(std::env::args_os().skip(1)).envs(missing).exec())
}

fn missing(variable: impl Fn(&str) -> Option<OsString>) -> Vec<(&'static str, &'static str)> {
    let is_missing = |(name, _): &(&str, &str)| variable(name).is_none();
    VARIABLES.into_iter().filter(is_missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_stays_and_nothing_is_missing_the_second_time() {
        let telemetry = |name: &str| (name == "ORT_DISABLE_TELEMETRY").then(|| "0".into());
        assert_eq!(missing(telemetry), VARIABLES[1..]);
        assert_eq!(missing(|_| Some("1".into())), []);
    }
}
