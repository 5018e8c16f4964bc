//! fastembed's own calls, on the same files (tests/rival): a process of its own,
//! since its image models bring crates that the worker does without.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::Session;
use crate::models::catalog::{self, Op};

/// One model in fastembed's own type.
pub(super) struct Rival {
    calls: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    // Killed when dropped.
    _child: Child,
}

impl Session<'_> {
    /// fastembed's, out of the same cache, cut at the model's own maximum.
    pub(super) async fn rival(&self, op: Op, model: &str) -> anyhow::Result<Rival> {
        let hub = match (op, model) {
            (Op::Text, _) => self.config.runtime.cache.clone(),
            _ => self.settings.models.join("hub"),
        };
        let length = catalog::find(op, model)?.max_length;
        let mut child = Command::new(&self.settings.rival)
            .args([op.as_str(), model])
            .args(length.map(|tokens| tokens.to_string()))
            .env("HF_HOME", hub)
            // What the cache lacks is not looked for elsewhere.
            .env("HF_ENDPOINT", "http://127.0.0.1:9")
            .env("ORT_DYLIB_PATH", self.config.runtime.library())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.settings.rival.display()))?;
        let calls = child.stdin.take().context("no input")?;
        let answers = BufReader::new(child.stdout.take().context("no output")?).lines();
        let mut rival = Rival {
            calls,
            answers,
            _child: child,
        };
        let loaded = rival.answer().await?;
        ensure!(loaded["loaded"] == model, "fastembed loaded {loaded}");
        Ok(rival)
    }
}

impl Rival {
    async fn answer(&mut self) -> anyhow::Result<Value> {
        let line = self.answers.next_line().await?;
        Ok(serde_json::from_str(&line.context("fastembed ended")?)?)
    }

    /// How long one call takes; its own batches where `call` has no `batch`.
    pub(super) async fn call(&mut self, mut call: Value) -> anyhow::Result<Duration> {
        call["silent"] = json!(true);
        self.calls.write_all(format!("{call}\n").as_bytes()).await?;
        let seconds = self.answer().await?["seconds"].as_f64();
        Ok(Duration::from_secs_f64(seconds.context("no time")?))
    }
}
