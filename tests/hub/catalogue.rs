//! What models there are, and models of every kind in the cache.

use std::fs;
use std::path::Path;

use fastembed_worker::models::catalog;
use serde_json::Value;

use crate::fake_hub::{FakeHub, content};
use crate::found;
use crate::program::{NOBODY, Program};

const TOKENIZER: [&str; 4] = [
    "tokenizer.json",
    "config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
];

/// One model of each kind but text: its name, its repository, and what
/// fastembed 7.5 fetches of that.
fn kinds() -> [(&'static str, &'static str, Vec<&'static str>); 4] {
    let with = |own: &[&'static str]| [&TOKENIZER, own].concat();
    [
        (
            "OpenSearchNeuralSparseDocV3Gte",
            "Qdrant/opensearch-neural-sparse-encoding-doc-v3-gte",
            with(&["model.onnx", "idf.json"]),
        ),
        (
            "image/ClipVitB32",
            "Qdrant/clip-ViT-B-32-vision",
            vec!["preprocessor_config.json", "model.onnx"],
        ),
        (
            "rerank/BGERerankerV2M3",
            "rozgo/bge-reranker-v2-m3",
            with(&["model.onnx", "model.onnx.data"]),
        ),
        (
            "BGEM3Q",
            "gpahal/bge-m3-onnx-int8",
            with(&["model_quantized.onnx"]),
        ),
    ]
}

fn models(arguments: &[&str]) -> Program {
    let program = Program::new("models", Path::new("/nowhere"), NOBODY);
    arguments.iter().fold(program, Program::arg)
}

async fn listed(arguments: &[&str]) -> Vec<Value> {
    let text = models(arguments).arg("--json").succeed().await;
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn models_as_json_have_op_and_name_and_no_key_for_what_is_not_known() {
    let listed = listed(&[]).await;
    assert_eq!(listed.len(), 59);
    for model in &listed {
        for key in ["op", "name", "repository", "graph", "license", "source"] {
            assert!(model[key].is_string(), "{key}: {model}");
        }
        assert!(model.as_object().unwrap().values().all(|v| !v.is_null()));
    }
    let found = |op: &str, name: &str| {
        let mut models = listed.iter();
        models.find(|m| m["op"] == op && m["name"] == name).unwrap()
    };
    let nomic = found("text", "NomicEmbedTextV15Q");
    assert_eq!(nomic["prompts"]["query"], "search_query: ");
    assert_eq!(
        nomic["matryoshka"],
        serde_json::json!([768, 512, 256, 128, 64])
    );
    assert_eq!(
        (&nomic["max_length"], &nomic["context"]),
        (&512.into(), &8192.into())
    );
    assert_eq!(nomic["quantization"], "dynamic");
    assert_eq!(
        nomic["source"],
        "https://huggingface.co/nomic-ai/nomic-embed-text-v1.5"
    );
    let rerank = found("rerank", "BGERerankerBase").as_object().unwrap();
    for key in ["dimensions", "pooling", "matryoshka", "prompts"] {
        assert!(!rerank.contains_key(key), "{key}");
    }
    let image = found("image", "ClipVitB32").as_object().unwrap();
    assert!(!image.contains_key("max_length"));
    assert_eq!(
        image["files"],
        serde_json::json!(["preprocessor_config.json", "model.onnx"])
    );
}

#[tokio::test]
async fn models_of_one_operation_are_listed_alone() {
    for (op, count) in [
        ("text", 46),
        ("sparse", 3),
        ("image", 5),
        ("rerank", 4),
        ("joint", 1),
    ] {
        let listed = listed(&["--op", op]).await;
        assert_eq!(listed.len(), count);
        assert!(listed.iter().all(|model| model["op"] == op));
    }
}

#[tokio::test]
async fn models_are_a_table_for_people() {
    let table = models(&["--op=joint"]).succeed().await;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split("  ").map(str::trim).collect())
        .map(|cells: Vec<&str>| cells.into_iter().filter(|cell| !cell.is_empty()).collect())
        .collect();
    let [head, row] = &rows[..] else {
        panic!("{table}")
    };
    assert_eq!(head[..3], ["OP", "NAME", "REPOSITORY"]);
    assert_eq!(
        row[..],
        [
            "joint",
            "BGEM3Q",
            "gpahal/bge-m3-onnx-int8",
            "1024",
            "512",
            "-",
            "MIT"
        ]
    );
}

#[tokio::test]
async fn an_operation_that_there_is_not_exits_64_with_those_that_there_are() {
    let exit = models(&["--op", "dense"]).run().await;
    assert_eq!(exit.code, Some(64));
    let text = exit.lines.join("\n");
    assert!(
        text.contains("text, sparse, image, rerank, joint"),
        "{text}"
    );
}

#[tokio::test]
async fn a_model_of_every_kind_is_pulled_and_pinned_by_its_name() {
    let hub = FakeHub::empty().await;
    let cache = tempfile::tempdir().unwrap();
    let lock = cache.path().join("models.lock");
    let mut pull =
        Program::new("pull", cache.path(), hub.url()).arg(format!("--lock={}", lock.display()));
    for (name, repository, files) in kinds() {
        for file in files {
            hub.put(repository, file, content(repository, file));
        }
        pull = pull.arg(name);
    }
    pull.succeed().await;
    let pins = fs::read_to_string(lock).unwrap();
    for (name, repository, files) in kinds() {
        let entry = catalog::find_anywhere(name).unwrap();
        assert!(found(cache.path(), name).is_some(), "{name}");
        let asked = hub.asked().into_iter().map(|asked| asked.path);
        let prefix = format!("/{repository}/resolve/");
        let asked = asked.filter(|path| path.starts_with(&prefix)).count();
        // Nothing else is fetched.
        assert_eq!(asked, files.len(), "{name}");
        assert!(pins.contains(&format!("op = \"{}\"", entry.op)), "{pins}");
    }
}

#[tokio::test]
async fn a_name_of_two_kinds_is_the_text_model_as_in_a_configuration() {
    let hub = FakeHub::with(&["ClipVitB32"]).await;
    let cache = tempfile::tempdir().unwrap();
    let pull = |name: &str| Program::new("pull", cache.path(), hub.url()).arg(name);
    pull("ClipVitB32").succeed().await;
    assert!(found(cache.path(), "text/ClipVitB32").is_some());
    assert!(found(cache.path(), "image/ClipVitB32").is_none());
    let complaint = pull("image/ClipVitB32").fail().await;
    assert!(
        complaint.contains("Qdrant/clip-ViT-B-32-vision"),
        "{complaint}"
    );
}

#[tokio::test]
async fn an_image_model_is_imported_without_a_tokenizer() {
    let (cache, stick) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let real = found(&crate::real_cache(), crate::MINILM).unwrap();
    fs::copy(real.graph, stick.path().join("model.onnx")).unwrap();
    let settings = stick.path().join("preprocessor_config.json");
    let import = || {
        Program::new("import", cache.path(), NOBODY)
            .arg("image/ClipVitB32")
            .arg(stick.path())
    };
    let complaint = import().fail().await;
    assert!(
        complaint.contains("image/ClipVitB32 needs preprocessor_config.json"),
        "{complaint}"
    );
    fs::write(&settings, "[]").unwrap();
    let complaint = import().fail().await;
    assert!(
        complaint.contains("preprocessor_config.json cannot be read"),
        "{complaint}"
    );
    fs::write(&settings, "{}").unwrap();
    import().succeed().await;
    assert!(found(cache.path(), "image/ClipVitB32").is_some());
}
