//! What a hub can do wrong ends in one line that names the file, and leaves no
//! broken cache.

use crate::fake_hub::{Conduct, FakeHub};
use crate::program::{NOBODY, Program};
use crate::{MINILM, found};

/// Pulls while `file` is answered with `conduct`; gives the complaint.
async fn pull_with(file: &str, conduct: Conduct, times: usize) -> (FakeHub, String) {
    let hub = FakeHub::with(&[MINILM]).await;
    hub.conduct(file, conduct, times);
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), hub.url())
        .env("FASTEMBED_HUB_STALL_TIMEOUT_MS", "1000")
        .arg(MINILM);
    let complaint = pull.fail().await;
    assert!(found(cache.path(), MINILM).is_none(), "no broken cache");
    (hub, complaint)
}

#[tokio::test]
async fn a_stall_ends_by_the_timeout_and_names_the_file() {
    let (hub, complaint) = pull_with("config.json", Conduct::Stalls, usize::MAX).await;
    assert!(
        complaint.contains("all-MiniLM-L6-v2-onnx/config.json") && complaint.contains("stalled"),
        "{complaint}"
    );
    assert_eq!(hub.asked_for("config.json").len(), 2, "one retry");
}

#[tokio::test]
async fn a_body_cut_short_names_the_file() {
    let (_hub, complaint) = pull_with("model.onnx", Conduct::BreaksOff(7), usize::MAX).await;
    assert!(
        complaint.contains("/model.onnx") && complaint.contains("broke off"),
        "{complaint}"
    );
}

#[tokio::test]
async fn an_orderly_body_shorter_than_the_file_names_the_file() {
    let (_hub, complaint) = pull_with("model.onnx", Conduct::EndsEarly(7), usize::MAX).await;
    assert!(
        complaint.contains("/model.onnx") && complaint.contains("ended after"),
        "{complaint}"
    );
}

#[tokio::test]
async fn a_wrong_checksum_names_the_file_and_the_next_pull_starts_anew() {
    let hub = FakeHub::with(&[MINILM]).await;
    hub.conduct("model.onnx", Conduct::Corrupts, 1);
    let cache = tempfile::tempdir().unwrap();
    let pull = || Program::new("pull", cache.path(), hub.url()).arg(MINILM);
    let complaint = pull().fail().await;
    assert!(
        complaint.contains("/model.onnx: sha256") && complaint.contains("the hub"),
        "{complaint}"
    );
    assert!(found(cache.path(), MINILM).is_none(), "no broken cache");
    pull().succeed().await;
    let again = hub.asked_for("model.onnx").pop().unwrap();
    assert_eq!(again.range, None);
}

#[tokio::test]
async fn a_hub_that_wants_a_token_says_so_and_is_asked_once() {
    for status in [401, 403] {
        let (hub, complaint) = pull_with("config.json", Conduct::Status(status), 9).await;
        assert!(
            complaint.contains("/config.json") && complaint.contains("HF_TOKEN"),
            "{complaint}"
        );
        assert_eq!(hub.asked_for("config.json").len(), 1);
    }
}

#[tokio::test]
async fn a_file_that_the_hub_lacks_is_named_and_asked_for_once() {
    let (hub, complaint) = pull_with("model.onnx", Conduct::Status(404), 9).await;
    assert!(
        complaint.contains("/model.onnx") && complaint.contains("404"),
        "{complaint}"
    );
    assert_eq!(hub.asked_for("model.onnx").len(), 1);
}

#[tokio::test]
async fn a_repository_that_the_hub_lacks_is_named() {
    let (_hub, complaint) = pull_with("main", Conduct::Status(404), 9).await;
    assert!(
        complaint.contains("Qdrant/all-MiniLM-L6-v2-onnx (its revision)"),
        "{complaint}"
    );
}

#[tokio::test]
async fn a_hub_in_trouble_is_asked_again() {
    let hub = FakeHub::with(&[MINILM]).await;
    hub.conduct("config.json", Conduct::Status(503), 1);
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), hub.url());
    pull.arg(MINILM).succeed().await;

    let (hub, complaint) = pull_with("config.json", Conduct::Status(500), 9).await;
    assert!(complaint.contains("500"), "{complaint}");
    assert_eq!(hub.asked_for("config.json").len(), 2);
}

#[tokio::test]
async fn endless_redirects_end() {
    let to = "/config.json".to_owned();
    let (hub, complaint) = pull_with("config.json", Conduct::Redirects(to), 99).await;
    assert!(complaint.contains("redirects"), "{complaint}");
    assert!(hub.asked_for("config.json").len() < 10);
}

#[tokio::test]
async fn a_hub_that_nobody_runs_is_named_by_what_was_wanted() {
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), NOBODY);
    let complaint = pull.arg(MINILM).fail().await;
    assert!(complaint.contains("cannot be reached"), "{complaint}");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_said_to_be_so() {
    let hub = FakeHub::with(&[MINILM]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    for command in ["pull", "serve"] {
        let mut program = Program::new(command, &file.join("cache"), hub.url());
        if command == "pull" {
            program = program.arg(MINILM);
        }
        let complaint = program.fail().await;
        assert!(
            complaint.contains("cannot be written") && complaint.contains("HF_HOME"),
            "{complaint}"
        );
    }
    assert!(hub.asked().is_empty());
}

#[tokio::test]
async fn a_name_that_is_not_in_the_catalogue_is_refused_before_the_hub_is_asked() {
    let hub = FakeHub::with(&[MINILM]).await;
    let cache = tempfile::tempdir().unwrap();
    let pull = Program::new("pull", cache.path(), hub.url());
    let complaint = pull.arg(MINILM).arg("Nonesuch").fail().await;
    assert!(complaint.contains("Nonesuch"), "{complaint}");
    assert!(hub.asked().is_empty());
}
