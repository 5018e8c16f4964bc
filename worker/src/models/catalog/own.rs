//! Models that an operator describes in the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Quantization};
use super::op::Op;
use crate::models::{Pooling, files};

/// The graph's file where the configuration names none.
const GRAPH: &str = "model.onnx";

/// What a `[[models]]` table says of a model that no list of fastembed's has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Own {
    /// What it is asked for.
    #[serde(skip_serializing_if = "Op::is_default")]
    pub op: Op,
    /// Folder that holds its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Hub repository that holds them, in place of a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Commit of the repository; the tip of `main` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The ONNX graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Weights beside the graph that it does not name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The tokenizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// How images become pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preprocessor: Option<String>,
    /// Weights of words, by which queries need no run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_weights: Option<String>,
    /// The graph's output, where it has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How token states become one vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
    /// Whether vectors are of unit length where a request does not say; they are by
    /// default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    /// What may go before a text, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prompts: BTreeMap<String, String>,
    /// Lengths to which its vectors can well be cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matryoshka: Vec<usize>,
    /// SPDX identifier of the weights' licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// SHA-256 of files, by path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<String, String>,
    /// Whether each row is a run of its own, whatever its graph looks like.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub runs_alone: bool,
}

impl Own {
    /// Whether it describes a model at all.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.directory.is_some() || self.repository.is_some()
    }

    /// The entry of the model that bears this name.
    #[must_use]
    pub fn entry(&self, name: &str, max_length: Option<usize>, dimensions: Option<usize>) -> Entry {
        let file = self.file.as_deref().unwrap_or(GRAPH).to_owned();
        let mut entry = Entry::of(self.op, name.to_owned(), self.home(), file);
        // A card is of a model of fastembed's that has this name.
        entry.card = None;
        entry.pair = None;
        if self.op != Op::Image {
            entry.max_length = Some(max_length.unwrap_or(super::entry::FASTEMBED_MAX_LENGTH));
        }
        Entry {
            additional: self.files.clone(),
            output: self.output.clone(),
            dimensions,
            pooling: self.pooling,
            query_weights: self.query_weights.clone(),
            quantization: self.runs_alone.then_some(Quantization::Dynamic),
            own: Some(self.clone()),
            ..entry
        }
    }

    /// The repository; of a folder its name alone, since callers read this.
    fn home(&self) -> String {
        if let Some(repository) = &self.repository {
            return repository.clone();
        }
        let directory = self.directory.as_deref();
        let name = directory.and_then(|path| path.file_name());
        let name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        format!("directory:{name}")
    }

    /// What it reads of texts or images, beside its graph.
    pub(super) fn beside(&self) -> Vec<String> {
        let named =
            |file: &Option<String>, usual: &str| file.clone().unwrap_or_else(|| usual.to_owned());
        if self.op == Op::Image {
            return vec![named(&self.preprocessor, files::PREPROCESSOR)];
        }
        let mut beside = vec![named(&self.tokenizer, files::TOKENIZER)];
        if self.repository.is_some() {
            // A folder need not have it.
            beside.push(files::CONFIG.to_owned());
        }
        beside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(own: Own) -> Entry {
        own.entry("ours", None, None)
    }

    #[test]
    fn a_folder_is_known_to_callers_by_its_name_alone() {
        let own = Own {
            directory: Some("/srv/secret/ours-v2/".into()),
            ..Own::default()
        };
        let entry = entry(own);
        assert_eq!(entry.repository, "directory:ours-v2");
        assert!(entry.aliases().is_empty());
        assert_eq!(entry.files(), ["tokenizer.json", "model.onnx"]);
    }

    #[test]
    fn a_repository_is_fetched_with_what_the_configuration_names() {
        let own = Own {
            op: Op::Sparse,
            repository: Some("a/b".to_owned()),
            file: Some("onnx/model_int8.onnx".to_owned()),
            query_weights: Some("weights.json".to_owned()),
            files: vec!["onnx/more".to_owned()],
            ..Own::default()
        };
        let entry = entry(own);
        let files = "tokenizer.json config.json onnx/model_int8.onnx weights.json onnx/more";
        assert_eq!(entry.files().join(" "), files);
        assert_eq!(
            (entry.label(), entry.aliases()),
            ("sparse/ours".to_owned(), vec!["a/b".to_owned()])
        );
    }

    #[test]
    fn a_file_of_weights_of_words_means_another_space_than_the_same_as_a_file_of_the_graphs() {
        let own = |query_weights: Option<&str>| Own {
            op: Op::Sparse,
            directory: Some("/m".into()),
            query_weights: query_weights.map(str::to_owned),
            output: Some("logits".to_owned()),
            ..Own::default()
        };
        assert_eq!(entry(own(None)).own_terms(), " output 6=logits");
        let terms = entry(own(Some("idf.json"))).own_terms();
        assert_eq!(terms, " output 6=logits query_weights");
    }

    #[test]
    fn a_name_of_another_operations_catalogue_brings_nothing_of_it_along() {
        let own = Own {
            op: Op::Rerank,
            directory: Some("/m".into()),
            ..Own::default()
        };
        let entry = own.entry("BGERerankerBase", None, None);
        assert_eq!(entry.license(), "unknown");
    }
}
