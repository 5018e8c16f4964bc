//! Dense text models.

use fastembed::{EmbeddingModel, ModelInfo, QuantizationMode, TextEmbedding};

use super::entry::{Entry, Quantization};
use super::op::Op;
use crate::models::Pooling;

pub(super) fn entries() -> Vec<Entry> {
    let listed = TextEmbedding::list_supported_models();
    listed.iter().map(entry).collect()
}

fn entry(info: &ModelInfo<EmbeddingModel>) -> Entry {
    // fastembed pools by the first token where it names no way.
    let pooling = match TextEmbedding::get_default_pooling_method(&info.model) {
        Some(fastembed::Pooling::Mean) => Pooling::Mean,
        Some(fastembed::Pooling::Cls) | None => Pooling::Cls,
    };
    let quantization = match TextEmbedding::get_quantization_mode(&info.model) {
        QuantizationMode::None => Quantization::None,
        QuantizationMode::Static => Quantization::Static,
        QuantizationMode::Dynamic => Quantization::Dynamic,
    };
    Entry {
        pooling: Some(pooling),
        quantization: Some(quantization),
        ..Entry::listed(Op::Text, format!("{:?}", info.model), info)
    }
}
