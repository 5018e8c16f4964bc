//! Models that no list of fastembed's has: described in the configuration, in a
//! folder or a repository. What comes out is what ONNX Runtime gives with Hugging
//! Face's tokenizers; what cannot be used is refused before a worker joins the bus.

mod broken;
mod lengths;
mod places;
mod results;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::harness::generated::Generated;

/// One model: what it is asked for, its name, its graph, its family of
/// tests/models, and more of its entry.
type Made = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// A model of every kind, and of text of every way to pool and to keep weights.
const MADE: [Made; 12] = [
    (
        "text",
        "first",
        "model.onnx",
        "bert",
        r#"{"dimensions": 48, "pooling": "cls"}"#,
    ),
    (
        "text",
        "average",
        "model.onnx",
        "mpnet",
        r#"{"dimensions": 48, "pooling": "mean"}"#,
    ),
    (
        "text",
        "final",
        "model.onnx",
        "decoder",
        r#"{"dimensions": 64, "pooling": "last"}"#,
    ),
    (
        "text",
        "int8",
        "onnx/model_quantized.onnx",
        "gte",
        r#"{"dimensions": 48, "pooling": "mean"}"#,
    ),
    (
        "text",
        "apart",
        "onnx/model.onnx",
        "bert",
        r#"{"dimensions": 48, "pooling": "cls",
            "additional": ["onnx/model.onnx_data", "onnx/Constant_7_attr__value"]}"#,
    ),
    (
        "text",
        "pooled",
        "model.onnx",
        "gemma",
        r#"{"dimensions": 32}"#,
    ),
    // No more than 77 positions.
    (
        "text",
        "short",
        "model.onnx",
        "clip-text",
        r#"{"dimensions": 32, "max_length": 77}"#,
    ),
    ("sparse", "words", "model.onnx", "splade", "{}"),
    ("sparse", "quick", "model.onnx", "inference-free", "{}"),
    ("rerank", "cross", "model.onnx", "bert-cross-encoder", "{}"),
    (
        "joint",
        "three",
        "model.onnx",
        "bge-m3-joint",
        r#"{"dimensions": 64}"#,
    ),
    (
        "image",
        "tower",
        "model.onnx",
        "unicom-32",
        r#"{"dimensions": 40}"#,
    ),
];

/// Made once for all tests of a run.
fn generated() -> &'static Generated {
    static MODELS: OnceLock<Generated> = OnceLock::new();
    MODELS.get_or_init(|| {
        let entries: Vec<Value> = MADE.iter().map(entry).collect();
        Generated::of("custom", &entries)
    })
}

fn entry((op, name, graph, family, more): &Made) -> Value {
    let mut entry = json!({
        "op": op, "name": name, "graph": graph, "family": family,
        "repository": format!("own/{name}"),
    });
    if *op != "image" {
        // What is cut at where the configuration does not say.
        entry["max_length"] = 512.into();
    }
    let more: Value = serde_json::from_str(more).expect("an entry's other keys");
    for (key, value) in more.as_object().expect("an object") {
        entry[key] = value.clone();
    }
    entry
}

/// The operation and the graph of a model.
fn about(name: &str) -> (&'static str, &'static str) {
    let made = MADE.iter().find(|made| made.1 == name).expect("a name");
    (made.0, made.2)
}

/// A model's folder, of the name `folder`.
fn folder(name: &str, folder: &str) -> PathBuf {
    generated().folder(&format!("own/{name}"), folder)
}

/// `[[models]]` of a folder, with more lines of TOML.
fn table(name: &str, directory: &Path, more: &str) -> String {
    let (op, graph) = about(name);
    let directory = directory.display();
    format!(
        "[[models]]\nname = '{name}'\nop = '{op}'\ndirectory = '{directory}'\nfile = '{graph}'\n{more}\n"
    )
}
