//! The worker's program, run to its end.

use std::convert::Infallible;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// Longest wait for a run; machines that build at the same time are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// The worker's program with arguments of a test.
pub(crate) struct Program(Command);

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What it wrote, on both streams.
    pub(crate) text: String,
}

impl Program {
    /// Knows a cache and a hub; gives up early and at once.
    pub(crate) fn new(command: &str, cache: &Path, hub: &str) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fastembed-worker"));
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
        let library = std::env::var("ORT_DYLIB_PATH");
        let library = library.expect("ORT_DYLIB_PATH is set; run this by make test");
        Self::new("serve", cache, hub)
            .env("ORT_DYLIB_PATH", &library)
            // Reserved (tcpmux): nobody listens.
            .env("NATS_URL", "nats://127.0.0.1:1")
            .env("FASTEMBED_HTTP_LISTEN", "127.0.0.1:0")
            .env("FASTEMBED_RUNTIME_EXECUTORS", "1")
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    pub(crate) async fn run(self) -> Ended {
        self.run_until(std::future::pending()).await
    }

    /// Runs it and sends SIGTERM at a moment of the test's.
    pub(crate) async fn run_until(mut self, moment: impl Future<Output = ()>) -> Ended {
        let child = self
            .0
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the worker's program");
        let id = child.id().expect("a process that nobody has waited for");
        let stop = async {
            moment.await;
            // Sending signals is not in the standard library; every shell has it.
            let kill = format!("kill -TERM {id}");
            let sent = Command::new("sh").arg("-c").arg(&kill).status().await;
            assert!(sent.expect("a shell").success(), "{kill}");
            std::future::pending::<Infallible>().await
        };
        let end = async {
            tokio::select! {
                output = child.wait_with_output() => output,
                never = stop => match never {},
            }
        };
        let output = tokio::time::timeout(PATIENCE, end).await;
        let Output {
            status,
            stdout,
            stderr,
        } = output.expect("an end in time").expect("its output");
        let text = [stdout, stderr].concat();
        Ended {
            code: status.code(),
            text: String::from_utf8(text).expect("UTF-8"),
        }
    }

    /// Runs it; it must succeed.
    pub(crate) async fn succeed(self) -> Ended {
        let ended = self.run().await;
        assert_eq!(ended.code, Some(0), "{}", ended.text);
        ended
    }

    /// Runs it; it must exit 1 with one line of complaint, which is given.
    pub(crate) async fn fail(self) -> String {
        let ended = self.run().await;
        assert_eq!(ended.code, Some(1), "{}", ended.text);
        let complaints = ended.text.lines();
        let complaints = complaints.filter(|line| line.starts_with("fastembed-worker: "));
        let [complaint] = complaints.collect::<Vec<_>>()[..] else {
            panic!("not one complaint:\n{}", ended.text)
        };
        assert!(
            ended.text.ends_with(&format!("{complaint}\n")),
            "{}",
            ended.text
        );
        complaint.to_owned()
    }

    /// Runs `serve`; it must load the model and get as far as its first vector.
    pub(crate) async fn infer(self) -> Ended {
        let ended = self.run().await;
        assert!(ended.text.contains("first inference"), "{}", ended.text);
        ended
    }
}
