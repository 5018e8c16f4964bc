use std::net::TcpListener;
use std::path::Path;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{folder, generated, table};
use crate::harness::process::Exit;
use crate::harness::{Launch, Server};
use crate::kinds::Stage;

/// Every file of the model called `first` with its sum, as `pins` has it; the sum of
/// `spoilt` is another's.
fn pins(folder: &Path, spoilt: &str) -> String {
    let pin = |file: &&str| {
        let mut bytes = std::fs::read(folder.join(file)).expect("a file of the model");
        if *file == spoilt {
            bytes.push(0);
        }
        let sum = Sha256::digest(bytes);
        let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("'{file}' = '{sum}'")
    };
    let files = ["config.json", "model.onnx", "tokenizer.json"];
    let pins: Vec<String> = files.iter().map(pin).collect();
    format!("pooling = 'cls'\npins = {{ {} }}", pins.join(", "))
}

/// The end of a worker that must not start, nor look for the bus.
pub(super) async fn refused(tables: &str) -> (Exit, String) {
    let bus = TcpListener::bind("127.0.0.1:0").expect("a free port");
    bus.set_nonblocking(true).expect("a socket");
    let url = format!("nats://{}", bus.local_addr().expect("a bound socket"));
    let config = format!("[runtime]\nexecutors = 1\n{tables}");
    let exit = Launch::new(&url, &config).exit().await;
    let met = bus.accept().map_err(|fault| fault.kind());
    assert_eq!(
        met.err(),
        Some(std::io::ErrorKind::WouldBlock),
        "it met the bus"
    );
    let complaints = exit.lines.iter();
    let complaints = complaints.filter(|line| line.starts_with("fastembed-worker: "));
    let complaints: Vec<&String> = complaints.collect();
    assert_eq!(complaints.len(), 1, "{}", exit.lines.join("\n"));
    let complaint = complaints[0].clone();
    (exit, complaint)
}

#[tokio::test]
async fn a_folder_whose_files_are_all_pinned_is_served_where_only_pinned_ones_may_be() {
    let folder = folder("first", "pinned");
    let tables = table("first", &folder, &pins(&folder, ""));
    let server = Server::start().await;
    let locked = |tables: &str| {
        let config = format!("[runtime]\nexecutors = 1\nlocked = true\n{tables}");
        Launch::new(&server.url(), &config)
    };
    let worker = locked(&tables).ready().await;
    worker.line_with("files are the pinned ones").await;
    worker.stop().await;

    let loose = table("first", &folder, "pooling = 'cls'");
    let exit = locked(&loose).exit().await;
    let output = exit.lines.join("\n");
    assert!(
        exit.code == Some(1) && output.contains("(locked)"),
        "{output}"
    );
}

#[tokio::test]
async fn a_file_with_another_sum_than_the_configuration_pins_is_named_and_not_loaded() {
    let folder = folder("first", "spoilt");
    for file in ["model.onnx", "config.json"] {
        let (exit, complaint) = refused(&table("first", &folder, &pins(&folder, file))).await;
        assert_eq!(exit.code, Some(1));
        let wanted = format!("spoilt/{file}: sha256 ");
        assert!(complaint.contains(&wanted), "{complaint}");
        assert!(
            complaint.ends_with("which the configuration gives"),
            "{complaint}"
        );
    }
}

#[tokio::test]
async fn a_pin_of_a_file_that_the_model_does_not_have_is_refused() {
    let folder = folder("first", "loose-pin");
    let more = format!(
        "pooling = 'cls'\npins = {{ 'modell.onnx' = '{}' }}",
        "0".repeat(64)
    );
    let (exit, complaint) = refused(&table("first", &folder, &more)).await;
    assert_eq!(exit.code, Some(1));
    assert!(complaint.contains("modell.onnx: is pinned"), "{complaint}");
}

#[tokio::test]
async fn a_folder_without_a_file_is_refused_by_the_files_name() {
    for (model, file) in [
        ("first", "tokenizer.json"),
        ("first", "model.onnx"),
        ("apart", "onnx/model.onnx_data"),
        ("tower", "preprocessor_config.json"),
        ("quick", "idf.json"),
    ] {
        let folder = folder(model, &format!("without-{}", file.replace('/', "-")));
        std::fs::remove_file(folder.join(file)).expect("it was there");
        let more = if model == "quick" {
            "query_weights = 'idf.json'"
        } else {
            ""
        };
        let (exit, complaint) = refused(&table(model, &folder, more)).await;
        assert_eq!(exit.code, Some(1));
        assert!(
            complaint.ends_with(&format!("{file}: is not there")),
            "{complaint}"
        );
    }
}

#[tokio::test]
async fn a_folder_needs_no_config_json() {
    let folder = folder("final", "plain");
    std::fs::remove_file(folder.join("config.json")).expect("it was there");
    let stage = Stage::of(&table("final", &folder, "pooling = 'last'"), "/nowhere").await;
    let reply = stage
        .ask("text", "final", &json!({ "inputs": ["a"] }))
        .await;
    assert_eq!(reply["embeddings"]["count"], 1);
}

#[tokio::test]
async fn the_same_files_mean_the_same_in_a_folder_and_in_a_cache() {
    let plain = table("first", &folder("first", "same"), "pooling = 'cls'");
    let cached = "[[models]]\nname = 'first'\nrepository = 'own/first'\npooling = 'cls'\n";
    let mut spaces = Vec::new();
    for (tables, source) in [
        (plain.as_str(), "directory:same"),
        (cached, "own/first@generated-0-"),
    ] {
        let stage = Stage::of(tables, &generated().hub()).await;
        let info = stage.ask("info", "text_first", &json!({})).await;
        let told = info["source"].as_str().unwrap();
        assert!(told.starts_with(source), "{told}");
        spaces.push(info["space"].clone());
    }
    assert_eq!(spaces[0], spaces[1]);
}
