//! Text models that fastembed runs by candle. It has no list of them; these are
//! those of its pages that one file of weights holds.

use super::entry::{Entry, Quantization};
use super::op::Op;
use crate::models::Pooling;

struct Model {
    name: &'static str,
    repository: &'static str,
    dimensions: usize,
    pooling: Pooling,
}

const MODELS: [Model; 2] = [
    Model {
        name: "NomicEmbedTextV2Moe",
        repository: "nomic-ai/nomic-embed-text-v2-moe",
        dimensions: 768,
        pooling: Pooling::Mean,
    },
    Model {
        name: "Qwen3Embedding06B",
        repository: "Qwen/Qwen3-Embedding-0.6B",
        dimensions: 1024,
        pooling: Pooling::Last,
    },
];

/// The one file of their weights.
const WEIGHTS: &str = "model.safetensors";

/// Every name, whether this worker runs them or not.
pub(super) fn names() -> Vec<&'static str> {
    MODELS.iter().map(|model| model.name).collect()
}

/// Whether a name, or a repository, means one of them.
pub(super) fn has(name: &str) -> bool {
    let means = |model: &Model| model.name == name || model.repository.eq_ignore_ascii_case(name);
    MODELS.iter().any(means)
}

/// Those that this worker runs: all of them, or none.
pub(super) fn entries() -> Vec<Entry> {
    let runs = if cfg!(feature = "candle") {
        &MODELS[..]
    } else {
        &[]
    };
    runs.iter().map(entry).collect()
}

fn entry(model: &Model) -> Entry {
    let (name, repository) = (model.name.to_owned(), model.repository.to_owned());
    Entry {
        is_candle: true,
        dimensions: Some(model.dimensions),
        pooling: Some(model.pooling),
        quantization: Some(Quantization::None),
        ..Entry::of(Op::Text, name, repository, WEIGHTS.to_owned())
    }
}
