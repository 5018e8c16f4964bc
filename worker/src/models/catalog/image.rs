//! Image models.
//!
//! fastembed shows this list only with its feature `image-models`, which brings
//! an encoder of AVIF and decoders of formats that nobody asked for, 69 crates.
//! Without it the enum is there, and the repository of each variant. Graph and
//! dimensions are those of its `src/models/image_embedding.rs`, 7.5.0.

use fastembed::ImageEmbeddingModel::{
    self, ClipVitB32, NomicEmbedVisionV15, Resnet50, UnicomVitB16, UnicomVitB32,
};

use super::entry::Entry;
use super::op::Op;

const ALL: [ImageEmbeddingModel; 5] = [
    ClipVitB32,
    Resnet50,
    UnicomVitB16,
    UnicomVitB32,
    NomicEmbedVisionV15,
];

pub(super) fn entries() -> Vec<Entry> {
    ALL.iter().map(entry).collect()
}

fn entry(model: &ImageEmbeddingModel) -> Entry {
    // Exhaustive, so that a model that fastembed adds does not compile.
    let (graph, dimensions) = match model {
        ClipVitB32 => ("model.onnx", 512),
        Resnet50 => ("model.onnx", 2048),
        UnicomVitB16 => ("model.onnx", 768),
        UnicomVitB32 => ("model.onnx", 512),
        NomicEmbedVisionV15 => ("onnx/model.onnx", 768),
    };
    Entry {
        dimensions: Some(dimensions),
        // `Display` is the repository, `Debug` the variant.
        ..Entry::of(
            Op::Image,
            format!("{model:?}"),
            model.to_string(),
            graph.to_owned(),
        )
    }
}
