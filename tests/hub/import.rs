//! A model out of a folder.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::harness::{self, Ask, Caller, Launch, Server};
use crate::program::{NOBODY, Program};
use crate::{MINILM, found, real_files};

/// A folder with the real model's files, as on a stick.
fn stick() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in real_files() {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn import(cache: &Path, folder: &Path) -> Program {
    Program::new("import", cache, NOBODY)
        .arg(MINILM)
        .arg(folder)
}

#[tokio::test]
async fn an_imported_model_is_served() {
    let (cache, stick) = (tempfile::tempdir().unwrap(), stick());
    import(cache.path(), stick.path()).succeed().await;
    let revision = found(cache.path(), MINILM).unwrap().revision;
    let digits = revision.strip_prefix("import-").unwrap();
    assert!(digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));

    let server = Server::start().await;
    let worker = Launch::new(&server.url(), harness::MINILM)
        .env("HF_HOME", &cache.path().display().to_string())
        .ready()
        .await;
    let caller = Caller::connect(&server).await;
    let info = caller.call(Ask::info(MINILM)).await.value();
    let source = info["source"].as_str().unwrap();
    assert!(source.ends_with(&format!("@{revision}")), "{info}");
    let reply = caller.call(Ask::texts(MINILM, &["hello"])).await;
    assert_eq!(reply.vectors().tokens.len(), 1);
    worker.stop().await;
}

#[tokio::test]
async fn the_same_files_are_the_same_revision_and_others_another() {
    let (cache, stick) = (tempfile::tempdir().unwrap(), stick());
    let mut revisions = Vec::new();
    for round in 0..3 {
        if round == 2 {
            fs::write(stick.path().join("config.json"), "{}").unwrap();
        }
        import(cache.path(), stick.path()).succeed().await;
        revisions.push(found(cache.path(), MINILM).unwrap().revision);
    }
    assert_eq!(revisions[0], revisions[1]);
    assert_ne!(revisions[0], revisions[2]);
}

#[tokio::test]
async fn a_folder_that_lacks_files_is_refused_with_all_their_names() {
    let (cache, stick) = (tempfile::tempdir().unwrap(), stick());
    for file in ["config.json", "model.onnx"] {
        fs::remove_file(stick.path().join(file)).unwrap();
    }
    let complaint = import(cache.path(), stick.path()).fail().await;
    assert!(complaint.contains("config.json, model.onnx"), "{complaint}");
    assert!(found(cache.path(), MINILM).is_none());
}

#[tokio::test]
async fn a_graph_or_tokenizer_that_is_none_is_refused_by_name() {
    for (file, bytes) in [
        ("model.onnx", "version https://git-lfs.github.com/spec/v1"),
        ("model.onnx", ""),
        ("tokenizer.json", "{}"),
    ] {
        let (cache, stick) = (tempfile::tempdir().unwrap(), stick());
        fs::write(stick.path().join(file), bytes).unwrap();
        let complaint = import(cache.path(), stick.path()).fail().await;
        assert!(complaint.contains(file), "{complaint}");
        assert!(found(cache.path(), MINILM).is_none());
    }
}
