//! Hostile bytes at every subject of a worker: each request gets one answer, and
//! afterwards a good one gets its vector.

use futures_util::StreamExt as _;
use rand::rngs::SmallRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::harness::{Ask, Caller, FAKE, Worker, root};
use crate::{Tally, size};

/// Requests under way at once.
const AT_ONCE: usize = 32;

/// Good and bad documents to start from.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for folder in [
        "valid/text-request",
        "rejecting/text-request",
        "valid/text-reply",
    ] {
        let folder = root().join("schemas/vectors").join(folder);
        let files = std::fs::read_dir(folder).expect("schemas/vectors");
        for file in files {
            let bytes = std::fs::read(file.expect("a file").path()).expect("a vector");
            // The largest would only cost time.
            if bytes.len() < 20_000 {
                seeds.push(bytes);
            }
        }
    }
    assert!(seeds.len() > 50);
    seeds.sort();
    seeds
}

/// Random bytes, or a document with some bytes changed, cut or repeated.
fn body(random: &mut SmallRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    if random.random_bool(0.2) {
        let mut bytes = vec![0; random.random_range(0..300)];
        random.fill_bytes(&mut bytes);
        return bytes;
    }
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(0..4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..4) {
            0 => bytes[at] = random.random(),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, random.random()),
            _ => bytes.extend_from_within(at..),
        }
    }
    bytes.truncate(100_000);
    bytes
}

/// Letters that a header may carry.
fn word(random: &mut SmallRng) -> String {
    let letters = "application/jsonvndmsgpack0123456789,;= -+bulk";
    let letters: Vec<char> = letters.chars().collect();
    let letter = |_| letters[random.random_range(0..letters.len())];
    (0..12).map(letter).collect()
}

fn hostile(random: &mut SmallRng, seeds: &[Vec<u8>], instance: &str) -> Ask {
    let subject = match random.random_range(0..10) {
        0 => "fastembed.v1.info.text_Fake".to_owned(),
        1 => format!(
            "fastembed.ctl.v1.inst.{instance}.{}",
            ["text.Fake", "text.X", "a.b.c"][random.random_range(0..3)]
        ),
        _ => "fastembed.v1.text.Fake".to_owned(),
    };
    let mut ask = Ask::on(subject).body(body(random, seeds));
    for header in [
        "Content-Type",
        "Fastembed-Timeout-Ms",
        "Fastembed-Lane",
        "Fastembed-Accept",
        "traceparent",
    ] {
        if random.random_bool(0.05) {
            ask = ask.header(header, &word(random));
        }
    }
    ask
}

#[tokio::test]
async fn every_hostile_request_is_answered_once_and_a_good_one_afterwards() {
    let tally = Tally::of("hostile requests");
    let seeds = seeds();
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    // The same requests in every run.
    let mut random = SmallRng::seed_from_u64(20_261_121);
    let asks: Vec<Ask> = (0..size(40_000))
        .map(|_| hostile(&mut random, &seeds, &worker.instance))
        .collect();
    futures_util::stream::iter(asks)
        .for_each_concurrent(AT_ONCE, |ask| async {
            let mut replies = caller.send(ask).await;
            let reply = replies.next().await;
            let is_answered =
                reply.header("Fastembed-Instance").is_some() && !reply.body.is_empty();
            tally.note((!is_answered).then(|| reply.to_string()));
        })
        .await;
    let good = caller
        .call(Ask::text("Fake").json(&json!({"inputs": ["good"]})))
        .await;
    assert_eq!(good.value()["tokens"], json!([3]));
    assert_eq!(worker.metric("fastembed_bus_drops_total").await, 0.0);
    worker.stop().await;
    tally.report();
}
