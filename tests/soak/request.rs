//! Hostile requests by seed: request `n` is the same in every run.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::harness::Ask;
use crate::hostile::{Vectors, body};

/// The first request's seed.
const SEED: u64 = 20_261_121;

/// Largest request for the real model, in bytes: its time belongs to others.
const REAL_MODEL_BYTES: usize = 400;

/// Request `n` for the worker with this instance id.
pub(crate) fn hostile(n: u64, vectors: &Vectors, instance: &str) -> Ask {
    let mut random = SmallRng::seed_from_u64(SEED + n);
    let random = &mut random;
    let mut body = body(random, vectors);
    let text = match random.random_range(0..100) {
        0 if body.len() <= REAL_MODEL_BYTES => "text.AllMiniLML6V2",
        _ => "text.Fake",
    };
    let info = ["info.text_Fake", "info.text_AllMiniLML6V2"][random.random_range(0..2)];
    // The control subject alone reaches a worker with a name that it does not serve.
    let elsewhere = [
        "text.X",
        "info.X",
        "text.Fake.a",
        "a",
        "rerank.Fake",
        "a.b.c",
    ];
    let subject = match random.random_range(0..100) {
        0..5 => format!("fastembed.v1.{info}"),
        5..8 => format!("fastembed.ctl.v1.inst.{instance}.{info}"),
        8..12 => format!("fastembed.ctl.v1.inst.{instance}.{text}"),
        12..15 => {
            let target = elsewhere.choose(random).expect("a list");
            format!("fastembed.ctl.v1.inst.{instance}.{target}")
        }
        _ => format!("fastembed.v1.{text}"),
    };
    // What asks for facts is empty; few documents are.
    if subject.ends_with(info) && random.random_bool(0.3) {
        body = [&b""[..], b"{}", b"\x80"][random.random_range(0..3)].to_vec();
    }
    headers(random, Ask::on(subject).body(body))
}

/// Most requests have none.
fn headers(random: &mut SmallRng, mut ask: Ask) -> Ask {
    let known = [
        ("Content-Type", "application/json"),
        ("Content-Type", "application/vnd.msgpack"),
        ("Fastembed-Timeout-Ms", "0"),
        ("Fastembed-Timeout-Ms", "99999999999999999999"),
        ("Fastembed-Lane", "bulk"),
        ("Fastembed-Accept", "parts"),
        ("Fastembed-Accept", "parts, alive"),
        ("fastembed-accept", "alive,x"),
        ("traceparent", "00-0-0-00"),
    ];
    for _ in 0..2 {
        let (name, value) = known.choose(random).expect("a list");
        match random.random_range(0..20) {
            0 => ask = ask.header(name, value),
            1 => ask = ask.header(name, &word(random)),
            _ => {}
        }
    }
    ask
}

/// Letters that a header may carry.
fn word(random: &mut SmallRng) -> String {
    let letters = b"application/jsonvndmsgpack0123456789,;= -+bulk\"\\%";
    let length = random.random_range(0..40);
    let letter = |_| char::from(letters[random.random_range(0..letters.len())]);
    (0..length).map(letter).collect()
}
