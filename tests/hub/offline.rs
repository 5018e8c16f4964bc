//! `serve` with and without a hub.

use std::fs;

use crate::fake_hub::{Conduct, FakeHub, layout};
use crate::harness::within;
use crate::program::Program;
use crate::{MINILM, found, real_cache, real_files};

#[tokio::test]
async fn offline_with_a_complete_cache_asks_the_hub_nothing() {
    let hub = FakeHub::with(&[MINILM]).await;
    let serve = Program::serve(&real_cache(), hub.url());
    serve.arg("--offline").infer().await;
    assert!(hub.asked().is_empty());
}

#[tokio::test]
async fn offline_with_a_file_missing_names_it_and_asks_the_hub_nothing() {
    let hub = FakeHub::with(&[MINILM]).await;
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), hub.url());
    pull.arg(MINILM).succeed().await;
    let before = hub.asked().len();
    let files = found(cache.path(), MINILM).unwrap();
    fs::remove_file(files.tokenizer.with_file_name("tokenizer_config.json")).unwrap();
    let serve = Program::serve(cache.path(), hub.url());
    let complaint = serve.env("HF_HUB_OFFLINE", "1").fail().await;
    assert!(
        complaint.contains("tokenizer_config.json") && complaint.contains("pull"),
        "{complaint}"
    );
    assert_eq!(hub.asked().len(), before);
}

#[tokio::test]
async fn a_complete_cache_is_served_without_asking_the_hub() {
    let hub = FakeHub::with(&[MINILM]).await;
    Program::serve(&real_cache(), hub.url()).infer().await;
    assert!(hub.asked().is_empty());
}

#[tokio::test]
async fn a_missing_model_is_fetched_with_a_line_for_each_file_and_then_served() {
    let hub = FakeHub::empty().await;
    let (repository, files) = layout(MINILM);
    for (name, bytes) in real_files() {
        hub.put(&repository, &name, bytes);
    }
    let cache = tempfile::tempdir().unwrap();
    let ended = Program::serve(cache.path(), hub.url()).infer().await;
    for file in files {
        let fetched = ended.lines().filter(|line| {
            line.contains(r#""message":"fetched""#) && line.contains(&format!("/{file}\""))
        });
        assert_eq!(fetched.count(), 1, "{file}: {}", ended);
    }
}

#[tokio::test]
async fn a_model_that_the_hub_does_not_give_ends_the_worker_with_its_name() {
    let hub = FakeHub::with(&[MINILM]).await;
    hub.conduct("model.onnx", Conduct::Status(404), 9);
    let cache = tempfile::tempdir().unwrap();
    let complaint = Program::serve(cache.path(), hub.url()).fail().await;
    assert!(complaint.contains("/model.onnx"), "{complaint}");
}

#[tokio::test]
async fn a_worker_that_is_still_fetching_stops_when_told_to() {
    let hub = FakeHub::with(&[MINILM]).await;
    hub.conduct("model.onnx", Conduct::Stalls, 9);
    let cache = tempfile::tempdir().unwrap();
    let serve = Program::serve(cache.path(), hub.url());
    let mut worker = serve.spawn();
    within("the stall", hub.stalls()).await;
    worker.signal("TERM").await;
    let exit = worker.exit().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
}

#[tokio::test]
async fn pull_refuses_to_run_offline() {
    let hub = FakeHub::with(&[MINILM]).await;
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), hub.url());
    let ended = pull.env("HF_HUB_OFFLINE", "1").arg(MINILM).run().await;
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(hub.asked().is_empty());
}
