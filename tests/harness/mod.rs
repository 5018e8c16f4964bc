//! What every test stands on: a real server, real workers, a caller.
//!
//! Nothing here sleeps: tests wait for log lines, for replies, and for answers
//! to questions they repeat. Every wait has a bound and says what it was for.

pub(crate) mod ask;
pub(crate) mod caller;
pub(crate) mod generated;
pub(crate) mod http;
pub(crate) mod nats_cli;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod reply;
pub(crate) mod rival;
pub(crate) mod server;
pub(crate) mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use ask::Ask;
pub(crate) use caller::Caller;
pub(crate) use reply::Reply;
pub(crate) use server::Server;
pub(crate) use worker::{Launch, Worker};

/// A fake model of eight dimensions that answers at once.
pub(crate) const FAKE: &str = "[[models]]\nname = 'Fake'\nkind = 'fake'\n";

/// The real model, on one thread.
pub(crate) const MINILM: &str = "[runtime]\nexecutors = 1\n[[models]]\nname = 'AllMiniLML6V2'\n";

/// Longest wait for anything; machines that build at the same time are slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for `future`, but not for ever.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

/// Asks again and again, each time by a round trip, until the answer is yes.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    within(what, async {
        while !ask().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    let worker = Path::new(env!("CARGO_MANIFEST_DIR"));
    worker
        .parent()
        .expect("the package lies in the repository")
        .to_owned()
}

/// A file that `make setup` put in place.
pub(crate) fn set_up(path: &str) -> PathBuf {
    let file = root().join(".setup").join(path);
    assert!(file.exists(), ".setup/{path} is missing; run make setup");
    file
}

/// A JSON file of the repository.
pub(crate) fn read_json(path: &str) -> serde_json::Value {
    let file = root().join(path);
    let bytes = std::fs::read(&file).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    serde_json::from_slice(&bytes).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}
