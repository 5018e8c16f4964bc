//! What a caller may ask for, and what is echoed.

use fastembed_worker::wire::info::InfoReply;
use fastembed_worker::wire::protocol;
use rmpv::Value as Packed;
use serde_json::{Value, json};

use crate::harness::{Ask, Caller, FAKE, MINILM, Worker};

#[tokio::test]
async fn a_reply_has_exactly_the_keys_of_its_schema() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let request = json!({"inputs": ["a b", "c"], "meta": {"k": 1}});
    let reply = caller.call(Ask::text("Fake").json(&request)).await;
    let value = reply.value();
    let keys = |value: &Value| {
        let object = value
            .as_object()
            .unwrap_or_else(|| panic!("no map: {value}"));
        object.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(
        keys(&value),
        [
            "embeddings",
            "instance",
            "meta",
            "model",
            "space",
            "timings_us",
            "tokens",
            "truncated"
        ]
    );
    assert_eq!(
        keys(&value["embeddings"]),
        ["count", "dims", "dtype", "first", "rows"]
    );
    assert_eq!(
        keys(&value["timings_us"]),
        ["infer", "queue", "tokenize", "total", "wait"]
    );
    assert_eq!(value["tokens"], json!([4, 3]));
    assert_eq!(value["model"], "Fake");
    assert_eq!(
        value["instance"].as_str(),
        reply.header(protocol::HEADER_INSTANCE)
    );
    let header_names = reply.headers.iter().map(|(name, _)| name.to_string());
    let mut header_names: Vec<String> = header_names.collect();
    header_names.sort();
    assert_eq!(
        header_names,
        [protocol::HEADER_CONTENT_TYPE, protocol::HEADER_INSTANCE]
    );
}

#[tokio::test]
async fn meta_is_echoed_whatever_it_holds_in_the_format_it_came_in() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let meta = json!({
        "": "", "grüße": "世界 🎈 \u{0}", "deep": [[{"a": null}]], "n": [0, -1, 1.5, u64::MAX, i64::MIN, true],
    });
    let request = json!({"inputs": ["Grüße aus 東京 🚲"], "meta": meta});
    let packed = caller.call(Ask::text("Fake").msgpack(&request)).await;
    assert_eq!(packed.value()["meta"], meta);
    let plain = caller.call(Ask::text("Fake").json(&request)).await;
    assert_eq!(plain.value()["meta"], meta);
}

#[tokio::test]
async fn meta_comes_back_byte_for_byte_in_messagepack() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let meta = Packed::Map(vec![
        ("z".into(), Packed::Binary(vec![0, 255])),
        ("a".into(), Packed::F32(0.1)),
        ("b".into(), Packed::F64(0.1)),
        (
            "c".into(),
            Packed::Array(vec![Packed::Nil, 300.into(), (-7).into()]),
        ),
    ]);
    let request = Packed::Map(vec![
        ("inputs".into(), Packed::Array(vec!["a".into()])),
        ("meta".into(), meta.clone()),
    ]);
    let encoded = |value: &Packed| {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, value).expect("a vector takes any bytes");
        bytes
    };
    let reply = caller.call(Ask::text("Fake").body(encoded(&request))).await;
    let needle = encoded(&meta);
    assert!(
        reply
            .body
            .windows(needle.len())
            .any(|bytes| bytes == needle)
    );
}

#[tokio::test]
async fn raw_vectors_have_a_space_of_their_own_and_the_same_direction() {
    let (server, _worker) = Worker::with_server(MINILM).await;
    let caller = Caller::connect(&server).await;
    let ask = |normalize| {
        let request = json!({"inputs": ["a bus stops here", "x"], "normalize": normalize});
        Ask::text("AllMiniLML6V2").msgpack(&request)
    };
    let unit = caller.call(ask(true)).await.vectors();
    let raw = caller.call(ask(false)).await.vectors();
    assert_eq!(
        raw.space,
        format!("{}{}", unit.space, protocol::SPACE_SUFFIX_RAW)
    );
    let length = |row: &[f32]| row.iter().map(|value| value * value).sum::<f32>().sqrt();
    for (unit, raw) in unit
        .embeddings
        .values()
        .chunks(384)
        .zip(raw.embeddings.values().chunks(384))
    {
        assert!((length(unit) - 1.0).abs() < 1e-5);
        assert!((length(raw) - 1.0).abs() > 0.1, "length {}", length(raw));
        for (one, other) in unit.iter().zip(raw) {
            assert!((one * length(raw) - other).abs() < 1e-5);
        }
    }

    let demand = |space: &str, normalize| {
        let request = json!({"inputs": ["a"], "normalize": normalize, "space": space});
        Ask::text("AllMiniLML6V2").msgpack(&request)
    };
    caller.call(demand(&unit.space, true)).await.vectors();
    caller.call(demand(&raw.space, false)).await.vectors();
    caller
        .call(demand(&unit.space, false))
        .await
        .refused("space_mismatch");
}

#[tokio::test]
async fn real_texts_are_counted_in_tokens_and_cut_at_256() {
    let (server, _worker) = Worker::with_server(MINILM).await;
    let caller = Caller::connect(&server).await;
    let texts = ["hello", &"word ".repeat(254), &"word ".repeat(255)];
    let reply = caller
        .call(Ask::texts("AllMiniLML6V2", &texts))
        .await
        .vectors();
    assert_eq!(&reply.tokens[..], [3, 256, 256]);
    assert_eq!(&reply.truncated[..], [false, false, true]);
    let request = json!({"inputs": [texts[2]], "truncate": false});
    let refused = caller.call(Ask::text("AllMiniLML6V2").json(&request)).await;
    assert_eq!(refused.refused("input_too_long")["limit"], 256);
}

#[tokio::test]
async fn info_tells_what_the_model_is_and_what_is_allowed() {
    let (server, worker) = Worker::with_server(MINILM).await;
    let caller = Caller::connect(&server).await;
    for ask in [
        Ask::info("AllMiniLML6V2"),
        Ask::info("AllMiniLML6V2").msgpack(&json!({})),
        Ask::info("AllMiniLML6V2").json(&json!({})),
    ] {
        let info: InfoReply = caller.call(ask).await.read();
        assert_eq!(
            (info.op.as_str(), info.model.as_str()),
            ("text", "AllMiniLML6V2")
        );
        assert_eq!((info.dimensions, info.max_tokens), (384, 256));
        assert_eq!((info.pooling.as_str(), info.normalized), ("mean", true));
        assert_eq!(info.instance, worker.instance);
        assert_eq!(info.encodings, protocol::ENCODINGS);
        assert_eq!(info.features, ["parts", "alive"]);
        assert_eq!(
            info.aliases,
            [
                "Qdrant/all-MiniLM-L6-v2-onnx",
                "sentence-transformers/all-MiniLM-L6-v2"
            ]
        );
        assert_eq!(info.license, "Apache-2.0");
        assert_eq!(
            (info.limits.max_inputs, info.limits.max_input_bytes),
            (4096, 131_072)
        );
        let reply = caller
            .call(Ask::texts("AllMiniLML6V2", &["a"]))
            .await
            .vectors();
        assert_eq!(reply.space, info.space);
    }
    let unknown = Ask::info("AllMiniLML6V2").json(&json!({"verbose": true}));
    caller.call(unknown).await.refused("invalid_request");
}
