//! A process of ours, with every line it writes.

use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::{PATIENCE, within};

/// A running program. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    output: watch::Receiver<Output>,
}

/// What a program has written so far, on both streams.
#[derive(Default)]
struct Output {
    lines: Vec<String>,
    open_streams: usize,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Exit {
    /// Its exit status; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Everything it wrote.
    pub(crate) lines: Vec<String>,
}

impl Process {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
        let (writer, output) = watch::channel(Output {
            open_streams: 2,
            ..Output::default()
        });
        let writer = Arc::new(writer);
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        tokio::spawn(collect(stdout, Arc::clone(&writer)));
        tokio::spawn(collect(stderr, writer));
        Self { child, output }
    }

    /// Waits for the first line that has `text` in it.
    pub(crate) async fn line_with(&self, text: &str) -> String {
        let mut output = self.output.clone();
        let find = |output: &Output| {
            let mut lines = output.lines.iter();
            lines.find(|line| line.contains(text)).cloned()
        };
        let written = output.wait_for(|output| find(output).is_some() || output.open_streams == 0);
        let line = match tokio::time::timeout(PATIENCE, written).await {
            Ok(Ok(output)) => find(&output),
            _ => None,
        };
        line.unwrap_or_else(|| panic!("no line with {text:?} in:\n{}", self.lines().join("\n")))
    }

    /// Every line so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.output.borrow().lines.clone()
    }

    /// Resident memory, from Linux's `/proc` or, elsewhere, `ps`.
    pub(crate) async fn resident_bytes(&self) -> u64 {
        let id = self.child.id().expect("the process still runs");
        let script =
            format!("grep VmRSS: /proc/{id}/status 2>/dev/null || echo RSS $(ps -o rss= -p {id})");
        let shown = Command::new("sh").arg("-c").arg(script).output();
        let shown = within("the process's memory", shown)
            .await
            .expect("a shell");
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        // `VmRSS:  12345 kB`, or `RSS 12345`: kibibytes both.
        let kibibytes = shown.split_whitespace().nth(1);
        let kibibytes = kibibytes.and_then(|number| number.parse::<u64>().ok());
        1024 * kibibytes.unwrap_or_else(|| panic!("no memory of process {id} in {shown:?}"))
    }

    /// Sends `TERM`, `INT` or `KILL`.
    pub(crate) async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("the process still runs");
        // Sending signals is not in the standard library; every shell has it.
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{signal} {id}"))
            .status();
        let status = within("kill", sent).await.expect("a shell");
        assert!(status.success(), "kill -{signal} {id}: {status}");
    }

    /// Waits for the end.
    pub(crate) async fn exit(&mut self) -> Exit {
        let status = within("the process to end", self.child.wait())
            .await
            .expect("a child can be waited for");
        let mut output = self.output.clone();
        let closed = output.wait_for(|output| output.open_streams == 0);
        drop(within("its last line", closed).await);
        Exit {
            code: status.code(),
            lines: self.lines(),
        }
    }

    /// Runs a program to its end.
    pub(crate) async fn run(command: Command) -> Exit {
        Self::spawn(command).exit().await
    }
}

async fn collect(stream: impl AsyncRead + Unpin, output: Arc<watch::Sender<Output>>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        output.send_modify(|output| output.lines.push(line));
    }
    output.send_modify(|output| output.open_streams -= 1);
}
