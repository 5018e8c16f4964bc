//! A lazy model: found from the start, loaded with its first request.

use std::path::{Path, PathBuf};

use fastembed_worker::wire::protocol::{ACCEPT_ALIVE, HEADER_ACCEPT};

use super::{is_loaded, listed, loads, someone_waits};
use crate::harness::generated::Generated;
use crate::harness::{Ask, Caller, Launch, Server, Worker, eventually};

/// One whose load takes `ms`.
fn slow(ms: u64) -> String {
    format!("[[models]]\nname = 'Fake'\nkind = 'fake'\nlazy = true\nload_ms = {ms}\n")
}

const MINILM: &str = "[runtime]\nexecutors = 1\n[[models]]\nname = 'AllMiniLML6V2'\nlazy = true\n";

#[tokio::test]
async fn a_lazy_model_says_what_it_is_before_it_is_loaded_and_is_that_when_it_is() {
    let (server, worker) = Worker::with_server(MINILM).await;
    let caller = Caller::connect(&server).await;
    let info = || async { caller.call(Ask::info("AllMiniLML6V2")).await.value() };
    let (before, described) = (info().await, listed(&caller, &worker).await);
    assert!(!is_loaded(&worker, "AllMiniLML6V2").await);
    assert_eq!(before["dimensions"], 384);
    assert_eq!(described[0].0, "text_AllMiniLML6V2");
    assert_eq!(described[0].1["space"], before["space"]);

    let reply = caller.call(Ask::texts("AllMiniLML6V2", &["a"])).await;
    assert!(is_loaded(&worker, "AllMiniLML6V2").await);
    assert_eq!(before["space"], *reply.vectors().space);
    assert_eq!(before, info().await);
    // Only whether company changes a bit is found out by running it.
    let (mut described, mut now) = (described, listed(&caller, &worker).await);
    for (_, metadata) in described.iter_mut().chain(&mut now) {
        metadata
            .as_object_mut()
            .expect("a map")
            .remove("batch_invariant");
    }
    assert_eq!(described, now);
}

#[tokio::test]
async fn its_first_requests_make_one_load_and_are_all_answered() {
    let (server, worker) = Worker::with_server(&slow(300)).await;
    let caller = Caller::connect(&server).await;
    let mut waiting = Vec::new();
    for n in 0..50 {
        let ask = Ask::texts("Fake", &[format!("text {n}")]);
        waiting.push(caller.send(ask).await);
    }
    for mut replies in waiting {
        replies.next().await.vectors();
    }
    assert_eq!(loads(&worker, "Fake", "ok").await, 1.0);
    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
    assert_eq!(loads(&worker, "Fake", "ok").await, 1.0);
    worker.stop().await;
}

#[tokio::test]
async fn its_callers_get_signs_of_life_while_it_loads() {
    let (server, _worker) = Worker::with_server(&slow(2500)).await;
    let caller = Caller::connect(&server).await;
    let ask = Ask::texts("Fake", &["a"]).header(HEADER_ACCEPT, ACCEPT_ALIVE);
    let mut replies = caller.send(ask).await;
    for _ in 0..2 {
        assert_eq!(replies.next().await.value()["alive"], true);
    }
    replies.next().await.vectors();
}

#[tokio::test]
async fn a_caller_who_cannot_wait_for_the_load_is_told_so_in_time() {
    let (server, worker) = Worker::with_server(&slow(600_000)).await;
    let caller = Caller::connect(&server).await;
    let asked = caller
        .call(Ask::texts("Fake", &["a"]).timeout_ms(200))
        .await;
    asked.refused("deadline_exceeded");
    assert_eq!(worker.metric("fastembed_queue_requests").await, 0.0);
    assert_eq!(worker.metric("fastembed_expired_requests_total").await, 1.0);
    // And it ends at once, though the load does not.
    worker.stop().await;
}

#[tokio::test]
async fn no_more_requests_wait_for_a_load_than_may_wait() {
    let config = format!("[queue]\nmax_requests = 2\n{}", slow(600_000));
    let (server, worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    let _first = caller.send(Ask::texts("Fake", &["a"])).await;
    let _second = caller.send(Ask::texts("Fake", &["b"])).await;
    someone_waits(&worker, "Fake").await;
    caller
        .call(Ask::texts("Fake", &["c"]))
        .await
        .refused("overloaded");
}

/// The one file of that name in a folder or below it.
pub(super) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    entries.into_iter().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            find(&path, name)
        } else {
            path.ends_with(name).then_some(path)
        }
    })
}

#[tokio::test]
async fn a_load_that_fails_is_told_to_all_who_wait_and_tried_again_after_a_while() {
    let wanted = |op: &str, name: &str| op == "text" && name == "BGESmallENV15";
    let models = Generated::make("lazy", wanted);
    let server = Server::start().await;
    let config = "[runtime]\nexecutors = 1\n[[models]]\nname = 'BGESmallENV15'\nlazy = true\n";
    let launch = Launch::new(&server.url(), config).env("HF_HOME", &models.hub());
    let worker = launch.ready().await;
    let caller = Caller::connect(&server).await;
    let ask = || Ask::texts("BGESmallENV15", &["a"]);
    let tokenizer = find(Path::new(&models.hub()), "tokenizer.json").expect("a tokenizer");
    let away = tokenizer.with_extension("away");
    std::fs::rename(&tokenizer, &away).expect("a folder of ours");

    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.push(caller.send(ask()).await);
    }
    for mut replies in waiting {
        replies.next().await.refused("internal");
    }
    assert_eq!(loads(&worker, "BGESmallENV15", "failed").await, 1.0);
    let line = worker.line_with("a model could not be loaded").await;
    assert!(line.contains("tokenizer.json"), "{line}");
    // Too early for another try.
    caller.call(ask()).await.refused("internal");
    assert_eq!(loads(&worker, "BGESmallENV15", "failed").await, 1.0);

    std::fs::rename(&away, &tokenizer).expect("a folder of ours");
    eventually("another try", || async {
        !caller.call(ask()).await.is_refusal()
    })
    .await;
    assert_eq!(loads(&worker, "BGESmallENV15", "failed").await, 1.0);
    assert_eq!(loads(&worker, "BGESmallENV15", "ok").await, 1.0);
}
