//! A real nats-server under the repository's own configuration.

use std::fmt::Write as _;

use tempfile::TempDir;
use tokio::process::Command;

use super::process::Process;
use super::{http, root, set_up};

/// Set where the server is to have JetStream, which nothing here needs: the
/// contract is kept with and without it.
const JETSTREAM: &str = "FASTEMBED_TEST_JETSTREAM";

/// A server on a port of its own.
pub(crate) struct Server {
    process: Process,
    folder: TempDir,
    port: u16,
    has_streams: bool,
}

/// How a server differs from `config/nats.conf`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Variant {
    /// In bytes.
    pub(crate) max_payload: Option<usize>,
    /// More users, in the syntax of the file.
    pub(crate) users: &'static str,
    /// More settings, which win over those of the file.
    pub(crate) settings: &'static str,
    /// Whether it shows its own figures over HTTP.
    pub(crate) monitored: bool,
    /// Whether it has JetStream, whatever the environment says, and workers read
    /// the bucket that config/nats.conf has as its example.
    pub(crate) bucket: bool,
}

/// A user who may do everything.
pub(crate) const WATCHER: &str = "{ user: watcher, password: watcher }";

impl Server {
    pub(crate) async fn start() -> Self {
        Self::variant(Variant::default()).await
    }

    pub(crate) async fn with_max_payload(bytes: usize) -> Self {
        Self::variant(Variant {
            max_payload: Some(bytes),
            ..Variant::default()
        })
        .await
    }

    pub(crate) async fn with_users(users: &'static str) -> Self {
        Self::variant(Variant {
            users,
            ..Variant::default()
        })
        .await
    }

    pub(crate) async fn monitored() -> Self {
        Self::variant(Variant {
            monitored: true,
            ..Variant::default()
        })
        .await
    }

    pub(crate) async fn variant(variant: Variant) -> Self {
        Self::placed(&configuration(variant), variant.bucket).await
    }

    /// A server of another configuration altogether.
    pub(crate) async fn configured(text: &str) -> Self {
        Self::placed(text, false).await
    }

    async fn placed(text: &str, has_streams: bool) -> Self {
        let has_streams = has_streams || std::env::var_os(JETSTREAM).is_some();
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("nats.conf"), text)
            .expect("the temporary folder can be written");
        let (process, port) = Self::spawn(&folder, -1, has_streams).await;
        Self {
            has_streams,
            process,
            folder,
            port,
        }
    }

    /// Ends it, as an operator would.
    pub(crate) async fn stop(&mut self) {
        self.process.signal("TERM").await;
        self.process.exit().await;
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(&mut self) {
        self.process.signal("KILL").await;
        self.process.exit().await;
    }

    /// Connections that the server closed because they read too slowly; of one
    /// that is monitored.
    pub(crate) async fn slow_consumers(&self) -> u64 {
        let line = self.process.line_with("Starting http monitor on ").await;
        let address = line.rsplit(' ').next().expect("an address");
        let (status, page) = http::get(address, "/varz").await;
        assert_eq!(status, 200, "{page}");
        let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
        page["slow_consumers"].as_u64().expect("a number")
    }

    /// Starts it anew on the same port.
    pub(crate) async fn start_again(&mut self) {
        let (process, _) = Self::spawn(&self.folder, i32::from(self.port), self.has_streams).await;
        self.process = process;
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    async fn spawn(folder: &TempDir, port: i32, jetstream: bool) -> (Process, u16) {
        let mut command = Command::new(set_up("bin/nats-server"));
        command
            .arg("--config")
            .arg(folder.path().join("nats.conf"))
            .args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        if jetstream {
            let store = folder.path().join("jetstream");
            command.arg("--jetstream").arg("--store_dir").arg(store);
        }
        let process = Process::spawn(command);
        if jetstream {
            process.line_with("Starting JetStream").await;
        }
        let line = process.line_with("Listening for client connections").await;
        process.line_with("Server is ready").await;
        let port = line.rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        (process, port)
    }
}

fn configuration(variant: Variant) -> String {
    let file = root().join("config/nats.conf");
    let mut text = std::fs::read_to_string(file).expect("config/nats.conf");
    // The last word on a key wins.
    write!(text, "\n{}\n", variant.settings).expect("a string can be written to");
    if let Some(bytes) = variant.max_payload {
        write!(text, "\nmax_payload: {bytes}\n").expect("a string can be written to");
    }
    if variant.monitored {
        text.push_str("\nhttp: \"127.0.0.1:-1\"\n");
    }
    if variant.bucket {
        let example = "# \"$JS.API.DIRECT.GET.OBJ_images\"";
        assert_eq!(text.matches(example).count(), 1, "the example of a bucket");
        text = text.replace(example, example.trim_start_matches("# "));
    }
    let users = "users: [";
    assert_eq!(
        text.matches(users).count(),
        1,
        "config/nats.conf has one list of users"
    );
    text.replace(users, &format!("{users}\n{}", variant.users))
}
