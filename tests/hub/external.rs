//! Models whose weights lie in a file beside the graph.
//!
//! The graph is written here: a table of vectors, a row for each token id, and
//! nothing else.

use std::fs;
use std::path::Path;

use fastembed_worker::models::proto::{
    EXTERNAL, FLOAT, GraphProto, INT64, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, ValueInfoProto,
};
use prost::Message as _;

use crate::fake_hub::{FakeHub, layout};
use crate::harness::worker::{Launch, Worker};
use crate::harness::{Ask, Caller, Server};
use crate::program::{NOBODY, Program};

/// A model of fastembed's that has such a file: 1,024 dimensions.
const APART: &str = "MultilingualE5Large";
pub(crate) const DATA: &str = "model.onnx_data";
const DIMENSIONS: usize = 1024;
const WORDS: [&str; 4] = ["[PAD]", "[UNK]", "hello", "world"];

/// `last_hidden_state = Gather(table, input_ids)`, the table in [`DATA`] from
/// `offset` on.
fn graph(offset: usize) -> Vec<u8> {
    let bytes = WORDS.len() * DIMENSIONS * size_of::<f32>();
    let told = [
        ("location", DATA.to_owned()),
        ("offset", offset.to_string()),
        ("length", bytes.to_string()),
    ];
    let table = TensorProto {
        dims: vec![WORDS.len() as i64, DIMENSIONS as i64],
        data_type: FLOAT,
        name: "table".into(),
        external_data: told
            .map(|(key, value)| StringStringEntryProto {
                key: key.into(),
                value,
            })
            .into(),
        data_location: EXTERNAL,
        ..TensorProto::default()
    };
    let gather = NodeProto {
        input: vec!["table".into(), "input_ids".into()],
        output: vec!["last_hidden_state".into()],
        op_type: "Gather".into(),
        ..NodeProto::default()
    };
    let graph = GraphProto {
        node: vec![gather],
        name: "table".into(),
        initializer: vec![table],
        input: vec![
            ValueInfoProto::tensor("input_ids", INT64, &["batch", "sequence"]),
            ValueInfoProto::tensor("attention_mask", INT64, &["batch", "sequence"]),
        ],
        output: vec![ValueInfoProto::tensor(
            "last_hidden_state",
            FLOAT,
            &["batch", "sequence", "hidden"],
        )],
    };
    ModelProto {
        ir_version: 8,
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: 17,
        }],
    }
    .encode_to_vec()
}

/// The value of each word in each dimension: the word's place plus `shift` in
/// the dimension of that number, else nothing.
fn data(shift: f32) -> Vec<u8> {
    let value = |at: usize| {
        let (word, dimension) = (at / DIMENSIONS, at % DIMENSIONS);
        let value = if word == dimension { 1.0 } else { 0.0 };
        if dimension == 0 { value + shift } else { value }
    };
    (0..WORDS.len() * DIMENSIONS)
        .flat_map(|at| value(at).to_le_bytes())
        .collect()
}

const OFFSET: usize = 64;

pub(crate) fn put(folder: &Path, shift: f32) {
    let vocab: serde_json::Map<String, serde_json::Value> = WORDS
        .iter()
        .enumerate()
        .map(|(id, word)| ((*word).to_owned(), id.into()))
        .collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
        "decoder": null, "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"},
    });
    let mut weights = vec![0xff; OFFSET];
    weights.extend(data(shift));
    for (file, bytes) in [
        ("model.onnx", graph(OFFSET)),
        (DATA, weights),
        ("tokenizer.json", tokenizer.to_string().into_bytes()),
        ("config.json", b"{}".to_vec()),
        ("special_tokens_map.json", b"{}".to_vec()),
        ("tokenizer_config.json", b"{}".to_vec()),
    ] {
        fs::write(folder.join(file), bytes).unwrap();
    }
}

/// A cache that has the model, pulled from a hub that does.
async fn pulled(shift: f32) -> tempfile::TempDir {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(folder.path(), shift);
    let hub = FakeHub::empty().await;
    let (repository, files) = layout(APART);
    for file in files {
        let bytes = fs::read(folder.path().join(&file)).unwrap();
        hub.put(&repository, &file, bytes);
    }
    let pull = Program::new("pull", cache.path(), hub.url());
    pull.arg(APART).succeed().await;
    cache
}

async fn serve(server: &Server, cache: &Path) -> Worker {
    // Two sessions, which share the table.
    let config = format!("[runtime]\nexecutors = 2\n[[models]]\nname = '{APART}'\n");
    Launch::new(&server.url(), &config)
        .env("HF_HOME", &cache.display().to_string())
        .ready()
        .await
}

#[tokio::test]
async fn weights_beside_the_graph_are_loaded_and_decide_the_space() {
    let server = Server::start().await;
    let caller = Caller::connect(&server).await;
    let mut spaces = Vec::new();
    for shift in [0.0, 2.0] {
        let cache = pulled(shift).await;
        let worker = serve(&server, cache.path()).await;
        let reply = caller.call(Ask::texts(APART, &["hello"])).await;
        let reply = reply.vectors();
        let length = (1.0 + shift * shift).sqrt();
        let vector = reply.embeddings.values();
        assert_eq!(vector.len(), DIMENSIONS);
        // "hello" is the third word.
        assert!((vector[2] - 1.0 / length).abs() < 1e-6, "{shift}");
        assert!((vector[0] - shift / length).abs() < 1e-6, "{shift}");
        spaces.push(reply.space.to_string());
        worker.stop().await;
    }
    assert_ne!(spaces[0], spaces[1]);
}

#[tokio::test]
async fn weights_that_end_early_are_named_and_not_loaded() {
    let cache = pulled(0.0).await;
    let files = crate::found(cache.path(), APART).unwrap();
    let bytes = fs::read(&files.additional[0]).unwrap();
    fs::write(&files.additional[0], &bytes[..bytes.len() - 1]).unwrap();
    let complaint = Program::serve(cache.path(), NOBODY)
        .env("FASTEMBED_RUNTIME_OFFLINE", "true")
        .arg("--config")
        .arg(config(cache.path()))
        .fail()
        .await;
    assert!(complaint.contains("table"), "{complaint}");
}

fn config(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("worker.toml");
    fs::write(&file, format!("[[models]]\nname = '{APART}'\n")).unwrap();
    file
}
