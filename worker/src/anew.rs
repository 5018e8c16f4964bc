//! Starting this process anew, under the same id.

use std::os::unix::process::CommandExt as _;

/// What libraries read once, from the environment alone, before this program can
/// tell them. Where a variable is set, whoever set it has decided.
const SETTINGS: [(&str, &str); 2] = [
    // ONNX Runtime's official builds write a file below the user's cache and report
    // to their maker as soon as an environment is made, before it can be told not
    // to (core/platform/telemetry_1ds.cc).
    ("ORT_DISABLE_TELEMETRY", "1"),
    // glibc maps large blocks apart and gives them back at once, but raises what it
    // takes for large to the largest that was ever freed, up to 32 MiB (mallopt(3)).
    // Then the weights of a model that is unloaded lie among smaller blocks, and much
    // of their memory stays. This is its own first value, which is not raised.
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
];

/// Sees to it that libraries find what they must read in the environment. A process
/// may not soundly change its own: it starts itself anew, under the same id.
///
/// # Errors
/// Where the program cannot be started again.
pub fn with_settings_of_libraries() -> std::io::Result<()> {
    let is_missing = |(name, _): &(&str, &str)| std::env::var_os(name).is_none();
    let missing: Vec<_> = SETTINGS.into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut anew = std::process::Command::new(std::env::current_exe()?);
    Err(anew.args(std::env::args_os().skip(1)).envs(missing).exec())
}
