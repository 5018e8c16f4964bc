//! What models there are: fastembed's list of dense text models under its own
//! names, with the facts that it leaves to its callers.

use fastembed::{EmbeddingModel, ModelInfo, QuantizationMode, TextEmbedding};

use super::{Error, Pooling, files};

/// Tokens after which fastembed cuts a text when nobody says otherwise.
const FASTEMBED_MAX_LENGTH: usize = 512;

/// Files that every model has beside its graph.
const TOKENIZER_FILES: [&str; 4] = [
    files::TOKENIZER,
    "config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
];

/// One model as the catalogue knows it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// fastembed's variant name, such as `AllMiniLML6V2`.
    pub name: String,
    /// Hub repository, such as `Qdrant/all-MiniLM-L6-v2-onnx`.
    pub repository: String,
    /// Graph file within the repository.
    pub graph: String,
    /// Files that the graph refers to, such as weights kept apart.
    pub additional: Vec<String>,
    /// Values in a vector.
    pub dimensions: usize,
    /// How token states become one vector.
    pub pooling: Pooling,
    /// Tokens after which a text is cut by default, special ones included.
    pub max_length: usize,
    /// SPDX identifier of the weights' licence, or `unknown`.
    pub license: &'static str,
    /// Whether the scale of its activations is taken over a whole run, so that a
    /// text's vector would depend on its company.
    pub runs_alone: bool,
}

impl Entry {
    /// Every file of the repository that fastembed reads, the large ones last.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let own = TOKENIZER_FILES.iter().map(|&name| name.to_owned());
        own.chain([self.graph.clone()])
            .chain(self.additional.iter().cloned())
            .collect()
    }
}

/// The entry of a name as it stands on subjects, or of the hub repository, in
/// any case.
///
/// # Errors
/// [`Error::Unknown`]; [`Error::Ambiguous`] where a repository holds several.
pub fn find(name: &str) -> Result<Entry, Error> {
    let known = TextEmbedding::list_supported_models();
    if let Some(info) = known.iter().find(|info| variant(&info.model) == name) {
        return Ok(entry(info));
    }
    let of_repository =
        |info: &&ModelInfo<EmbeddingModel>| info.model_code.eq_ignore_ascii_case(name);
    let found: Vec<_> = known.iter().filter(of_repository).collect();
    match found[..] {
        [] => Err(Error::Unknown(name.to_owned())),
        [info] => Ok(entry(info)),
        _ => {
            let mut candidates: Vec<_> = found.iter().map(|info| variant(&info.model)).collect();
            // fastembed's list is in no order.
            candidates.sort();
            let name = name.to_owned();
            Err(Error::Ambiguous { name, candidates })
        }
    }
}

/// Every name as it stands on subjects.
#[must_use]
pub fn names() -> Vec<String> {
    let known = TextEmbedding::list_supported_models();
    known.iter().map(|info| variant(&info.model)).collect()
}

fn entry(info: &ModelInfo<EmbeddingModel>) -> Entry {
    let (max_length, license) = own_facts(&info.model);
    let pooling = match TextEmbedding::get_default_pooling_method(&info.model) {
        Some(fastembed::Pooling::Mean) => Pooling::Mean,
        Some(fastembed::Pooling::Cls) | None => Pooling::Cls,
    };
    Entry {
        name: variant(&info.model),
        repository: info.model_code.clone(),
        graph: info.model_file.clone(),
        additional: info.additional_files.clone(),
        dimensions: info.dim,
        pooling,
        max_length,
        license,
        runs_alone: TextEmbedding::get_quantization_mode(&info.model) == QuantizationMode::Dynamic,
    }
}

/// fastembed derives `Debug` for its enum, and `Display` is the hub name.
fn variant(model: &EmbeddingModel) -> String {
    format!("{model:?}")
}

/// Maximum length and licence, where the model's own page states them.
fn own_facts(model: &EmbeddingModel) -> (usize, &'static str) {
    match model {
        // huggingface.co/sentence-transformers/all-MiniLM-L6-v2: max_seq_length
        // in sentence_bert_config.json, and the card's licence.
        EmbeddingModel::AllMiniLML6V2 => (256, "Apache-2.0"),
        _ => (FASTEMBED_MAX_LENGTH, "unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minilm_is_found_by_fastembeds_name() {
        let entry = find("AllMiniLML6V2").unwrap();
        assert_eq!((entry.dimensions, entry.max_length), (384, 256));
        assert_eq!(entry.pooling, Pooling::Mean);
        assert_eq!(entry.repository, "Qdrant/all-MiniLM-L6-v2-onnx");
    }

    #[test]
    fn dynamically_quantised_models_run_one_text_at_a_time() {
        assert!(find("AllMiniLML6V2Q").unwrap().runs_alone);
        assert!(!find("AllMiniLML6V2").unwrap().runs_alone);
    }

    #[test]
    fn every_name_is_a_subject_token() {
        for info in TextEmbedding::list_supported_models() {
            let name = variant(&info.model);
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{name}"
            );
        }
    }

    #[test]
    fn a_repository_of_one_model_is_a_name_of_it_in_any_case() {
        let entry = find("qdrant/ALL-minilm-l6-v2-onnx").unwrap();
        assert_eq!(entry.name, "AllMiniLML6V2");
    }

    #[test]
    fn a_repository_of_several_models_lists_them() {
        let refused = find("onnx-community/embeddinggemma-300m-ONNX").unwrap_err();
        for name in ["EmbeddingGemma300M", "EmbeddingGemma300MQ4"] {
            assert!(refused.to_string().contains(name), "{refused}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert!(matches!(find("allminilml6v2"), Err(Error::Unknown(_))));
    }
}
