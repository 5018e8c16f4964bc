//! Models that the configuration describes, in a repository: fetched, imported and
//! pinned as fastembed's own are.

use std::fs;
use std::path::{Path, PathBuf};

use fastembed_worker::models::repository::Repository;

use crate::external::{DATA, put};
use crate::fake_hub::{FakeHub, REVISION};
use crate::harness::{Ask, Caller, Launch, Server};
use crate::program::{NOBODY, Program};

const REPOSITORY: &str = "own/model";
const FILES: [&str; 4] = ["config.json", "model.onnx", DATA, "tokenizer.json"];

/// A hub that has the model, whose graph alone names its weights.
async fn hub(folder: &Path) -> FakeHub {
    put(folder, 0.0);
    let hub = FakeHub::empty().await;
    for file in FILES {
        hub.put(REPOSITORY, file, fs::read(folder.join(file)).unwrap());
    }
    hub
}

/// `[[models]]` of it, with more lines of TOML.
fn table(more: &str) -> String {
    format!("[[models]]\nname = 'ours'\nrepository = '{REPOSITORY}'\npooling = 'mean'\n{more}\n")
}

fn config(folder: &Path, table: &str) -> PathBuf {
    let file = folder.join("worker.toml");
    fs::write(&file, table).unwrap();
    file
}

fn program(command: &str, cache: &Path, hub: &str, table: &str) -> Program {
    let config = config(cache, table);
    Program::new(command, cache, hub)
        .arg("--config")
        .arg(config)
}

#[tokio::test]
async fn a_model_of_ones_own_is_pulled_with_what_its_graph_names_and_served_offline() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub(folder.path()).await;
    let revision = format!("revision = '{REVISION}'");
    for (more, is_current) in [(revision.as_str(), false), ("", true)] {
        let pull = program("pull", cache.path(), hub.url(), &table(more));
        let said = pull.arg("ours").succeed().await;
        assert!(said.contains(&format!("ours is at {REVISION}")), "{said}");
        let repository = Repository::of(cache.path(), REPOSITORY);
        for file in FILES {
            assert!(repository.snapshot(REVISION).join(file).is_file(), "{file}");
        }
        // A revision that is configured may be another than other models are at.
        assert_eq!(repository.revision().is_some(), is_current);

        let server = Server::start().await;
        let launch = Launch::new(
            &server.url(),
            &format!("[runtime]\nexecutors = 2\n{}", table(more)),
        );
        let worker = launch
            .env("HF_HOME", &cache.path().display().to_string())
            .ready()
            .await;
        let caller = Caller::connect(&server).await;
        let reply = caller.call(Ask::texts("ours", &["hello"])).await;
        // "hello" is the third word.
        assert!((reply.vectors().embeddings.values()[2] - 1.0).abs() < 1e-6);
        worker.stop().await;
    }
    // Each file once: the second pull found all of them.
    for file in FILES {
        assert_eq!(hub.asked_for(file).len(), 1, "{file}");
    }
}

#[tokio::test]
async fn a_model_of_ones_own_that_is_missing_is_fetched_by_serve() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub(folder.path()).await;
    let config = config(cache.path(), &table(""));
    let serve = Program::serve(cache.path(), hub.url())
        .arg("--config")
        .arg(config);
    serve.infer().await;
    assert_eq!(hub.asked_for(DATA).len(), 1);
}

#[tokio::test]
async fn a_lock_pins_every_file_of_a_model_of_ones_own() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub(folder.path()).await;
    let lock = cache.path().join("models.lock");
    let pull = program("pull", cache.path(), hub.url(), &table(""));
    pull.arg(format!("--lock={}", lock.display()))
        .succeed()
        .await;
    let text = fs::read_to_string(&lock).unwrap();
    for file in FILES {
        assert!(text.contains(file), "{text}");
    }
    let data = Repository::of(cache.path(), REPOSITORY)
        .snapshot(REVISION)
        .join(DATA);
    let mut bytes = fs::read(&data).unwrap();
    bytes[0] ^= 1;
    fs::write(&data, bytes).unwrap();
    let config = config(cache.path(), &table(""));
    let serve = Program::serve(cache.path(), NOBODY)
        .arg("--offline")
        .arg("--locked");
    let serve = serve.arg("--lock").arg(&lock).arg("--config").arg(config);
    let complaint = serve.fail().await;
    assert!(
        complaint.contains(DATA) && complaint.ends_with("which models.lock gives"),
        "{complaint}"
    );
}

#[tokio::test]
async fn a_locks_sums_are_not_demanded_of_another_revision_that_is_configured() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub(folder.path()).await;
    let lock = cache.path().join("models.lock");
    let (other, sum) = ("a".repeat(40), "0".repeat(64));
    let pin = format!(
        "[[models]]\nname = 'ours'\nrepository = '{REPOSITORY}'\nrevision = '{other}'\n\
         files = {{ 'model.onnx' = '{sum}', '{DATA}' = '{sum}' }}\n"
    );
    fs::write(&lock, pin).unwrap();
    let table = table(&format!("revision = '{REVISION}'"));
    for command in ["pull", "serve"] {
        let own = cache.path().join(command);
        fs::create_dir(&own).unwrap();
        let config = config(&own, &table);
        let with = |program: Program| {
            let program = program.arg("--config").arg(&config);
            program.env("FASTEMBED_RUNTIME_LOCK", &lock)
        };
        match command {
            "pull" => with(Program::new(command, &own, hub.url())).succeed().await,
            _ => with(Program::serve(&own, hub.url())).infer().await,
        };
        let snapshot = Repository::of(&own, REPOSITORY).snapshot(REVISION);
        assert!(snapshot.join(DATA).is_file());
    }
}

#[tokio::test]
async fn what_the_hub_has_under_another_sum_than_the_configuration_pins_is_not_kept() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub(folder.path()).await;
    let more = format!("pins = {{ '{DATA}' = '{}' }}", "0".repeat(64));
    let pull = program("pull", cache.path(), hub.url(), &table(&more));
    let complaint = pull.fail().await;
    assert!(
        complaint.contains(DATA) && complaint.ends_with("which the configuration gives"),
        "{complaint}"
    );
    let repository = Repository::of(cache.path(), REPOSITORY);
    assert!(!repository.snapshot(REVISION).exists());
}

#[tokio::test]
async fn a_model_of_ones_own_is_imported_with_what_its_graph_names() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(folder.path(), 0.0);
    let import = |more: &str| {
        let import = program("import", cache.path(), NOBODY, &table(more));
        import.arg("ours").arg(folder.path())
    };
    let complaint = import(&format!("revision = '{REVISION}'")).fail().await;
    assert!(
        complaint.contains(&format!("models.revision of ours is {REVISION}")),
        "{complaint}"
    );
    import("").succeed().await;
    let repository = Repository::of(cache.path(), REPOSITORY);
    let snapshot = repository.snapshot(&repository.revision().unwrap());
    assert!(FILES.iter().all(|file| snapshot.join(file).is_file()));

    fs::remove_file(folder.path().join(DATA)).unwrap();
    let complaint = import("").fail().await;
    assert!(
        complaint.contains(&format!("ours needs {DATA}")),
        "{complaint}"
    );
}

#[tokio::test]
async fn a_model_in_a_folder_has_nothing_to_pull_and_nothing_to_import() {
    let cache = tempfile::tempdir().unwrap();
    let table = "[[models]]\nname = 'ours'\ndirectory = '/'\n";
    for command in ["pull", "import"] {
        let program = program(command, cache.path(), NOBODY, table).arg("ours");
        let program = if command == "import" {
            program.arg("/")
        } else {
            program
        };
        let exit = program.run().await;
        let output = exit.lines.join("\n");
        assert_eq!(exit.code, Some(64), "{output}");
        assert!(
            output.contains("models.directory: is where ours lies"),
            "{output}"
        );
    }
    // What is configured needs nothing where all of it lies in folders.
    program("pull", cache.path(), NOBODY, table).succeed().await;
}
