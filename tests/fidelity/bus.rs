//! Over the bus: every way to ask gives the same vectors.

use fastembed_worker::wire::text::TextReply;
use serde_json::json;

use super::{References, cosine, distance};
use crate::harness::{Ask, Caller, MINILM, Worker};

/// Below this two vectors are not of the same model and text.
const LEAST_COSINE: f64 = 0.99999;

fn rows(reply: &TextReply<'_>) -> Vec<Vec<f32>> {
    let dims = reply.embeddings.dims as usize;
    reply
        .embeddings
        .values()
        .chunks(dims)
        .map(<[f32]>::to_vec)
        .collect()
}

fn assert_like_the_references(references: &References, vectors: &[Vec<f32>], how: &str) {
    assert_eq!(vectors.len(), references.vectors.len(), "{how}");
    for (at, (got, expected)) in vectors.iter().zip(&references.vectors).enumerate() {
        let cosine = cosine(got, expected);
        assert!(
            cosine >= LEAST_COSINE,
            "{how}, sentence {at}: cosine {cosine}"
        );
    }
}

#[tokio::test]
async fn every_reference_sentence_has_the_references_vector_alone_and_in_company() {
    let references = References::read();
    let (server, _worker) = Worker::with_server(MINILM).await;
    let caller = Caller::connect(&server).await;

    let mut alone = Vec::new();
    for sentence in &references.sentences {
        let reply = caller.call(Ask::texts("AllMiniLML6V2", &[sentence])).await;
        alone.extend(rows(&reply.vectors()));
    }
    assert_like_the_references(&references, &alone, "alone");

    let reply = caller
        .call(Ask::texts("AllMiniLML6V2", &references.sentences))
        .await;
    let reply = reply.vectors();
    let together = rows(&reply);
    assert_like_the_references(&references, &together, "in company");
    assert_eq!(reply.tokens, references.tokens);
    assert_eq!(reply.truncated, references.truncated);
    for (at, (one, other)) in alone.iter().zip(&together).enumerate() {
        let apart = distance(one, other);
        assert!(
            apart <= 1e-6,
            "sentence {at}: {apart} between alone and in company"
        );
    }
}

#[tokio::test]
async fn every_float_encoding_in_both_formats_has_the_same_vectors() {
    let references = References::read();
    let (server, _worker) = Worker::with_server(MINILM).await;
    let caller = Caller::connect(&server).await;
    for encoding in ["f32", "f16", "array"] {
        let request = json!({ "inputs": references.sentences, "encoding": encoding });
        for (format, ask) in [
            ("MessagePack", Ask::text("AllMiniLML6V2").msgpack(&request)),
            ("JSON", Ask::text("AllMiniLML6V2").json(&request)),
        ] {
            let reply = caller.call(ask).await;
            let value = reply.value();
            assert_eq!(value["embeddings"]["dtype"], encoding);
            let vectors = match (format, encoding) {
                // Only the document's own float32 reader knows MessagePack.
                ("MessagePack", _) => rows(&reply.vectors()),
                (_, "f32" | "f16") => rows(&reply.vectors()),
                _ => serde_json::from_value(value["embeddings"]["rows"].clone())
                    .expect("rows of numbers"),
            };
            assert_like_the_references(&references, &vectors, &format!("{format} {encoding}"));
        }
    }
}
