//! A worker process.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::http;
use super::process::{Exit, Process};
use super::server::Server;
use super::{PATIENCE, eventually, set_up, within};

/// A worker about to be started: a configuration file, an environment, flags.
pub(crate) struct Launch {
    command: Command,
    folder: TempDir,
}

impl Launch {
    /// `serve` with this configuration, as user `worker` of `url`, with all
    /// that `make setup` put in place.
    pub(crate) fn new(url: &str, config: &str) -> Self {
        Self::of(Path::new(binary()), url, config)
    }

    /// As [`Launch::new`], of a program that lies elsewhere.
    pub(crate) fn of(program: &Path, url: &str, config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("worker.toml");
        std::fs::write(&file, config).expect("the temporary folder can be written");
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(file).env_clear();
        let hub = set_up("hub");
        Self { command, folder }
            .env("NATS_URL", url)
            .env("NATS_USER", "worker")
            .env("NATS_PASSWORD", "worker")
            .env("FASTEMBED_HTTP_LISTEN", "127.0.0.1:0")
            // No test depends on what a hub elsewhere has.
            .env("FASTEMBED_RUNTIME_OFFLINE", "true")
            .env("HF_HOME", &hub.display().to_string())
            .env("ORT_DYLIB_PATH", &library().display().to_string())
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn spawn(self) -> Worker {
        Worker {
            process: Process::spawn(self.command),
            _folder: self.folder,
            instance: String::new(),
            http: String::new(),
        }
    }

    /// Starts it, and waits until it takes requests.
    pub(crate) async fn ready(self) -> Worker {
        let mut worker = self.spawn();
        worker.become_ready().await;
        worker
    }

    /// Starts it in the expectation that it ends by itself.
    pub(crate) async fn exit(self) -> Exit {
        self.spawn().process.exit().await
    }
}

/// A running worker. Killed when dropped.
pub(crate) struct Worker {
    process: Process,
    _folder: TempDir,
    /// Its id, once it is ready.
    pub(crate) instance: String,
    /// Its address of `/metrics` and the like, once it is ready.
    pub(crate) http: String,
}

impl Worker {
    /// A worker that takes requests, with this configuration.
    pub(crate) async fn start(server: &Server, config: &str) -> Self {
        Launch::new(&server.url(), config).ready().await
    }

    /// A real server and a worker on it.
    pub(crate) async fn with_server(config: &str) -> (Server, Self) {
        let server = Server::start().await;
        let worker = Self::start(&server, config).await;
        (server, worker)
    }

    async fn become_ready(&mut self) {
        let line = self.process.line_with(r#""message":"ready""#).await;
        let line: Value = serde_json::from_str(&line).expect("a log line is JSON");
        let field = |name: &str| {
            let value = line[name].as_str();
            value
                .unwrap_or_else(|| panic!("no {name} in {line}"))
                .to_owned()
        };
        self.instance = field("instance");
        self.http = field("http");
    }

    /// Waits until it takes requests, of a worker that need not say so. `http`
    /// is where it was told to listen.
    pub(crate) async fn become_ready_in_silence(&mut self, http: &str) {
        self.http = http.to_owned();
        eventually("readiness", || async { self.get("/readyz").await.0 == 200 }).await;
    }

    /// Waits for a log line that has `text` in it.
    pub(crate) async fn line_with(&self, text: &str) -> String {
        self.process.line_with(text).await
    }

    /// Every log line so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.process.lines()
    }

    /// Status and body of `/livez`, `/readyz` or `/metrics`.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        http::get(&self.http, path).await
    }

    /// Time from `event` until `/readyz` no longer says yes, and what it says then:
    /// nothing, where the process has ended.
    pub(crate) async fn turns_not_ready(&self, event: Instant) -> (Duration, String) {
        loop {
            let (status, word) = self.get("/readyz").await;
            if status != 200 {
                return (event.elapsed(), word);
            }
            assert!(event.elapsed() < PATIENCE, "it stays ready");
            tokio::task::yield_now().await;
        }
    }

    /// The value of a metric, all its label sets added up; 0 while it has no
    /// sample yet.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let (status, text) = self.get("/metrics").await;
        assert!(
            status == 200 && text.ends_with("# EOF\n"),
            "{status} {text}"
        );
        http::sum(&text, name)
    }

    pub(crate) async fn resident_bytes(&self) -> u64 {
        self.process.resident_bytes().await
    }

    pub(crate) async fn signal(&self, signal: &str) {
        self.process.signal(signal).await;
    }

    pub(crate) async fn exit(&mut self) -> Exit {
        self.process.exit().await
    }

    /// Sends SIGTERM and waits for an orderly end.
    pub(crate) async fn stop(mut self) -> Exit {
        self.signal("TERM").await;
        let exit = within("the drain", self.process.exit()).await;
        assert_eq!(exit.code, Some(0), "{}", exit.lines.join("\n"));
        exit
    }
}

/// ONNX Runtime's shared library.
pub(crate) fn library() -> PathBuf {
    let suffix = std::env::consts::DLL_SUFFIX;
    set_up(&format!("onnxruntime/lib/libonnxruntime{suffix}"))
}

/// The worker's program, built together with this test.
pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_fastembed-worker")
}
