//! Small models of every kind, made from a seed, and what each should give.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::worker::binary;
use super::{root, set_up};

/// A hub cache of generated models with the names of real ones, and the results
/// that ONNX Runtime with Hugging Face's tokenizers gives (tests/models).
pub(crate) struct Generated {
    folder: PathBuf,
}

impl Generated {
    /// Makes those that are `wanted` by operation and name. Each program has a
    /// folder of its own.
    pub(crate) fn make(folder: &str, wanted: impl Fn(&str, &str) -> bool) -> Self {
        Self::of(folder, &listed(wanted))
    }

    /// Makes those of these entries, as `fastembed-worker models --json` has them, and
    /// a `family` where no catalogue has them.
    pub(crate) fn of(folder: &str, entries: &[Value]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for generated models");
        let json = serde_json::to_vec(entries).expect("entries are JSON");
        let entries = folder.join("entries.json");
        std::fs::write(&entries, json).expect("the folder can be written");
        let hub = folder.join("hub");
        python(&[Path::new("tests/models"), &entries, &hub]);
        let references = Path::new("tests/models/references.py");
        python(&[references, &entries, &hub, &folder.join("references")]);
        Self { folder }
    }
}

/// What the catalogue says of these models.
pub(crate) fn listed(wanted: impl Fn(&str, &str) -> bool) -> Vec<Value> {
    let listed = Command::new(binary()).args(["models", "--json"]).output();
    let listed = listed.expect("the worker's program runs").stdout;
    let mut entries: Vec<Value> = serde_json::from_slice(&listed).expect("a list of models");
    entries.retain(|entry| {
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        wanted(text("op"), text("name"))
    });
    entries
}

/// Runs a script of the repository with the interpreter of `make setup`.
pub(crate) fn python(arguments: &[&Path]) {
    let ran = Command::new(set_up("venv/bin/python"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("the interpreter of make setup runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{arguments:?}: {said}");
}

impl Generated {
    /// The hub cache.
    pub(crate) fn hub(&self) -> String {
        self.folder.join("hub").display().to_string()
    }

    /// A folder of this name with the files of a repository, and nothing that says
    /// that they are of one.
    pub(crate) fn folder(&self, repository: &str, name: &str) -> PathBuf {
        let repository = self
            .folder
            .join("hub")
            .join(format!("models--{}", repository.replace('/', "--")));
        let revision = std::fs::read_to_string(repository.join("refs/main"));
        let snapshot = repository
            .join("snapshots")
            .join(revision.expect("a revision"));
        let folder = self.folder.join("folders").join(name);
        copy(&snapshot, &folder);
        folder
    }

    /// An image that the references are of.
    pub(crate) fn image(&self, name: &str) -> Vec<u8> {
        let file = self.image_file(name);
        std::fs::read(&file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()))
    }

    /// Where it lies.
    pub(crate) fn image_file(&self, name: &str) -> PathBuf {
        self.folder.join("references/images").join(name)
    }

    /// What a model of this operation and name should give.
    pub(crate) fn reference(&self, op: &str, name: &str) -> Reference {
        let file = |ending: &str| {
            let file = self.folder.join(format!("references/{op}_{name}.{ending}"));
            std::fs::read(&file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()))
        };
        let bytes = file("f32");
        let (numbers, _) = bytes.as_chunks::<4>();
        Reference {
            facts: serde_json::from_slice(&file("json")).expect("a reference"),
            numbers: numbers
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect(),
        }
    }
}

/// Copies a folder and what is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be written");
    for item in std::fs::read_dir(from).expect("a folder") {
        let (from, to) = item
            .map(|item| (item.path(), to.join(item.file_name())))
            .expect("an item");
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("a file that can be copied");
        }
    }
}

/// What one model should give (tests/models/references.py).
pub(crate) struct Reference {
    pub(crate) facts: Value,
    numbers: Vec<f32>,
}

impl Reference {
    /// All numbers of one array, row-major.
    pub(crate) fn array(&self, name: &str) -> &[f32] {
        let array = &self.facts["arrays"][name];
        let sides = array["shape"].as_array().expect("a shape").iter();
        let count: u64 = sides.map(|side| side.as_u64().expect("a side")).product();
        let start = array["offset"].as_u64().expect("an offset") as usize;
        &self.numbers[start..start + count as usize]
    }

    /// A list of strings.
    pub(crate) fn strings(&self, name: &str) -> Vec<String> {
        let list = self.facts[name].as_array().expect("a list").iter();
        list.map(|text| text.as_str().expect("a string").to_owned())
            .collect()
    }

    /// A list of whole numbers.
    pub(crate) fn counts(&self, name: &str) -> Vec<u64> {
        let list = self.facts[name].as_array().expect("a list").iter();
        list.map(|count| count.as_u64().expect("a count")).collect()
    }
}
