//! Small models of every kind, made from a seed, and what each should give.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::harness::worker::binary;
use crate::harness::{root, set_up};

/// A hub cache of generated models with the names of real ones, and the results
/// that ONNX Runtime with Hugging Face's tokenizers gives (tests/models).
pub(super) struct Generated {
    folder: PathBuf,
}

/// Made once for all tests of a run.
pub(super) fn generated() -> &'static Generated {
    static MADE: OnceLock<Generated> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kinds");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for generated models");
        let entries = folder.join("entries.json");
        std::fs::write(&entries, served().to_string()).expect("the folder can be written");
        let hub = folder.join("hub");
        python(&[Path::new("tests/models"), &entries, &hub]);
        let references = Path::new("tests/models/references.py");
        python(&[references, &entries, &hub, &folder.join("references")]);
        Generated { folder }
    })
}

/// What the catalogue says of the models that these tests serve.
fn served() -> Value {
    let listed = Command::new(binary()).args(["models", "--json"]).output();
    let listed = listed.expect("the worker's program runs").stdout;
    let mut entries: Vec<Value> = serde_json::from_slice(&listed).expect("a list of models");
    entries.retain(|entry| {
        let op = entry["op"].as_str().unwrap_or_default();
        let name = entry["name"].as_str().unwrap_or_default();
        // Of the many models of text one of each family.
        ["sparse", "rerank", "joint"].contains(&op) || (op == "text" && super::TEXT.contains(&name))
    });
    entries.into()
}

fn python(arguments: &[&Path]) {
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
    pub(super) fn hub(&self) -> String {
        self.folder.join("hub").display().to_string()
    }

    /// What a model of this operation and name should give.
    pub(super) fn reference(&self, op: &str, name: &str) -> Reference {
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

/// What one model should give (tests/models/references.py).
pub(super) struct Reference {
    pub(super) facts: Value,
    numbers: Vec<f32>,
}

impl Reference {
    /// All numbers of one array, row-major.
    pub(super) fn array(&self, name: &str) -> &[f32] {
        let array = &self.facts["arrays"][name];
        let sides = array["shape"].as_array().expect("a shape").iter();
        let count: u64 = sides.map(|side| side.as_u64().expect("a side")).product();
        let start = array["offset"].as_u64().expect("an offset") as usize;
        &self.numbers[start..start + count as usize]
    }

    /// A list of strings.
    pub(super) fn strings(&self, name: &str) -> Vec<String> {
        let list = self.facts[name].as_array().expect("a list").iter();
        list.map(|text| text.as_str().expect("a string").to_owned())
            .collect()
    }

    /// A list of whole numbers.
    pub(super) fn counts(&self, name: &str) -> Vec<u64> {
        let list = self.facts[name].as_array().expect("a list").iter();
        list.map(|count| count.as_u64().expect("a count")).collect()
    }
}
