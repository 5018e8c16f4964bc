//! Models whose weights are several files, which an index names.

use std::fs;
use std::path::{Path, PathBuf};

use fastembed_worker::models::repository::Repository;

use crate::fake_hub::{FakeHub, REVISION};
use crate::program::{NOBODY, Program};
use crate::{QWEN_4B, Stage, TEXTS, apart, expected, hub};

const REPOSITORY: &str = "Qwen/Qwen3-Embedding-4B";
const FILES: [&str; 5] = [
    "config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
];

/// The folder of the files that `make candle` made.
fn made() -> PathBuf {
    let repository = Repository::of(Path::new(&hub()), REPOSITORY);
    repository.snapshot(&repository.revision().unwrap())
}

#[tokio::test]
async fn candle_models_in_shards_are_pulled_and_locked_with_all_that_their_index_names() {
    let cache = tempfile::tempdir().unwrap();
    let fake = FakeHub::empty().await;
    for file in FILES {
        fake.put(REPOSITORY, file, fs::read(made().join(file)).unwrap());
    }
    let lock = cache.path().join("models.lock");
    let pull = Program::new("pull", cache.path(), fake.url());
    pull.arg(QWEN_4B)
        .arg(format!("--lock={}", lock.display()))
        .succeed()
        .await;
    let locked = fs::read_to_string(&lock).unwrap();
    let snapshot = Repository::of(cache.path(), REPOSITORY).snapshot(REVISION);
    for file in FILES {
        assert!(snapshot.join(file).is_file(), "{file}");
        assert!(locked.contains(file), "{file}: {locked}");
    }
    let stage = Stage::of(&cache.path().display().to_string(), &[QWEN_4B], "").await;
    let ours = stage.vectors(QWEN_4B, &TEXTS[..2]).await;
    let theirs = expected(QWEN_4B, &TEXTS[..2], 512);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!(apart(ours, theirs) <= 1e-5);
    }
}

#[tokio::test]
async fn candle_models_in_shards_are_imported_whole_or_not_at_all() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for file in FILES {
        fs::copy(made().join(file), folder.path().join(file)).unwrap();
    }
    let import = || {
        Program::new("import", cache.path(), NOBODY)
            .arg(QWEN_4B)
            .arg(folder.path())
    };
    let (shard, index) = (folder.path().join(FILES[2]), folder.path().join(FILES[3]));
    let bytes = fs::read(&shard).unwrap();
    fs::remove_file(&shard).unwrap();
    let complaint = import().fail().await;
    assert!(complaint.contains(FILES[2]), "{complaint}");

    fs::write(&shard, bytes).unwrap();
    let whole = fs::read(&index).unwrap();
    for (broken, reason) in [
        ("{}", "is not an index of weights"),
        (
            r#"{"weight_map":{"norm.weight":"../a.safetensors"}}"#,
            "no path below",
        ),
    ] {
        fs::write(&index, broken).unwrap();
        let complaint = import().fail().await;
        assert!(complaint.contains(reason), "{complaint}");
    }
    fs::write(&index, whole).unwrap();
    import().succeed().await;
}
