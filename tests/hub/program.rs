//! The worker's program, run to its end.

use std::ffi::OsStr;
use std::path::Path;

use tokio::process::Command;

use crate::harness::process::{Exit, Process};
use crate::harness::worker::{binary, library};

/// A bus and a hub that nobody runs: port 1 is reserved (tcpmux).
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";

/// The worker's program with arguments of a test.
pub(crate) struct Program(Command);

impl Program {
    /// Knows a cache and a hub; tries again once, and at once.
    pub(crate) fn new(command: &str, cache: &Path, hub: &str) -> Self {
        let mut program = Command::new(binary());
        program
            .env_clear()
            .env("HF_HOME", cache)
            .env("HF_ENDPOINT", hub)
            .env("FASTEMBED_HUB_RETRIES", "1")
            .env("FASTEMBED_HUB_RETRY_DELAY_MS", "1")
            .arg(command);
        Self(program)
    }

    /// `serve` of the real model without a bus: it ends where it would connect.
    pub(crate) fn serve(cache: &Path, hub: &str) -> Self {
        Self::new("serve", cache, hub)
            .env("ORT_DYLIB_PATH", library())
            .env("NATS_URL", NOBODY.replace("http", "nats"))
            .env("FASTEMBED_HTTP_LISTEN", "127.0.0.1:0")
            .env("FASTEMBED_RUNTIME_EXECUTORS", "1")
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    pub(crate) fn spawn(self) -> Process {
        Process::spawn(self.0)
    }

    pub(crate) async fn run(self) -> Exit {
        Process::run(self.0).await
    }

    /// Runs it; it must succeed. Gives what it wrote.
    pub(crate) async fn succeed(self) -> String {
        let exit = self.run().await;
        assert_eq!(exit.code, Some(0), "{}", text(&exit));
        text(&exit)
    }

    /// Runs it; it must exit 1 with one line of complaint, which is given.
    pub(crate) async fn fail(self) -> String {
        let exit = self.run().await;
        assert_eq!(exit.code, Some(1), "{}", text(&exit));
        let complaints = exit.lines.iter();
        let complaints = complaints.filter(|line| line.starts_with("fastembed-worker: "));
        let [complaint] = complaints.collect::<Vec<_>>()[..] else {
            panic!("not one complaint:\n{}", text(&exit))
        };
        complaint.clone()
    }

    /// Runs `serve`; it must load the model and get as far as its first
    /// vector. Gives its log.
    pub(crate) async fn infer(self) -> String {
        let exit = self.run().await;
        assert!(text(&exit).contains("first inference"), "{}", text(&exit));
        text(&exit)
    }
}

fn text(exit: &Exit) -> String {
    exit.lines.join("\n")
}
