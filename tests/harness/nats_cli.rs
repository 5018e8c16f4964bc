//! The pinned nats CLI, as an operator has it.

use tokio::process::Command;

use super::process::{Exit, Process};
use super::server::Server;
use super::set_up;

/// Runs `nats` as user `operator`.
pub(crate) async fn nats(server: &Server, arguments: &[&str]) -> Exit {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(set_up("bin/nats"));
    command
        .env_clear()
        .env("HOME", home.path())
        .env("NATS_URL", server.url())
        .env("NATS_USER", "operator")
        .env("NATS_PASSWORD", "operator")
        .args(["--no-context", "--inbox-prefix", "_INBOX.operator"])
        .args(arguments);
    Process::run(command).await
}

/// As [`nats`], and it must succeed; gives what it printed.
pub(crate) async fn nats_ok(server: &Server, arguments: &[&str]) -> String {
    let exit = nats(server, arguments).await;
    let output = exit.lines.join("\n");
    assert_eq!(exit.code, Some(0), "nats {arguments:?}:\n{output}");
    output
}

/// As [`nats_ok`], for JSON.
pub(crate) async fn nats_json(server: &Server, arguments: &[&str]) -> serde_json::Value {
    let output = nats_ok(server, arguments).await;
    let start = output.find(['{', '[']).unwrap_or(0);
    serde_json::from_str(&output[start..])
        .unwrap_or_else(|fault| panic!("nats {arguments:?}: {fault}:\n{output}"))
}
