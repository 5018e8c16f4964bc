//! Cross-encoders: a score for a query and a document, and no vector.

use fastembed::TextRerank;

use super::entry::Entry;
use super::op::Op;

pub(super) fn entries() -> Vec<Entry> {
    let listed = TextRerank::list_supported_models().into_iter();
    listed
        .map(|info| Entry {
            additional: info.additional_files,
            ..Entry::of(
                Op::Rerank,
                format!("{:?}", info.model),
                info.model_code,
                info.model_file,
            )
        })
        .collect()
}
