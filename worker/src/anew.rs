//! Starting this process anew, under the same id.

use std::os::unix::process::CommandExt as _;

/// Read by ONNX Runtime, core/platform/telemetry_1ds.cc.
const DISABLE_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// ONNX Runtime's official builds write a file below the user's cache and report
/// to their maker as soon as an environment is made, before it can be told not
/// to. Only a variable of the environment keeps them from it, and a process may
/// not soundly change its own: it starts itself anew, under the same id. Where
/// the variable is set, whoever set it has decided.
///
/// # Errors
/// Where the program cannot be started again.
pub fn without_runtime_telemetry() -> std::io::Result<()> {
    if std::env::var_os(DISABLE_TELEMETRY).is_some() {
        return Ok(());
    }
    let mut anew = std::process::Command::new(std::env::current_exe()?);
    Err(anew
        .args(std::env::args_os().skip(1))
        .env(DISABLE_TELEMETRY, "1")
        .exec())
}
