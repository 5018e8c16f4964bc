//! A nats-server and a worker of the bench's own, and a client between them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use async_nats::{Client, HeaderMap, Request};
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::load::Road;
use crate::config::{self, Model};
use crate::wire::text::{TextReply, TextRequest};
use crate::wire::{Format, protocol};

/// How long a process may take to come up.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Longer than any call of the bench takes.
const CALL_TIMEOUT: Duration = Duration::from_secs(600);

/// The environment without the caller's own bus: the bench brings one.
pub(super) fn own_variables() -> Vec<(String, String)> {
    config::variables()
        .filter(|(name, _)| !name.starts_with("NATS_"))
        .collect()
}

pub(super) struct Bus {
    client: Client,
    server: Child,
    worker: Child,
    subject: String,
}

impl Bus {
    pub(super) async fn start(nats_server: &Path) -> anyhow::Result<Self> {
        let (server, url) = start_server(nats_server).await?;
        let worker = start_worker(&url).await?;
        let client = async_nats::ConnectOptions::new()
            .request_timeout(Some(CALL_TIMEOUT))
            .connect(&url)
            .await?;
        let subject = format!(
            "{}.{}.{}",
            protocol::SUBJECT_ROOT,
            protocol::OP_TEXT,
            Model::DEFAULT
        );
        Ok(Self {
            client,
            server,
            worker,
            subject,
        })
    }

    /// The worker's process; none once it has ended.
    pub(super) fn worker(&self) -> Option<u32> {
        self.worker.id()
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.client.drain().await?;
        self.worker.kill().await?;
        Ok(self.server.kill().await?)
    }
}

impl Road for Bus {
    async fn embed(&self, texts: &[String]) -> anyhow::Result<()> {
        let request = TextRequest {
            inputs: texts.to_vec(),
            ..TextRequest::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            protocol::HEADER_CONTENT_TYPE,
            protocol::CONTENT_TYPE_MSGPACK,
        );
        headers.insert(
            protocol::HEADER_TIMEOUT_MS,
            CALL_TIMEOUT.as_millis().to_string(),
        );
        let body = Bytes::from(Format::MsgPack.encode(&request)?);
        let request = Request::new().headers(headers).payload(body);
        let reply = self
            .client
            .send_request(self.subject.clone(), request)
            .await?;
        if let Some(error) = reply
            .headers
            .as_ref()
            .and_then(|headers| headers.get(protocol::HEADER_SERVICE_ERROR))
        {
            bail!("the worker answered {error}");
        }
        let reply: TextReply<'static> = Format::MsgPack.decode(&reply.payload)?;
        ensure!(
            reply.embeddings.count as usize == texts.len(),
            "rows are missing"
        );
        Ok(())
    }
}

async fn start_server(program: &Path) -> anyhow::Result<(Child, String)> {
    let mut server = Command::new(program)
        .args(["-a", "127.0.0.1", "-p", "-1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    // "Listening for client connections on 127.0.0.1:34567"
    let line = find_line(&mut server, "Listening for client connections on ")
        .await
        .context("nats-server did not come up")?;
    let address = line.rsplit(' ').next().unwrap_or_default();
    Ok((server, format!("nats://{address}")))
}

async fn start_worker(url: &str) -> anyhow::Result<Child> {
    let mut worker = Command::new(std::env::current_exe()?)
        .args([
            "serve",
            "--server",
            url,
            "--set",
            "http.listen=127.0.0.1:0",
            "--set",
            "log.format=json",
        ])
        .env_clear()
        .envs(own_variables())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    find_line(&mut worker, "\"message\":\"ready\"")
        .await
        .context("the worker did not become ready")?;
    Ok(worker)
}

/// Reads a process's log up to a line, and the rest of it from a task, so that
/// the process never waits for its reader.
async fn find_line(process: &mut Child, text: &str) -> anyhow::Result<String> {
    let log = process.stderr.take().context("no log to read")?;
    let mut lines = BufReader::new(log).lines();
    let find = async {
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().await? {
            if line.contains(text) {
                return Ok(line);
            }
            seen.push(line);
        }
        bail!("it ended: {}", seen.join("\n"))
    };
    let line = tokio::time::timeout(START_TIMEOUT, find).await??;
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(line)
}
