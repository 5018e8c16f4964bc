//! Sparse text models. Their vectors have a value for each word of a vocabulary,
//! so there are no dimensions to choose.

use fastembed::{SparseModel, SparseTextEmbedding};

use super::entry::Entry;
use super::op::Op;

pub(super) fn entries() -> Vec<Entry> {
    let listed = SparseTextEmbedding::list_supported_models();
    listed.iter().map(entry).collect()
}

fn entry(info: &fastembed::ModelInfo<SparseModel>) -> Entry {
    Entry {
        query_weights: is_inference_free(&info.model).then_some(QUERY_WEIGHTS),
        ..Entry::listed(Op::Sparse, format!("{:?}", info.model), info)
    }
}

/// Weights of a query's words, beside the graph that weighs documents
/// (arXiv:2411.04403).
const QUERY_WEIGHTS: &str = "idf.json";

fn is_inference_free(model: &SparseModel) -> bool {
    matches!(model, SparseModel::OpenSearchNeuralSparseDocV3Gte)
}
