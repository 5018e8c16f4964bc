//! Models that make dense, sparse and ColBERT vectors in one pass. Dimensions are
//! those of the dense ones.

use fastembed::Bgem3Embedding;

use super::entry::Entry;
use super::op::Op;

pub(super) fn entries() -> Vec<Entry> {
    let listed = Bgem3Embedding::list_supported_models();
    let entry = |info: &_| Entry::listed(Op::Joint, name(info), info);
    listed.iter().map(entry).collect()
}

fn name(info: &fastembed::ModelInfo<fastembed::Bgem3Model>) -> String {
    format!("{:?}", info.model)
}
