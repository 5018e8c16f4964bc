//! How long a text may be: as long as the graph takes, whoever says so.

use serde_json::json;

use super::places::refused;
use super::{folder, table};
use crate::kinds::Stage;

/// The folder of a model of 77 positions with this `config.json`, or none.
fn short(name: &str, config: Option<&str>) -> std::path::PathBuf {
    let folder = folder("short", name);
    let file = folder.join("config.json");
    match config {
        Some(text) => std::fs::write(file, text),
        None => std::fs::remove_file(file),
    }
    .expect("a folder of this test's own");
    folder
}

#[tokio::test]
async fn a_max_length_that_the_graph_does_not_take_is_refused_whatever_config_json_says() {
    let says_more = Some(r#"{ "max_position_embeddings": 512 }"#);
    for (config, more, length) in [
        (None, "", 512),
        (None, "max_length = 78", 78),
        (says_more, "", 512),
    ] {
        let name = format!("takes-fewer-{length}-{}", config.is_some());
        let folder = short(&name, config);
        let (exit, complaint) = refused(&table("short", &folder, more)).await;
        assert_eq!(exit.code, Some(1));
        let reason = format!("max_length {length} is more than the graph takes: ");
        assert!(complaint.contains(&reason), "{complaint}");
    }
}

#[tokio::test]
async fn a_text_as_long_as_the_graph_takes_is_answered_beside_a_short_one() {
    let parts = Some(r#"{ "text_config": { "max_position_embeddings": 77 } }"#);
    for (config, more) in [(None, "max_length = 77"), (parts, "")] {
        let name = format!("takes-all-{}", config.is_some());
        let stage = Stage::of(&table("short", &short(&name, config), more), "/nowhere").await;
        let long = "bread ".repeat(200);
        let request = json!({ "inputs": ["bread", long] });
        let reply = stage.ask("text", "short", &request).await;
        assert_eq!(reply["tokens"][1], 77);
        assert_eq!(reply["truncated"], json!([false, true]));
    }
}
