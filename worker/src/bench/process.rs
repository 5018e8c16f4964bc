//! Processes of the bench's own: a server, workers, an echo.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::config;
use crate::telemetry::memory;

/// How long a process may take to come up.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Clock ticks of `/proc` in a second, on every Linux that there is (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// The environment without the caller's own bus: the bench brings one.
pub(super) fn own_variables() -> Vec<(String, String)> {
    config::variables()
        .filter(|(name, _)| !name.starts_with("NATS_"))
        .collect()
}

/// A process that is killed when dropped.
pub(super) struct Process {
    child: Child,
    /// What it said when it had come up.
    line: String,
}

impl Process {
    /// Starts a nats-server; gives its address.
    pub(super) async fn server(program: &Path) -> anyhow::Result<(Self, String)> {
        // More than bad input takes, as an operator may have it.
        let file = Temporary::file("conf", "max_payload: 8MB\n")?;
        let mut server = Command::new(program);
        server.args(["-a", "127.0.0.1", "-p", "-1", "-c"]);
        server.arg(&file.0);
        // "Listening for client connections on 127.0.0.1:34567"
        let server = Self::start(server, "Listening for client connections on ").await?;
        let address = server.line.rsplit(' ').next().unwrap_or_default();
        let url = format!("nats://{address}");
        Ok((server, url))
    }

    /// Starts this program as a worker with these flags, on one processor if asked.
    pub(super) async fn worker(
        url: &str,
        flags: &[&str],
        processor: Option<usize>,
    ) -> anyhow::Result<Self> {
        let mut worker = itself(processor)?;
        worker.args(["serve", "--server", url]).args(flags);
        worker.args(["--set=http.listen=127.0.0.1:0", "--set=log.format=json"]);
        Self::start(worker, "\"message\":\"ready\"").await
    }

    /// Starts this program as a worker of the models in this configuration.
    pub(super) async fn worker_of(
        url: &str,
        configuration: &str,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let file = Temporary::file("toml", configuration)?;
        let flag = format!("--config={}", file.0.display());
        Self::worker(url, &[&[flag.as_str()], flags].concat(), None).await
    }

    /// Starts this program as a bare echo that answers with `bytes` bytes.
    pub(super) async fn echo(url: &str, bytes: usize) -> anyhow::Result<Self> {
        let mut echo = itself(None)?;
        echo.args(["echo", "--server", url, "--bytes", &bytes.to_string()]);
        Self::start(echo, super::echo::READY).await
    }

    async fn start(mut command: Command, until: &str) -> anyhow::Result<Self> {
        // The command itself would show the whole environment.
        let program = PathBuf::from(command.as_std().get_program());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let line = find_line(&mut child, until).await?;
        Ok(Self { child, line })
    }

    /// Resident memory in bytes, where the system tells.
    pub(super) fn resident_bytes(&self) -> Option<f64> {
        self.memory(memory::RESIDENT)
    }

    fn memory(&self, kind: &str) -> Option<f64> {
        memory::bytes(&self.child.id()?.to_string(), kind).map(|bytes| bytes as f64)
    }

    /// The most resident memory in bytes since [`Self::forget_peak`], where the
    /// system tells.
    pub(super) fn peak_bytes(&self) -> Option<f64> {
        self.memory(memory::PEAK)
    }

    /// Has the most be counted from now on (proc(5), `clear_refs`).
    pub(super) fn forget_peak(&self) -> anyhow::Result<()> {
        let id = self.child.id().context("it ended")?;
        Ok(std::fs::write(format!("/proc/{id}/clear_refs"), "5")?)
    }

    /// Processor time so far, in seconds, where the system tells.
    pub(super) fn processor_seconds(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()?)).ok()?;
        // The name in parentheses may hold blanks; utime and stime are 14 and 15.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        Some((user + system) / TICKS_PER_SECOND)
    }

    /// The value of one of a worker's metrics that has no labels.
    pub(super) async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let ready: serde_json::Value = serde_json::from_str(&self.line)?;
        let address = ready["http"].as_str().context("no address of metrics")?;
        let mut connection = TcpStream::connect(address).await?;
        connection
            .write_all(b"GET /metrics HTTP/1.0\r\n\r\n")
            .await?;
        let mut page = String::new();
        connection.read_to_string(&mut page).await?;
        let value = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.with_context(|| format!("no metric {name}"))?;
        Ok(value.parse()?)
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// A file that is removed when dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn file(extension: &str, text: &str) -> anyhow::Result<Self> {
        let name = format!("fastembed-bench-{}.{extension}", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        std::fs::write(&file.0, text)?;
        Ok(file)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Whatever has not been written cannot be removed.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// This program, in an environment of the bench's own.
fn itself(processor: Option<usize>) -> anyhow::Result<Command> {
    let program = std::env::current_exe()?;
    let mut command = match processor {
        None => Command::new(program),
        Some(processor) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &processor.to_string()]).arg(program);
            command
        }
    };
    command.env_clear().envs(own_variables());
    // `taskset` is looked for there.
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    Ok(command)
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
