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
    let mut entry = Entry::listed(Op::Sparse, format!("{:?}", info.model), info);
    if is_inference_free(&info.model) {
        // It belongs to no graph.
        entry.additional.retain(|file| file != QUERY_WEIGHTS);
        entry.query_weights = Some(QUERY_WEIGHTS.to_owned());
    }
    entry
}

/// Weights of a query's words, beside the graph that weighs documents
/// (arXiv:2411.04403).
const QUERY_WEIGHTS: &str = "idf.json";

fn is_inference_free(model: &SparseModel) -> bool {
    matches!(model, SparseModel::OpenSearchNeuralSparseDocV3Gte)
}
