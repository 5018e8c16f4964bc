//! The vectors are the model's: compared with sentence-transformers (PyTorch),
//! whose results are committed, and with fastembed itself.

mod bus;
mod oracle;

use std::sync::OnceLock;

use fastembed_worker::models::session::{self, Environment};
use fastembed_worker::wire::protocol;

use crate::harness::worker::library;
use crate::harness::{read_json, root};

/// ONNX Runtime in this process, which may have it once at a time.
pub(crate) fn environment() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| session::runtime(&library()).expect("ONNX Runtime"))
}

/// The committed reference sentences and their vectors.
struct References {
    sentences: Vec<String>,
    vectors: Vec<Vec<f32>>,
    tokens: Vec<u32>,
    truncated: Vec<bool>,
}

impl References {
    fn read() -> Self {
        let facts = read_json("tests/references/references.json");
        let field = |key: &str| facts[key].clone();
        let dims: usize = serde_json::from_value(field("dims")).expect("dims");
        let packed = std::fs::read(root().join("tests/references/references.f32"))
            .expect("tests/references/references.f32");
        let (values, rest) = packed.as_chunks::<4>();
        assert!(rest.is_empty());
        let values: Vec<f32> = values
            .iter()
            .map(|value| f32::from_le_bytes(*value))
            .collect();
        let sentences = read_json("tests/references/sentences.json");
        let references = Self {
            sentences: sentences
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|sentence| sentence["text"].as_str().map(str::to_owned))
                .collect(),
            vectors: values.chunks(dims).map(<[f32]>::to_vec).collect(),
            tokens: serde_json::from_value(field("tokens")).expect("tokens"),
            truncated: serde_json::from_value(field("truncated")).expect("truncated"),
        };
        let rows = references.sentences.len();
        assert!(rows >= 80 && references.vectors.len() == rows);
        assert!(
            references
                .sentences
                .iter()
                .all(|text| text.len() <= protocol::MAX_INPUT_BYTES)
        );
        references
    }
}

/// Cosine of the angle between two vectors, in double precision.
fn cosine(one: &[f32], other: &[f32]) -> f64 {
    assert_eq!(one.len(), other.len());
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum()
    };
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

/// The greatest difference between two vectors in any dimension.
fn distance(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let apart = one.iter().zip(other).map(|(x, y)| (x - y).abs());
    apart.fold(0.0, f32::max)
}
