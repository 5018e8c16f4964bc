//! `models.lock`: written, held, and never loaded past.

use std::fs;
use std::path::Path;

use crate::fake_hub::{Conduct, FakeHub, REVISION, content, layout};
use crate::program::{NOBODY, Program};
use crate::{MINILM, found, real_cache, real_files};

fn locked_to(lock: &Path) -> String {
    format!("--lock={}", lock.display())
}

#[tokio::test]
async fn pull_with_lock_pins_the_revision_and_every_file() {
    let hub = FakeHub::with(&[MINILM]).await;
    let folder = tempfile::tempdir().unwrap();
    let (cache, lock) = (
        folder.path().join("cache"),
        folder.path().join("models.lock"),
    );
    let pull = Program::new("pull", &cache, hub.url());
    pull.arg(locked_to(&lock)).arg(MINILM).succeed().await;
    let text = fs::read_to_string(&lock).unwrap();
    assert!(text.contains(REVISION), "{text}");
    for file in layout(MINILM).1 {
        assert!(text.contains(&format!("\"{file}\" = ")), "{file}: {text}");
    }
}

#[tokio::test]
async fn a_pinned_model_is_pulled_without_asking_for_the_newest_revision() {
    let hub = FakeHub::with(&[MINILM]).await;
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("models.lock");
    let pull = |cache: &str| {
        let cache = folder.path().join(cache);
        Program::new("pull", &cache, hub.url())
            .arg(locked_to(&lock))
            .arg(MINILM)
    };
    pull("one").succeed().await;
    let before = hub.asked_for("main").len();
    pull("two").succeed().await;
    assert_eq!(hub.asked_for("main").len(), before);
    pull("three").arg("--update").succeed().await;
    assert_eq!(hub.asked_for("main").len(), before + 1);
}

#[tokio::test]
async fn a_file_that_differs_from_its_pin_is_refused_on_the_way_in() {
    let hub = FakeHub::with(&[MINILM]).await;
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("models.lock");
    let pull = |cache: &Path| {
        Program::new("pull", cache, hub.url())
            .env("FASTEMBED_RUNTIME_LOCK", &lock)
            .arg(MINILM)
    };
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    fs::write(&lock, "").unwrap();
    pull(&one).arg("--lock").succeed().await;

    // The hub itself has other bytes now, and vouches for them.
    let (repository, _) = layout(MINILM);
    hub.put(&repository, "config.json", b"other".to_vec());
    let complaint = pull(&two).fail().await;
    assert!(
        complaint.contains("/config.json: sha256") && complaint.contains("models.lock"),
        "{complaint}"
    );
    assert!(found(&two, MINILM).is_none());
}

#[tokio::test]
async fn pull_replaces_a_cached_file_that_differs_from_its_pin() {
    let hub = FakeHub::with(&[MINILM]).await;
    let folder = tempfile::tempdir().unwrap();
    let (cache, lock) = (
        folder.path().join("cache"),
        folder.path().join("models.lock"),
    );
    let pull = || {
        Program::new("pull", &cache, hub.url())
            .arg(locked_to(&lock))
            .arg(MINILM)
    };
    pull().succeed().await;
    let graph = found(&cache, MINILM).unwrap().graph;
    fs::write(&graph, "rotten").unwrap();
    pull().succeed().await;
    let (repository, _) = layout(MINILM);
    assert!(fs::read(graph).unwrap() == content(&repository, "model.onnx"));
    assert_eq!(hub.asked_for("config.json").len(), 1);
}

#[tokio::test]
async fn a_pin_of_an_import_is_not_looked_for_on_the_hub() {
    let hub = FakeHub::with(&[MINILM]).await;
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("models.lock");
    let (repository, _) = layout(MINILM);
    let pin = format!(
        "[[models]]\nname='{MINILM}'\nrepository='{repository}'\nrevision='import-0123456789ab'\n"
    );
    fs::write(&lock, pin).unwrap();
    let pull = || {
        Program::new("pull", &folder.path().join("cache"), hub.url())
            .arg(locked_to(&lock))
            .arg(MINILM)
    };
    let complaint = pull().fail().await;
    assert!(complaint.contains("import-0123456789ab"), "{complaint}");
    assert!(hub.asked().is_empty());
    pull().arg("--update").succeed().await;
}

#[tokio::test]
async fn a_cached_file_that_differs_from_its_pin_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, lock) = (
        folder.path().join("cache"),
        folder.path().join("models.lock"),
    );
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    for (name, bytes) in real_files() {
        fs::write(source.join(name), bytes).unwrap();
    }
    let import = Program::new("import", &cache, NOBODY);
    import
        .arg(locked_to(&lock))
        .arg(MINILM)
        .arg(&source)
        .succeed()
        .await;
    let serve = || {
        Program::serve(&cache, NOBODY)
            .arg("--offline")
            .arg("--locked")
            .arg(locked_to(&lock))
    };
    let ended = serve().infer().await;
    assert!(ended.contains("files are the pinned ones"), "{ended}");

    let config = found(&cache, MINILM)
        .unwrap()
        .tokenizer
        .with_file_name("config.json");
    let mut bytes = fs::read(&config).unwrap();
    bytes.push(b'\n');
    fs::write(&config, bytes).unwrap();
    let complaint = serve().fail().await;
    assert!(
        complaint.contains("config.json: sha256") && complaint.contains("models.lock"),
        "{complaint}"
    );
}

#[tokio::test]
async fn what_nothing_pins_is_loaded_unless_the_worker_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("models.lock");
    fs::write(&lock, "").unwrap();
    let serve = || {
        Program::serve(&real_cache(), NOBODY)
            .arg("--offline")
            .arg(locked_to(&lock))
    };
    let ended = serve().infer().await;
    assert!(ended.contains("files are not verified"), "{ended}");
    let complaint = serve().arg("--locked").fail().await;
    let hub = FakeHub::with(&[MINILM]).await;
    let empty = Program::serve(&folder.path().join("empty"), hub.url());
    let empty = empty.arg("--locked").arg(locked_to(&lock));
    assert_eq!(empty.fail().await, complaint);
    assert!(
        hub.asked().is_empty(),
        "what would be refused is not fetched"
    );
    assert!(
        complaint.contains(MINILM) && complaint.contains("nothing pins it"),
        "{complaint}"
    );
}

#[tokio::test]
async fn a_lock_that_is_named_and_missing_or_no_lock_exits_64() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("models.lock");
    let check =
        || Program::new("check", folder.path(), NOBODY).env("FASTEMBED_RUNTIME_LOCK", &lock);
    assert_eq!(check().run().await.code, Some(64));
    fs::write(&lock, "[[models]]\nname = 1\n").unwrap();
    let ended = check().run().await;
    assert_eq!(ended.code, Some(64));
    let [line] = &ended.lines[..] else {
        panic!("not one line: {ended:?}")
    };
    assert!(line.contains("models.lock"), "{line}");
    fs::write(&lock, "").unwrap();
    assert_eq!(check().run().await.code, Some(0));
}

#[tokio::test]
async fn a_pin_without_sums_gets_them_on_the_first_pull_that_writes() {
    let hub = FakeHub::with(&[MINILM]).await;
    let folder = tempfile::tempdir().unwrap();
    let (cache, lock) = (
        folder.path().join("cache"),
        folder.path().join("models.lock"),
    );
    let (repository, files) = layout(MINILM);
    let pin =
        format!("[[models]]\nname='{MINILM}'\nrepository='{repository}'\nrevision='{REVISION}'\n");
    fs::write(&lock, pin).unwrap();
    hub.conduct("main", Conduct::Status(500), usize::MAX);
    let pull = Program::new("pull", &cache, hub.url());
    pull.arg(locked_to(&lock)).arg(MINILM).succeed().await;
    let text = fs::read_to_string(&lock).unwrap();
    assert!(
        files.iter().all(|file| text.contains(file.as_str())),
        "{text}"
    );
}
