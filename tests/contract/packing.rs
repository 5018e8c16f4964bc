//! How vectors are packed, and how many of their values are kept.

use fastembed_worker::wire::protocol::{self, ENCODINGS};
use serde_json::{Value, json};

use crate::harness::{Ask, Caller, FAKE, Reply, Worker};

/// A fake model whose rows of bits end within a byte.
const ODD: &str = "[[models]]\nname = 'Fake'\nkind = 'fake'\ndimensions = 13\n";

/// A fake model with vectors of a usual length.
const WIDE: &str = "[[models]]\nname = 'Fake'\nkind = 'fake'\ndimensions = 384\n";

/// The values of a reply in either format; floats of a JSON list are doubles.
fn values(reply: &Reply) -> Vec<f32> {
    let block = &reply.value()["embeddings"];
    match block["rows"].as_array() {
        Some(rows) => {
            let values = rows
                .iter()
                .flat_map(|row| row.as_array().into_iter().flatten());
            values
                .filter_map(Value::as_f64)
                .map(|value| value as f32)
                .collect()
        }
        None => reply.vectors().embeddings.values(),
    }
}

fn length(row: &[f32]) -> f32 {
    row.iter().map(|value| value * value).sum::<f32>().sqrt()
}

#[tokio::test]
async fn every_encoding_brings_the_same_vectors_as_near_as_it_can() {
    let (server, _worker) = Worker::with_server(ODD).await;
    let caller = Caller::connect(&server).await;
    for normalize in [true, false] {
        let request = |encoding: &str| json!({"inputs": ["a", "b c", "d", "e"], "encoding": encoding, "normalize": normalize});
        let exact = caller
            .call(Ask::text("Fake").msgpack(&request("f32")))
            .await;
        let exact = exact.vectors();
        let expected = exact.embeddings.values();
        assert_eq!(expected.len(), 4 * 13);
        for encoding in ENCODINGS {
            let request = request(encoding);
            for ask in [
                Ask::text("Fake").msgpack(&request),
                Ask::text("Fake").json(&request),
            ] {
                let reply = caller.call(ask).await;
                let value = reply.value();
                let block = &value["embeddings"];
                assert_eq!(block["dtype"], *encoding);
                assert_eq!((&block["dims"], &block["count"]), (&json!(13), &json!(4)));
                assert_eq!(value["space"], *exact.space);
                let got = values(&reply);
                assert_eq!(got.len(), expected.len());
                for (got, expected) in got.chunks(13).zip(expected.chunks(13)) {
                    let largest = expected.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
                    for (got, expected) in got.iter().zip(expected) {
                        let near = match *encoding {
                            "f16" => (got - expected).abs() <= largest / 2048.0,
                            "i8" => (got - expected).abs() <= largest / 127.0 / 1.99,
                            "ubinary" => *got == if *expected > 0.0 { 1.0 } else { -1.0 },
                            _ => got == expected,
                        };
                        assert!(near, "{encoding}: {got} for {expected}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_packed_block_has_the_bytes_of_its_encoding() {
    let (server, _worker) = Worker::with_server(ODD).await;
    let caller = Caller::connect(&server).await;
    for (encoding, bytes) in [("f32", 52), ("f16", 26), ("i8", 17), ("ubinary", 2)] {
        let request = json!({"inputs": ["a", "b", "c"], "encoding": encoding});
        for ask in [
            Ask::text("Fake").msgpack(&request),
            Ask::text("Fake").json(&request),
        ] {
            let value = caller.call(ask).await.value();
            // Base64 as a test shows it, or as JSON has it.
            let text = value["embeddings"]["data"].as_str().map(str::len);
            assert_eq!(
                text,
                Some((3 * bytes as usize).div_ceil(3) * 4),
                "{encoding}"
            );
        }
    }
}

#[tokio::test]
async fn a_cut_vector_is_the_beginning_of_the_whole_in_a_space_of_its_own() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let ask = |request: Value| {
        let mut request = request;
        request["inputs"] = json!(["a b", "c"]);
        Ask::text("Fake").msgpack(&request)
    };
    let whole = caller.call(ask(json!({}))).await.vectors();
    let raw = caller
        .call(ask(json!({"normalize": false})))
        .await
        .vectors();
    for dimensions in 1..=7_usize {
        let wish = json!({"dimensions": dimensions});
        let cut = caller.call(ask(wish)).await.vectors();
        assert_eq!(cut.space, format!("{}-d{dimensions}", whole.space));
        assert_eq!(cut.embeddings.dims as usize, dimensions);
        let cut = cut.embeddings.values();
        for (cut, whole) in cut
            .chunks(dimensions)
            .zip(whole.embeddings.values().chunks(8))
        {
            assert!((length(cut) - 1.0).abs() < 1e-6);
            let scale = length(&whole[..dimensions]);
            for (cut, whole) in cut.iter().zip(whole) {
                assert!(
                    (cut * scale - whole).abs() < 1e-6,
                    "{cut} × {scale}, {whole}"
                );
            }
        }
        let wish = json!({"dimensions": dimensions, "normalize": false});
        let cut = caller.call(ask(wish)).await.vectors();
        assert_eq!(cut.space, format!("{}-d{dimensions}", raw.space));
        let beginnings = raw.embeddings.values();
        let beginnings = beginnings.chunks(8).map(|row| &row[..dimensions]);
        assert_eq!(
            cut.embeddings.values(),
            beginnings.collect::<Vec<_>>().concat()
        );
    }
    let same = caller.call(ask(json!({"dimensions": 8}))).await.vectors();
    assert_eq!(
        (same.space, same.embeddings),
        (whole.space.clone(), whole.embeddings)
    );

    let demand = format!("{}{}4", whole.space, protocol::SPACE_SUFFIX_DIMENSIONS);
    let wish = json!({"dimensions": 4, "space": demand});
    caller.call(ask(wish)).await.vectors();
    let wish = json!({"dimensions": 4, "space": whole.space});
    caller.call(ask(wish)).await.refused("space_mismatch");
}

#[tokio::test]
async fn dimensions_that_the_model_does_not_have_are_refused() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    for (dimensions, limit) in [(9, json!(8)), (u32::MAX, json!(8)), (0, Value::Null)] {
        let request = json!({"inputs": ["a"], "dimensions": dimensions});
        for ask in [
            Ask::text("Fake").msgpack(&request),
            Ask::text("Fake").json(&request),
        ] {
            let refusal = caller.call(ask).await.refused("invalid_request");
            assert_eq!(refusal["limit"], limit, "{refusal}");
            let message = refusal["message"].as_str();
            assert!(
                message.is_some_and(|text| text.contains("dimensions")),
                "{refusal}"
            );
        }
    }
}

#[tokio::test]
async fn a_narrow_reply_holds_rows_that_a_wide_one_does_not() {
    let (server, _worker) = Worker::with_server(WIDE).await;
    let caller = Caller::connect(&server).await;
    let ask = |rows: usize, options: &Value| {
        let mut request = options.clone();
        request["inputs"] = json!(vec!["a"; rows]);
        Ask::text("Fake").msgpack(&request)
    };
    for (rows, fits) in [
        (4096, json!({"encoding": "ubinary"})),
        (2400, json!({"encoding": "i8"})),
        (1200, json!({"encoding": "f16"})),
        (4096, json!({"dimensions": 32})),
        (4096, json!({"dimensions": 200, "encoding": "i8"})),
    ] {
        let reply = caller.call(ask(rows, &fits)).await.vectors();
        assert_eq!(reply.embeddings.count as usize, rows, "{fits}");
        let refused = caller.call(ask(rows, &json!({}))).await;
        refused.refused("payload_too_large");
    }
    let in_json = json!({"inputs": vec!["a"; 4096], "encoding": "ubinary"});
    let reply = caller
        .call(Ask::text("Fake").json(&in_json))
        .await
        .vectors();
    assert_eq!(reply.embeddings.count, 4096);
}

#[tokio::test]
async fn parts_of_any_encoding_hold_every_row_in_order() {
    let (server, _worker) = Worker::with_server(WIDE).await;
    let caller = Caller::connect(&server).await;
    let inputs: Vec<String> = (0..1500).map(|at| format!("word{at}")).collect();
    for encoding in ["f16", "i8"] {
        let request = json!({"inputs": inputs, "encoding": encoding});
        let parts = caller
            .call_in_parts(Ask::text("Fake").msgpack(&request))
            .await;
        assert!(parts.len() > 1, "one part holds all of {encoding}");
        let parts: Vec<_> = parts.iter().map(Reply::vectors).collect();
        let mut next = 0;
        for part in &parts {
            assert_eq!(part.embeddings.first, next);
            next += part.embeddings.count;
        }
        assert_eq!(next, 1500);
        let last = caller
            .call(Ask::texts("Fake", &["word1499"]))
            .await
            .vectors();
        let last = last.embeddings.values();
        let rows = parts[parts.len() - 1].embeddings.values();
        let row = &rows[rows.len() - 384..];
        assert!(
            row.iter()
                .zip(&last)
                .all(|(got, value)| (got - value).abs() < 1e-2)
        );
    }
}

#[tokio::test]
async fn what_is_remembered_is_the_whole_vector_whoever_asked_for_less() {
    let config = format!("[runtime]\nvector_cache_bytes = 1000000\n{FAKE}");
    let (server, worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    let plain = Worker::start(&server, &FAKE.replace("Fake", "Plain")).await;
    for options in [
        json!({"dimensions": 3, "encoding": "ubinary"}),
        json!({"dimensions": 5}),
        json!({}),
        json!({"encoding": "i8"}),
    ] {
        let ask = |model: &str| {
            let mut request = options.clone();
            request["inputs"] = json!(["same"]);
            Ask::text(model).msgpack(&request)
        };
        let remembered = caller.call(ask("Fake")).await.vectors();
        let computed = caller.call(ask("Plain")).await.vectors();
        assert_eq!(remembered.embeddings, computed.embeddings, "{options}");
    }
    assert_eq!(worker.metric("fastembed_texts_total").await, 1.0);
    assert_eq!(plain.metric("fastembed_texts_total").await, 4.0);
}
