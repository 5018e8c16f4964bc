//! fastembed's five types, each under its operation.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fastembed::{
    Bgem3Embedding, Bgem3InitOptions, ImageEmbedding, ImageInitOptions, RerankInitOptions,
    SparseEmbedding, SparseInitOptions, SparseTextEmbedding, TextEmbedding, TextInitOptions,
    TextRerank,
};
use serde_json::{Value, json};

use crate::Call;

pub(crate) enum Loaded {
    Text(TextEmbedding),
    Sparse(SparseTextEmbedding),
    Rerank(TextRerank),
    Joint(Bgem3Embedding),
    Image(ImageEmbedding),
}

/// What takes a text is cut at `max_length`, or where fastembed cuts.
macro_rules! load {
    ($kind:ident, $options:ident, $name:expr, $max_length:expr) => {{
        let listed = $kind::list_supported_models();
        let model = named(listed.into_iter().map(|info| info.model), $name)?;
        let mut options = $options::new(model).with_show_download_progress(false);
        options.max_length = $max_length.unwrap_or(options.max_length);
        $kind::try_new(options)?
    }};
}

impl Loaded {
    pub(crate) fn load(op: &str, name: &str, max_length: Option<usize>) -> anyhow::Result<Self> {
        Ok(match op {
            "text" => Self::Text(load!(TextEmbedding, TextInitOptions, name, max_length)),
            "sparse" => Self::Sparse(load!(
                SparseTextEmbedding,
                SparseInitOptions,
                name,
                max_length
            )),
            "rerank" => Self::Rerank(load!(TextRerank, RerankInitOptions, name, max_length)),
            "joint" => Self::Joint(load!(Bgem3Embedding, Bgem3InitOptions, name, max_length)),
            "image" => {
                let listed = ImageEmbedding::list_supported_models();
                let model = named(listed.into_iter().map(|info| info.model), name)?;
                let options = ImageInitOptions::new(model).with_show_download_progress(false);
                Self::Image(ImageEmbedding::try_new(options)?)
            }
            _ => anyhow::bail!("no operation {op}"),
        })
    }

    /// How long fastembed took, and what it gave.
    pub(crate) fn call(&mut self, call: &Call) -> anyhow::Result<(Duration, Value)> {
        let (texts, batch) = (&call.texts, call.batch);
        match self {
            Self::Text(model) => timed(|| model.embed(texts, batch), |rows| json!(rows)),
            Self::Sparse(model) => timed(|| model.embed(texts, batch), |rows| sparse(&rows)),
            Self::Rerank(model) => {
                let rank = || model.rerank(&call.query, refs(&call.documents), false, batch);
                timed(rank, |ranked| {
                    let pairs: Vec<_> =
                        ranked.iter().map(|each| (each.index, each.score)).collect();
                    json!(pairs)
                })
            }
            Self::Joint(model) => timed(
                || model.embed(texts, batch),
                |given| {
                    json!({
                        "dense": given.dense,
                        "sparse": sparse(&given.sparse),
                        "colbert": given.colbert,
                    })
                },
            ),
            Self::Image(model) => {
                let read =
                    |file| std::fs::read(file).with_context(|| format!("cannot read {file}"));
                let files = call.files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
                timed(|| model.embed_bytes(&files, batch), |rows| json!(rows))
            }
        }
    }
}

/// The model whose variant has this name.
fn named<M: Debug>(mut listed: impl Iterator<Item = M>, name: &str) -> anyhow::Result<M> {
    let found = listed.find(|model| format!("{model:?}") == name);
    found.with_context(|| format!("fastembed has no {name}"))
}

fn refs(texts: &[String]) -> Vec<&String> {
    texts.iter().collect()
}

fn sparse(rows: &[SparseEmbedding]) -> Value {
    let rows = rows.iter();
    rows.map(|row| json!({ "indices": row.indices, "values": row.values }))
        .collect()
}

fn timed<T>(
    call: impl FnOnce() -> fastembed::Result<T>,
    show: impl FnOnce(T) -> Value,
) -> anyhow::Result<(Duration, Value)> {
    let start = Instant::now();
    let given = call()?;
    Ok((start.elapsed(), show(given)))
}
