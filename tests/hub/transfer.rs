//! Files come whole, whatever happens on the way.

use std::fs;

use crate::fake_hub::{Conduct, FakeHub, REVISION, content, layout};
use crate::program::Program;
use crate::{MINILM, found};

/// A plain repository, one with folders, one with weights apart, and two
/// models of one repository.
const MODELS: [&str; 4] = [
    MINILM,
    "BGESmallENV15",
    "MultilingualE5Large",
    "BGESmallENV15Q",
];

#[tokio::test]
async fn pulled_models_are_found_where_fastembed_looks_for_them() {
    let hub = FakeHub::with(&MODELS).await;
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), hub.url());
    MODELS.iter().fold(pull, Program::arg).succeed().await;
    for name in MODELS {
        let (repository, files) = layout(name);
        let folder = format!("models--{}", repository.replace('/', "--"));
        let folder = cache.path().join(folder);
        let reference = fs::read_to_string(folder.join("refs/main")).unwrap();
        assert_eq!(reference, REVISION);
        for file in files {
            let bytes = fs::read(folder.join("snapshots").join(REVISION).join(&file)).unwrap();
            assert_eq!(bytes, content(&repository, &file), "{name}: {file}");
        }
        assert_eq!(found(cache.path(), name).unwrap().revision, REVISION);
        let left = fs::read_dir(&folder).unwrap();
        let left = left.map(|item| item.unwrap().file_name().into_string().unwrap());
        let mut left: Vec<String> = left.collect();
        left.sort();
        assert_eq!(left, ["refs", "snapshots"], "{name}: nothing else is left");
    }
}

#[tokio::test]
async fn a_second_pull_fetches_no_file_again() {
    let hub = FakeHub::with(&[MINILM]).await;
    let cache = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let pull = Program::new("pull", cache.path(), hub.url());
        pull.arg(MINILM).succeed().await;
    }
    for file in layout(MINILM).1 {
        assert_eq!(hub.asked_for(&file).len(), 1, "{file}");
    }
}

#[tokio::test]
async fn a_transfer_that_breaks_off_goes_on_where_it_broke() {
    let hub = FakeHub::with(&[MINILM]).await;
    hub.conduct("model.onnx", Conduct::BreaksOff(1000), 1);
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), hub.url());
    pull.arg(MINILM).succeed().await;
    let ranges: Vec<_> = hub
        .asked_for("model.onnx")
        .into_iter()
        .map(|a| a.range)
        .collect();
    assert_eq!(ranges, [None, Some("bytes=1000-".to_owned())]);
    assert_whole(cache.path());
}

#[tokio::test]
async fn a_run_goes_on_where_an_earlier_one_gave_up() {
    let hub = FakeHub::with(&[MINILM]).await;
    hub.conduct("model.onnx", Conduct::BreaksOff(500), 2);
    let cache = tempfile::tempdir().unwrap();
    let pull = || Program::new("pull", cache.path(), hub.url()).arg(MINILM);
    let complaint = pull().fail().await;
    assert!(complaint.contains("model.onnx"), "{complaint}");
    assert!(found(cache.path(), MINILM).is_none(), "no broken cache");

    // What an even earlier run left of another revision goes away.
    let (repository, _) = layout(MINILM);
    let folder = format!("models--{}", repository.replace('/', "--"));
    let old = cache.path().join(folder).join("partial-old");
    fs::create_dir(&old).unwrap();

    pull().succeed().await;
    assert!(!old.exists());
    let last = hub.asked_for("model.onnx").pop().unwrap();
    assert_eq!(last.range.as_deref(), Some("bytes=1000-"));
    assert_eq!(hub.asked_for("tokenizer.json").len(), 1);
    assert_whole(cache.path());
}

#[tokio::test]
async fn a_hub_without_ranges_is_asked_for_the_whole_file_again() {
    let hub = FakeHub::with(&[MINILM]).await;
    hub.conduct("model.onnx", Conduct::BreaksOffWithoutRanges(1000), 2);
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), hub.url());
    pull.env("FASTEMBED_HUB_RETRIES", "2")
        .arg(MINILM)
        .succeed()
        .await;
    assert_eq!(hub.asked_for("model.onnx").len(), 3);
    assert_whole(cache.path());
}

#[tokio::test]
async fn a_file_is_followed_to_where_it_was_moved() {
    let hub = FakeHub::with(&[MINILM]).await;
    let (repository, _) = layout(MINILM);
    hub.put("elsewhere", "bytes", content(&repository, "model.onnx"));
    let moved = format!("/elsewhere/resolve/{REVISION}/bytes");
    hub.conduct("model.onnx", Conduct::Redirects(moved), 1);
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), hub.url());
    pull.arg(MINILM).succeed().await;
    assert_whole(cache.path());
}

#[tokio::test]
async fn the_token_goes_to_the_hub_and_never_to_another_address_or_the_terminal() {
    let (hub, store) = (FakeHub::with(&[MINILM]).await, FakeHub::empty().await);
    let (repository, _) = layout(MINILM);
    store.put("store", "bytes", content(&repository, "model.onnx"));
    let moved = format!("{}/store/resolve/{REVISION}/bytes", store.url());
    hub.conduct("model.onnx", Conduct::Redirects(moved), 1);
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), hub.url());
    let ended = pull
        .env("HF_TOKEN", "hf_canary")
        .arg(MINILM)
        .succeed()
        .await;
    let token = Some("Bearer hf_canary".to_owned());
    assert!(hub.asked().iter().all(|asked| asked.token == token));
    let elsewhere: Vec<_> = store.asked().into_iter().map(|asked| asked.token).collect();
    assert_eq!(elsewhere, [None]);
    assert!(!ended.contains("hf_canary"), "{ended}");
}

#[tokio::test]
async fn the_token_stands_in_no_log_of_a_worker_that_fetches() {
    let hub = FakeHub::with(&[MINILM]).await;
    let cache = tempfile::tempdir().unwrap();
    let serve = Program::serve(cache.path(), hub.url());
    let exit = serve
        .env("HF_TOKEN", "hf_canary")
        .env("FASTEMBED_LOG_FILTER", "trace")
        .run()
        .await;
    assert!(hub.asked().iter().any(|asked| asked.token.is_some()));
    assert!(exit.lines.len() > 1, "{exit:?}");
    assert!(!exit.lines.concat().contains("hf_canary"), "{exit:?}");
}

#[tokio::test]
async fn a_proxy_that_the_environment_names_is_used() {
    let proxy = FakeHub::with(&[MINILM]).await;
    let cache = tempfile::tempdir().unwrap();
    // Only the proxy could know this name (RFC 6761).
    let pull = Program::new("pull", cache.path(), "http://hub.invalid");
    let pull = pull.env("http_proxy", proxy.url());
    pull.arg(MINILM).succeed().await;
    assert_whole(cache.path());
}

fn assert_whole(cache: &std::path::Path) {
    let (repository, _) = layout(MINILM);
    let files = found(cache, MINILM).expect("the model");
    let bytes = fs::read(files.graph).unwrap();
    assert!(bytes == content(&repository, "model.onnx"));
}
