//! One model as the catalogue knows it.

use std::path::Path;

use fastembed::{ModelInfo, OutputKey};
use serde::Serialize;

use super::cards::Card;
use super::op::Op;
use super::own::Own;
use crate::models::{Pooling, Prompts, files, shards};

/// Tokens after which fastembed cuts a text when nobody says otherwise.
pub(super) const FASTEMBED_MAX_LENGTH: usize = 512;

/// What fastembed reads beside the graph of a model that takes text (7.5,
/// common.rs, `load_tokenizer_hf_hub`).
const TOKENIZER_FILES: [&str; 4] = [
    files::TOKENIZER,
    files::CONFIG,
    "special_tokens_map.json",
    "tokenizer_config.json",
];

/// What fastembed reads beside the graph of one that takes images (7.5,
/// `image_embedding/impl.rs`).
const IMAGE_FILES: [&str; 1] = [files::PREPROCESSOR];

/// The same of one that is run by candle (7.5, `models/qwen3.rs` and
/// `models/nomic_v2_moe.rs`, `from_hf`).
const CANDLE_FILES: [&str; 2] = [files::TOKENIZER, files::CONFIG];

/// A licence that nobody here knows.
const UNKNOWN_LICENSE: &str = "unknown";

/// How the weights were made smaller, by fastembed's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantization {
    /// They were not.
    None,
    /// With scales that are fixed.
    Static,
    /// With activations scaled by what a whole run holds.
    Dynamic,
}

/// One model as the catalogue knows it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is asked for.
    pub op: Op,
    /// fastembed's variant name, such as `AllMiniLML6V2`. Two operations may
    /// have a model of one name.
    pub name: String,
    /// Hub repository, such as `Qdrant/all-MiniLM-L6-v2-onnx`.
    pub repository: String,
    /// Graph file within the repository.
    pub graph: String,
    /// Files that belong to the graph, such as weights kept apart.
    pub additional: Vec<String>,
    /// The graph's output that holds the vectors, where one is named.
    pub output: Option<String>,
    /// Values in a dense vector; none where it makes no such vectors.
    pub dimensions: Option<usize>,
    /// How token states become one dense vector of a text.
    pub pooling: Option<Pooling>,
    /// Tokens after which a text is cut by default, special ones included; none
    /// where it takes no text. fastembed's 512, or the model's own where that is less.
    pub max_length: Option<usize>,
    /// File of the weights of words by which its queries need no run.
    pub query_weights: Option<String>,
    /// How its weights were made smaller; none where fastembed does not say.
    pub quantization: Option<Quantization>,
    /// Whether fastembed runs it by candle: its graph is then a file of weights, or
    /// an index of several.
    pub is_candle: bool,
    /// The name of the text and image models that it is one of, whose vectors are
    /// made to be compared.
    pub pair: Option<&'static str>,
    /// What its authors say of it.
    pub card: Option<&'static Card>,
    /// What the configuration says, of a model that no list of fastembed's has.
    pub own: Option<Own>,
}

impl Entry {
    /// What fastembed's list says, and the model's card.
    pub(super) fn listed<T>(op: Op, name: String, info: &ModelInfo<T>) -> Self {
        let output = match &info.output_key {
            Some(OutputKey::ByName(name)) => Some((*name).to_owned()),
            _ => None,
        };
        Self {
            output,
            dimensions: Some(info.dim).filter(|&values| values > 0),
            additional: info.additional_files.clone(),
            ..Self::of(op, name, info.model_code.clone(), info.model_file.clone())
        }
    }

    /// An entry with what every model has.
    pub(super) fn of(op: Op, name: String, repository: String, graph: String) -> Self {
        let card = Card::of(op, &name);
        let own = card.and_then(|card| card.context).unwrap_or(usize::MAX);
        Self {
            pair: pair(op, &name),
            op,
            name,
            repository,
            graph,
            additional: Vec::new(),
            output: None,
            dimensions: None,
            pooling: None,
            max_length: (op != Op::Image).then_some(own.min(FASTEMBED_MAX_LENGTH)),
            query_weights: None,
            quantization: None,
            is_candle: false,
            card,
            own: None,
        }
    }

    /// Every file of the repository that fastembed reads, the large ones last; of
    /// one that the configuration describes, every file that it names.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let beside: Vec<String> = match (&self.own, self.op) {
            (Some(own), _) => own.beside(),
            (None, Op::Image) => owned(&IMAGE_FILES),
            (None, _) if self.is_candle => owned(&CANDLE_FILES),
            (None, _) => owned(&TOKENIZER_FILES),
        };
        beside
            .into_iter()
            .chain([self.graph.clone()])
            .chain(self.query_weights.clone())
            .chain(self.additional.iter().cloned())
            .collect()
    }

    /// Whether its graph is an index of the files that hold its weights.
    #[must_use]
    pub fn is_sharded(&self) -> bool {
        self.is_candle && self.graph == shards::INDEX
    }

    /// Whether its graph names files that the entry does not: they are known once
    /// that is there. Of models in fastembed's lists, the entry names all.
    #[must_use]
    pub fn names_more(&self) -> bool {
        self.own.is_some() || self.is_sharded()
    }

    /// What it is called where the operation is not said: `op/name`, or the name
    /// alone for a model of dense text.
    #[must_use]
    pub fn label(&self) -> String {
        if self.op.is_default() {
            self.name.clone()
        } else {
            format!("{}/{}", self.op, self.name)
        }
    }

    /// Its names on the hub: the repository that is fetched, and the one whose
    /// weights that one holds as they are.
    #[must_use]
    pub fn aliases(&self) -> Vec<String> {
        if self.directory().is_some() {
            return Vec::new();
        }
        let origin = self.card.filter(|card| card.is_exported_by(self));
        let origin = origin.map(|card| card.page.to_owned());
        let mut aliases = vec![self.repository.clone()];
        aliases.extend(origin.filter(|page| !page.eq_ignore_ascii_case(&self.repository)));
        aliases
    }

    /// Fingerprint of what its vectors mean, by the bytes of its files and the
    /// settings in `terms`; of one of a pair, by the pair alone.
    ///
    /// A pair's models come from two repositories, and each worker may have one of
    /// them. So the two have one space whoever serves them, and it says that the
    /// vectors are of this pair, this long, and normalised. It does not say that the
    /// files are the published ones; a pin in `models.lock` does.
    #[must_use]
    pub fn space(&self, contents: &[&[u8]], terms: &str) -> String {
        match (self.pair, self.dimensions) {
            (Some(pair), Some(dimensions)) => {
                let terms = format!("pair={pair} dimensions={dimensions} normalized");
                files::fingerprint(&[], &terms)
            }
            _ => files::fingerprint(contents, terms),
        }
    }

    /// What the settings add to the terms of a fingerprint where the catalogue does
    /// not know it: which output is read, and whether a file holds weights of words,
    /// which might as well be one of the graph's.
    #[must_use]
    pub fn own_terms(&self) -> String {
        let mut terms = String::new();
        if self.own.is_none() {
            return terms;
        }
        if let Some(output) = &self.output {
            terms = format!(" output {}={output}", output.len());
        }
        if self.query_weights.is_some() {
            terms += " query_weights";
        }
        terms
    }

    /// Whether the scale of its activations is taken over a whole run, so that a
    /// text's vector would depend on its company.
    #[must_use]
    pub fn runs_alone(&self) -> bool {
        self.quantization == Some(Quantization::Dynamic)
    }

    /// SPDX identifier of the weights' licence, or `unknown`.
    #[must_use]
    pub fn license(&self) -> &str {
        let own = self.own.as_ref().and_then(|own| own.license.as_deref());
        let known = own.or(self.card.and_then(|card| card.license));
        known.unwrap_or(UNKNOWN_LICENSE)
    }

    /// What may go before a text.
    #[must_use]
    pub fn prompts(&self) -> Prompts {
        match &self.own {
            Some(own) => own.prompts.clone().into_iter().collect(),
            None => (self.card.iter())
                .flat_map(|card| card.prompts)
                .copied()
                .collect(),
        }
    }

    /// Lengths to which its vectors can well be cut.
    #[must_use]
    pub fn matryoshka(&self) -> &[usize] {
        match &self.own {
            Some(own) => &own.matryoshka,
            None => self.card.map_or(&[], |card| card.matryoshka),
        }
    }

    /// The folder of its files, where they lie in no cache.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.own.as_ref()?.directory.as_deref()
    }

    /// The only revision that is meant, where the configuration says it.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.own.as_ref()?.revision.as_deref()
    }

    /// The SHA-256 that the configuration pins a file to.
    #[must_use]
    pub fn pinned(&self, file: &str) -> Option<&str> {
        self.own.as_ref()?.pins.get(file).map(String::as_str)
    }

    /// The files that the configuration pins.
    pub fn pinned_files(&self) -> impl Iterator<Item = &String> {
        self.own.iter().flat_map(|own| own.pins.keys())
    }

    /// Whether the configuration pins any file.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.own.as_ref().is_some_and(|own| !own.pins.is_empty())
    }

    /// Whether vectors are of unit length where a request does not say.
    #[must_use]
    pub fn normalizes(&self) -> bool {
        let own = self.own.as_ref();
        own.and_then(|own| own.normalize).unwrap_or(true)
    }
}

/// CLIP's text and image towers were trained together (arXiv:2103.00020).
fn pair(op: Op, name: &str) -> Option<&'static str> {
    let is_one = matches!(op, Op::Text | Op::Image) && name == "ClipVitB32";
    is_one.then_some("clip-ViT-B-32")
}
