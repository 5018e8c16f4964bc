//! Sparse text models. Their vectors have a value for each word of a vocabulary,
//! so there are no dimensions to choose.

use fastembed::SparseTextEmbedding;

use super::entry::Entry;
use super::op::Op;

pub(super) fn entries() -> Vec<Entry> {
    let listed = SparseTextEmbedding::list_supported_models();
    let entry = |info: &_| Entry::listed(Op::Sparse, name(info), info);
    listed.iter().map(entry).collect()
}

fn name(info: &fastembed::ModelInfo<fastembed::SparseModel>) -> String {
    format!("{:?}", info.model)
}
