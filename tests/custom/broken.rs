use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::places::refused;
use super::{about, folder, table};
use crate::harness::generated::python;
use crate::kinds::{Stage, near, numbers};

/// A word that no text of a worker's own start has.
const WORD: &str = "apple";

/// A model's folder with its graph broken (tests/models/broken.py).
fn broken(model: &str, fault: &str) -> PathBuf {
    let (whole, target) = (
        folder(model, &format!("whole-{model}-{fault}")),
        format!("broken-{model}-{fault}"),
    );
    let target = whole.with_file_name(target);
    let _ = std::fs::remove_dir_all(&target);
    let word = Path::new(if fault.ends_with("-on") { WORD } else { "" });
    let script = Path::new("tests/models/broken.py");
    let (graph, fault) = (Path::new(about(model).1), Path::new(fault));
    python(&[
        script,
        &whole,
        graph,
        &target,
        fault,
        Path::new("--word"),
        word,
    ]);
    target
}

#[tokio::test]
async fn a_model_that_gives_what_no_caller_can_use_is_refused_before_the_bus_is_joined() {
    let mut wrong = Vec::new();
    for (model, fault, more, reason) in [
        (
            "first",
            "shape",
            "pooling = 'cls'",
            "an output of shape [1, 1, ",
        ),
        (
            "first",
            "nan",
            "pooling = 'cls'",
            "gives values that are not finite",
        ),
        ("first", "half", "pooling = 'cls'", "Tensor<f16>"),
        (
            "first",
            "input",
            "pooling = 'cls'",
            "the graph wants past_key_values",
        ),
        (
            "first",
            "location",
            "pooling = 'cls'",
            "which is no path below the model's folder",
        ),
        ("first", "flat", "", "an output of shape [2, "),
        ("cross", "wide", "", "an output of shape [2, 2], not [2, 1]"),
        (
            "cross",
            "shape",
            "",
            "an output of shape [1, 2, 1], not [2, 1]",
        ),
        ("words", "shape", "", "an output of shape [1, 2, "),
        (
            "words",
            "few",
            "",
            "gives 48 values for each token, and the tokenizer knows ",
        ),
        ("words", "empty", "", "gives 0 values for each token"),
        ("words", "nan", "", "gives values that are not finite"),
        (
            "three",
            "shape",
            "",
            "an output of shape [1, 2, 64], not [2, 64]",
        ),
        ("three", "nan", "", "gives values that are not finite"),
        (
            "tower",
            "shape",
            "",
            "an output of shape [1, 4, 40], not [4, 4, 40]",
        ),
        ("tower", "nan", "", "gives values that are not finite"),
    ] {
        let folder = broken(model, fault);
        let (exit, complaint) = refused(&table(model, &folder, more)).await;
        let named = complaint.contains(&format!("{}", folder.join(about(model).1).display()));
        if exit.code != Some(1) || !complaint.contains(reason) || !named {
            wrong.push(format!("{model} {fault}: {:?} {complaint}", exit.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn settings_that_do_not_fit_the_graph_are_refused_with_what_does() {
    let mut wrong = Vec::new();
    for (model, more, reason) in [
        ("first", "", "set models.pooling to cls, mean or last"),
        (
            "first",
            "pooling = 'cls'\ndimensions = 47",
            "gives vectors of 48 values, and models.dimensions is 47",
        ),
        (
            "first",
            "pooling = 'cls'\nmatryoshka = [49]",
            "gives vectors of 48 values, and models.matryoshka has 49",
        ),
        (
            "first",
            "pooling = 'cls'\noutput = 'logits'",
            "the graph has no output logits; it has last_hidden_state",
        ),
        (
            "pooled",
            "pooling = 'mean'\noutput = 'sentence_embedding'",
            "models.pooling has no effect",
        ),
        ("tower", "dimensions = 41", "gives vectors of 40 values"),
        ("three", "dimensions = 65", "gives vectors of 64 values"),
    ] {
        let folder = folder(model, &format!("unfit-{model}"));
        let (exit, complaint) = refused(&table(model, &folder, more)).await;
        if exit.code != Some(1) || !complaint.contains(reason) {
            wrong.push(format!("{model} {more}: {:?} {complaint}", exit.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn weights_that_a_graph_names_by_a_winding_way_are_found_in_its_folder() {
    let (winding, whole) = both("apart", "winding", "pooling = 'cls'").await;
    let request = json!({ "inputs": ["bread", "an apple"] });
    let [winding, whole] = [
        winding.ask("text", "apart", &request).await,
        whole.ask("text", "apart", &request).await,
    ];
    assert_eq!(winding["embeddings"], whole["embeddings"]);
}

/// A worker of this model, broken, and one of it as it was.
async fn both(model: &str, fault: &str, more: &str) -> (Stage, Stage) {
    let broken = table(model, &broken(model, fault), more);
    let whole = table(model, &folder(model, &format!("sound-{model}")), more);
    (
        Stage::of(&broken, "/nowhere").await,
        Stage::of(&whole, "/nowhere").await,
    )
}

/// The only error of a reply, which is of this item.
fn only_error(reply: &Value, index: u64) {
    let errors = reply["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 1, "{reply}");
    assert_eq!(errors[0]["index"], index);
    assert_eq!(errors[0]["name"], "internal");
}

#[tokio::test]
async fn a_text_whose_vector_is_nan_fails_alone_and_its_neighbours_are_answered() {
    let (broken, whole) = both("first", "nan-on", "pooling = 'cls'").await;
    let request = json!({ "inputs": ["bread", "an apple", "wine"] });
    let reply = broken.ask("text", "first", &request).await;
    only_error(&reply, 1);
    let sound = whole.ask("text", "first", &request).await;
    for at in [0, 2] {
        let rows = [&reply, &sound].map(|reply| numbers(&reply["embeddings"]["rows"][at]));
        near("a neighbour", &rows[0], &rows[1]);
    }
    let failed = numbers(&reply["embeddings"]["rows"][1]);
    assert!(failed.iter().all(|value| *value == 0.0));
    let alone = json!({ "inputs": ["an apple"] });
    broken.refused("text", "first", &alone, "internal").await;
    let counted = broken.worker.metric("fastembed_not_finite_total").await;
    assert!(counted == 2.0, "{counted}");
}

#[tokio::test]
async fn a_sparse_text_a_document_and_a_joint_text_that_give_nan_fail_alone_too() {
    let inputs = json!({ "inputs": ["bread", "an apple", "wine"] });
    let ranked = json!({ "query": "food", "documents": ["bread", "an apple", "wine"] });
    for (model, op, request, rows) in [
        ("words", "sparse", &inputs, "/sparse/rows"),
        ("three", "joint", &inputs, "/embeddings/rows"),
        ("cross", "rerank", &ranked, "/results"),
    ] {
        let (broken, whole) = both(model, "nan-on", "").await;
        let reply = broken.ask(op, model, request).await;
        only_error(&reply, 1);
        let sound = whole.ask(op, model, request).await;
        let rows = [&reply, &sound].map(|reply| reply.pointer(rows).expect("rows").clone());
        if op == "rerank" {
            let mut others = rows[1].as_array().expect("a list").clone();
            others.retain(|ranked| ranked["index"] != 1);
            assert_eq!(rows[0].as_array().expect("a list").len(), 2);
            let order = |ranked: &[Value]| -> Vec<Value> {
                ranked
                    .iter()
                    .map(|ranked| ranked["index"].clone())
                    .collect()
            };
            assert_eq!(order(rows[0].as_array().expect("a list")), order(&others));
        } else {
            assert_eq!(rows[0][0], rows[1][0], "{model}");
            assert_eq!(rows[0][2], rows[1][2], "{model}");
        }
    }
}

#[tokio::test]
async fn a_result_of_another_shape_is_internal_for_its_callers_and_leaves_nothing_behind() {
    let (broken, _) = both("first", "shape-on", "pooling = 'cls'").await;
    let (bad, good) = (
        json!({ "inputs": ["an apple"] }),
        json!({ "inputs": ["bread"] }),
    );
    let mut level = 0;
    for round in 0..200 {
        let refused = broken.refused("text", "first", &bad, "internal").await;
        assert!(!refused.to_string().contains("shape"), "{refused}");
        let reply = broken.ask("text", "first", &good).await;
        assert_eq!(reply["embeddings"]["count"], 1);
        if round == 50 {
            level = broken.worker.resident_bytes().await;
        }
    }
    let grown = broken.worker.resident_bytes().await.saturating_sub(level);
    assert!(grown < level / 20, "{grown} bytes more than {level}");
    broken.worker.line_with("an output of shape [1, ").await;
    let (_, metrics) = broken.worker.get("/metrics").await;
    let counted = metrics.lines().find(|line| {
        line.starts_with("fastembed_requests_total") && line.contains("code=\"internal\"")
    });
    let counted = counted.unwrap_or_else(|| panic!("{metrics}"));
    assert!(counted.ends_with(" 200"), "{counted}");
    assert!(broken.worker.metric("fastembed_queue_requests").await == 0.0);
}
