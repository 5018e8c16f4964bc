//! Sparse vectors, ranked documents and joint vectors over the bus, and texts of
//! every family: what comes out is what ONNX Runtime gives with Hugging Face's
//! tokenizers, read as the models' authors do.

mod company;
mod differential;
mod joint;
mod rerank;
mod sparse;
mod text;

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::harness::generated::{self, Generated};
use crate::harness::{Ask, Caller, Launch, Server, Worker};

/// One model of text of each family of graphs and tokenizers.
const TEXT: [&str; 5] = [
    "BGESmallENV15",
    "ClipVitB32",
    "EmbeddingGemma300M",
    "MultilingualE5Small",
    "NomicEmbedTextV15",
];

/// A cross-encoder of plain BERT, which tells the two texts of a pair apart. The
/// catalogue has none.
const OWN_REPOSITORY: &str = "example/own-reranker";

/// Made once for all tests of a run: of the many models of text one of each family.
fn generated() -> &'static Generated {
    static MADE: OnceLock<Generated> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut entries = generated::listed(|op, name| {
            ["sparse", "rerank", "joint"].contains(&op) || (op == "text" && TEXT.contains(&name))
        });
        entries.push(json!({
            "op": "rerank",
            "name": "OwnReranker",
            "repository": OWN_REPOSITORY,
            "graph": "model.onnx",
            "family": "bert-cross-encoder",
        }));
        Generated::of("kinds", &entries)
    })
}

/// A worker that serves generated models, such as `sparse/SPLADEPPV1`.
pub(crate) struct Stage {
    pub(crate) caller: Caller,
    pub(crate) worker: Worker,
    _server: Server,
}

impl Stage {
    async fn serving(models: &[&str]) -> Self {
        let tables = models
            .iter()
            .map(|name| format!("[[models]]\nname = '{name}'\n"));
        Self::of(&tables.collect::<String>(), &generated().hub()).await
    }

    /// Of these tables of models, with a cache.
    pub(crate) async fn of(tables: &str, hub: &str) -> Self {
        let server = Server::start().await;
        let config = format!("[runtime]\nexecutors = 1\n{tables}");
        let launch = Launch::new(&server.url(), &config).env("HF_HOME", hub);
        Self {
            worker: launch.ready().await,
            caller: Caller::connect(&server).await,
            _server: server,
        }
    }

    /// The answer to this document, in JSON.
    pub(crate) async fn ask(&self, op: &str, model: &str, document: &Value) -> Value {
        let ask = Ask::on(format!("fastembed.v1.{op}.{model}")).json(document);
        self.caller.call(ask).await.read()
    }

    /// The refusal of this document.
    pub(crate) async fn refused(
        &self,
        op: &str,
        model: &str,
        document: &Value,
        error: &str,
    ) -> Value {
        let ask = Ask::on(format!("fastembed.v1.{op}.{model}")).json(document);
        self.caller.call(ask).await.refused(error)
    }
}

/// The numbers of a list.
pub(crate) fn numbers(list: &Value) -> Vec<f32> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    list.iter()
        .map(|number| number.as_f64().expect("a number") as f32)
        .collect()
}

/// Asserts that all numbers are within 1e-5 of the others, or of their ten-thousandth.
pub(crate) fn near(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (one, other) in ours.iter().zip(theirs) {
        assert!(
            (one - other).abs() <= 1e-5 * other.abs().max(1.0),
            "{what}: {one} and {other}"
        );
    }
}
