//! Models that fastembed runs by candle, through its own types.
//!
//! These take strings. So ids are handed over as digits, and a tokenizer that
//! knows no other words makes the same ids of them: texts are tokenized, cut and
//! counted here as those of all models.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, safetensors};
use candle_nn::VarBuilder;
use fastembed::{
    NomicBertModel, NomicConfig, NomicV2MoeTextEmbedding, Qwen3Config, Qwen3Model,
    Qwen3TextEmbedding,
};
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;

use super::catalog::Entry;
use super::files::Files;
use super::tokenizer::Tokenizer;
use super::{Error, Facts, Loaded, Model, Outputs, Row, Shape, Terminate, company};

/// What stands before the names of weights that were stored with a language
/// model's head.
const HEADED: &str = "model";

/// Reads a model out of a hub cache. candle spreads a run over all processors by
/// itself, so there is one instance.
///
/// `max_length` is in tokens, special ones included; the model's own by default.
///
/// # Errors
/// Any but [`Error::Runtime`].
pub fn load(cache: &Path, entry: &Entry, max_length: Option<usize>) -> Result<Loaded, Error> {
    let unknown = || Error::Unknown(entry.label());
    let max_tokens = max_length.or(entry.max_length).ok_or_else(unknown)?;
    let dimensions = entry.dimensions.ok_or_else(unknown)?;
    let files = Files::find(cache, entry)?;
    let unreadable = |file: &Path, reason: String| Error::unreadable(entry, file, reason);
    let read = |file: &Path| Files::read(entry, file);
    let (graph, tokenizer) = (read(&files.graph)?, read(&files.tokenizer)?);
    let config = read(&files.config)?;
    if let Some(reason) = files.too_long(max_tokens) {
        return Err(unreadable(&files.graph, reason));
    }
    let shape = Shape {
        dense: dimensions,
        ..Shape::default()
    };
    let shards = files.additional.iter().map(|file| read(file));
    let shards = shards.collect::<Result<Vec<Vec<u8>>, Error>>()?;
    let contents: Vec<&[u8]> = std::iter::once(&graph)
        .chain(&shards)
        .chain([&tokenizer, &config])
        .map(Vec::as_slice)
        .collect();
    let terms = format!("candle max_tokens={max_tokens}");
    let mut facts = Facts {
        max_tokens,
        pooling: entry.pooling,
        unit_length_only: true,
        executors: 1,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        ..Facts::of(entry, files.source(entry), shape, &contents, &terms)
    };
    let tokenizer = Tokenizer::from_bytes(&tokenizer, max_tokens)
        .map_err(|reason| unreadable(&files.tokenizer, reason))?;
    // An index holds no weights itself.
    let weights = if entry.is_sharded() {
        shards
    } else {
        vec![graph]
    };
    let library = Library::read(&config, weights)
        .map_err(|fault| unreadable(&files.graph, fault.to_string()))?;
    let mut model = Candle {
        library,
        dimensions,
        rows_at_once: usize::MAX,
    };
    let texts = company::texts(&tokenizer)?;
    let rows: Vec<Row<'_>> = texts.iter().map(|tokens| Row::text(&tokens.ids)).collect();
    company::check(&mut facts, &mut model, &rows)?;
    if facts.runs_alone {
        model.rows_at_once = 1;
    }
    Ok(Loaded {
        facts: Arc::new(facts),
        tokenizer: Arc::new(tokenizer),
        instances: vec![Box::new(model)],
    })
}

/// fastembed's types.
enum Library {
    Qwen3(Qwen3TextEmbedding),
    Nomic(NomicV2MoeTextEmbedding),
}

impl Library {
    /// The family is told by the configuration, as each has keys that the other
    /// lacks. Weights are computed with in single precision, whatever they are
    /// stored in.
    fn read(config: &[u8], weights: Vec<Vec<u8>>) -> Result<Self, Fault> {
        let mut tensors = HashMap::new();
        // Each file leaves memory once its tensors are out of it, and so does each
        // tensor that is made wider: together they are never there in both widths.
        for file in weights {
            for (name, tensor) in safetensors::load_buffer(&file, &Device::Cpu)? {
                tensors.insert(name, tensor.to_dtype(DType::F32)?);
            }
        }
        let is_headed = tensors.keys().any(|name| name.starts_with("model.layers."));
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        if let Ok(config) = serde_json::from_slice::<Qwen3Config>(config) {
            let digits = digits(config.vocab_size)?;
            let weights = if is_headed {
                weights.pp(HEADED)
            } else {
                weights
            };
            let model = Qwen3Model::new(config, weights)?;
            return Ok(Self::Qwen3(Qwen3TextEmbedding::new(model, digits)));
        }
        let config: NomicConfig = serde_json::from_slice(config)?;
        let digits = digits(config.vocab_size)?;
        let model = NomicBertModel::new(config.clone(), weights)?;
        let model = NomicV2MoeTextEmbedding::new(model, digits, config);
        Ok(Self::Nomic(model))
    }

    /// Vectors of unit length of texts of one length.
    fn embed(&self, texts: &[String]) -> candle_core::Result<Vec<Vec<f32>>> {
        match self {
            Self::Qwen3(model) => model.embed(texts),
            Self::Nomic(model) => model.embed(texts),
        }
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A tokenizer whose words are the ids below `size`, in digits.
fn digits(size: usize) -> Result<tokenizers::Tokenizer, Fault> {
    let ids = (0..u32::try_from(size)?).map(|id| (id.to_string(), id));
    let words = WordLevel::builder().vocab(ids.collect()).build()?;
    let mut tokenizer = tokenizers::Tokenizer::new(words);
    tokenizer.with_pre_tokenizer(Some(WhitespaceSplit));
    Ok(tokenizer)
}

/// The one instance.
struct Candle {
    library: Library,
    dimensions: usize,
    rows_at_once: usize,
}

impl Model for Candle {
    fn run(&mut self, rows: &[Row<'_>], outputs: &mut Outputs) -> Result<(), Error> {
        // Texts of one length need no padding, whose mask fastembed makes for Nomic by
        // adding a large number, so that it moves vectors a little. Qwen3's type puts
        // texts of one length together by itself.
        let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, row) in rows.iter().enumerate() {
            by_length.entry(row.ids().len()).or_default().push(at);
        }
        let start = outputs.dense.len();
        outputs
            .dense
            .resize(start + rows.len() * self.dimensions, 0.0);
        let all = &mut outputs.dense[start..];
        for alike in by_length.values() {
            for together in alike.chunks(self.rows_at_once) {
                let texts = together.iter().map(|at| spelled(rows[*at].ids()));
                let texts: Vec<String> = texts.collect();
                let vectors = self.library.embed(&texts).map_err(Error::run)?;
                for (at, vector) in together.iter().zip(&vectors) {
                    let own = &mut all[at * self.dimensions..(at + 1) * self.dimensions];
                    if vector.len() != own.len() {
                        let reason = format!("{} values, not {}", vector.len(), own.len());
                        return Err(Error::run(reason));
                    }
                    own.copy_from_slice(vector);
                }
            }
        }
        Ok(())
    }

    fn terminator(&self) -> Arc<dyn Terminate> {
        Arc::new(Endless)
    }
}

fn spelled(ids: &[u32]) -> String {
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    ids.join(" ")
}

/// candle ends no run before its time.
struct Endless;

impl Terminate for Endless {
    fn terminate(&self) {
        tracing::warn!("a run by candle cannot be ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_out_of_their_digits_as_they_went_in() {
        let ids = [0, 7, 250_001, 10, 10];
        let tokenizer = digits(250_002).unwrap();
        let encoding = tokenizer.encode_fast(spelled(&ids), true).unwrap();
        assert_eq!(encoding.get_ids(), ids);
        assert!(tokenizer.encode_fast("250002", true).is_err());
    }
}
