//! Text models that fastembed runs by candle. It has no list of them; these are the
//! ones of its README (7.5, "Text Embedding"), but for Qwen3-VL, which reads images
//! beside text. How many values a vector has, and whether the repository keeps
//! weights in one file or in several, its page on the hub says
//! (`https://huggingface.co/` and the repository).

use super::entry::{Entry, Quantization};
use super::op::Op;
use crate::models::{Pooling, shards};

struct Model {
    name: &'static str,
    repository: &'static str,
    dimensions: usize,
    pooling: Pooling,
    /// The file of its weights, or of their index.
    weights: &'static str,
}

const MODELS: [Model; 4] = [
    Model {
        name: "NomicEmbedTextV2Moe",
        repository: "nomic-ai/nomic-embed-text-v2-moe",
        dimensions: 768,
        pooling: Pooling::Mean,
        weights: WEIGHTS,
    },
    Model {
        name: "Qwen3Embedding06B",
        repository: "Qwen/Qwen3-Embedding-0.6B",
        dimensions: 1024,
        pooling: Pooling::Last,
        weights: WEIGHTS,
    },
    Model {
        name: "Qwen3Embedding4B",
        repository: "Qwen/Qwen3-Embedding-4B",
        dimensions: 2560,
        pooling: Pooling::Last,
        weights: shards::INDEX,
    },
    Model {
        name: "Qwen3Embedding8B",
        repository: "Qwen/Qwen3-Embedding-8B",
        dimensions: 4096,
        pooling: Pooling::Last,
        weights: shards::INDEX,
    },
];

/// The file of weights that are in one (fastembed 7.5, `common.rs`,
/// `safetensors_weight_files`).
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
        ..Entry::of(Op::Text, name, repository, model.weights.to_owned())
    }
}
