//! The same text gets the same vector, bit by bit, whoever it shares a run with.

use std::sync::Arc;

use fastembed_worker::bench::workload;
use fastembed_worker::random::SplitMix;
use fastembed_worker::wire::vectors::VectorBlock;
use tokio::task::JoinSet;

use crate::harness::{Ask, Caller, Worker};
use crate::{Tally, size};

/// Nothing is answered but by a run of its own item.
const CONFIG: &str = "[runtime]\ndeduplicate = false\n[[models]]\nname = ";

/// Texts to choose companies from.
const TEXTS: usize = 256;

const SEED: u64 = 7;

/// The values as they came.
fn bytes<'b>(block: &'b VectorBlock<'_>) -> &'b [u8] {
    let data = block.data.as_ref();
    &data.expect("a packed block").0
}

/// The vector of each text, alone.
async fn alone(caller: &Caller, model: &str, texts: &[String]) -> Vec<Vec<u8>> {
    let mut vectors = Vec::new();
    for text in texts {
        let reply = caller.call(Ask::texts(model, &[text])).await.vectors();
        vectors.push(bytes(&reply.embeddings).to_vec());
    }
    vectors
}

/// `rounds` random companies of 1 to 256 texts, cut into requests of strangers who
/// all ask at once.
async fn companies(tally: Tally, model: &'static str, rounds: usize) {
    let (server, worker) = Worker::with_server(&format!("{CONFIG}'{model}'\n")).await;
    let caller = Arc::new(Caller::connect(&server).await);
    let texts = Arc::new(workload::texts(SEED, TEXTS));
    let alone = Arc::new(alone(&caller, model, &texts).await);
    let tally = Arc::new(tally);
    let mut random = SplitMix::new(SEED);
    for _ in 0..rounds {
        let mut requests = JoinSet::new();
        let mut left = 1 + random.below(256);
        while left > 0 {
            let count = (1 + random.below(64)).min(left);
            left -= count;
            let chosen: Vec<usize> = (0..count).map(|_| random.below(TEXTS)).collect();
            let (caller, texts) = (Arc::clone(&caller), Arc::clone(&texts));
            let (alone, tally) = (Arc::clone(&alone), Arc::clone(&tally));
            requests.spawn(async move {
                let asked: Vec<&String> = chosen.iter().map(|at| &texts[*at]).collect();
                let reply = caller.call(Ask::texts(model, &asked)).await.vectors();
                let vectors = bytes(&reply.embeddings);
                let each = vectors.chunks_exact(vectors.len() / chosen.len());
                for (at, vector) in chosen.iter().zip(each) {
                    let differs = vector != alone[*at];
                    tally.note(differs.then(|| format!("text {at} moved")));
                }
            });
        }
        requests.join_all().await;
    }
    let computed = worker.metric("fastembed_texts_total").await;
    assert_eq!(computed, (TEXTS as u64 + tally.operations()) as f64);
    tally.report();
}

#[tokio::test]
async fn company_does_not_move_a_vector() {
    companies(Tally::of("random companies"), "AllMiniLML6V2", size(500)).await;
}

#[tokio::test]
async fn company_does_not_move_a_vector_of_a_dynamically_quantised_model() {
    let tally = Tally::of("random companies, int8");
    companies(tally, "AllMiniLML6V2Q", size(500)).await;
}
