//! Over the bus: bad images fail alone, bad requests as a whole, and a worker
//! keeps its memory.

use std::path::Path;

use fastembed_worker::models::image::SMALLEST;
use fastembed_worker::wire::protocol;
use rmpv::Value as Packed;
use serde_json::json;

use crate::generated::{Stage, ask, generated, reference, rows};
use crate::harness::{Ask, Launch, Server};
use crate::made::Made;

const MODEL: &str = "ClipVitB32";

#[tokio::test]
async fn a_bad_image_costs_its_own_row_alone() {
    let made = Made::take();
    let stage = Stage::start().await;
    let good = reference(MODEL).swap_remove(2).0;
    let expected = rows(&stage.vectors(MODEL, std::slice::from_ref(&good)).await).remove(0);
    for name in made.names("refused") {
        let images = [good.clone(), made.bytes(&name), good.clone()];
        let reply = stage.vectors(MODEL, &images).await;
        let rows = rows(&reply);
        assert!(rows[0] == expected && rows[2] == expected, "{name}");
        assert!(rows[1].iter().all(|value| *value == 0.0), "{name}");
        let errors = reply["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{name}: {reply}");
        assert_eq!(errors[0]["index"], 1);
        assert_eq!(
            errors[0]["code"], made.about["refused"][&name],
            "{name}: {}",
            errors[0]
        );
        let alone = stage.caller.call(ask(MODEL, &images[1..2], &[])).await;
        assert!(alone.is_refusal(), "{name}");
    }
}

#[tokio::test]
async fn what_is_no_request_of_images_is_refused_and_named() {
    let _turn = Made::take();
    let stage = Stage::start().await;
    let image = || vec![SMALLEST.to_vec()];
    let objects = || {
        Packed::Array(vec![Packed::Map(vec![
            ("bucket".into(), "pictures".into()),
            ("name".into(), "one".into()),
        ])])
    };
    for (asked, named) in [
        (ask(MODEL, &[], &[]), "images is empty"),
        (ask(MODEL, &vec![SMALLEST.to_vec(); 65], &[]), "64"),
        (
            ask(MODEL, &image(), &[("objects", objects())]),
            "one of them",
        ),
        (
            ask(MODEL, &image(), &[("truncate", true.into())]),
            "truncate",
        ),
        (
            ask(MODEL, &image(), &[("dimensions", 0.into())]),
            "dimensions",
        ),
        (ask(MODEL, &image(), &[("dimensions", 513.into())]), "512"),
        (
            Ask::on(format!("fastembed.v1.image.{MODEL}")).json(&json!({"inputs": ["a text"]})),
            "inputs",
        ),
        (
            Ask::on(format!("fastembed.v1.text.{MODEL}")).json(&json!({"images": ["AAAA"]})),
            "images",
        ),
    ] {
        let refused = stage.caller.call(asked).await.refused("invalid_request");
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(named), "{named}: {message}");
    }
    // A text where an image should be is one that cannot be read.
    let texts = Packed::Array(vec!["a text".into()]);
    let map = Packed::Map(vec![("images".into(), texts)]);
    let mut body = Vec::new();
    rmpv::encode::write_value(&mut body, &map).unwrap();
    let asked = Ask::on(format!("fastembed.v1.image.{MODEL}")).body(body);
    stage.caller.call(asked).await.refused("invalid_request");
    // And nothing of it has hurt.
    stage.vectors(MODEL, &image()).await;
}

#[tokio::test]
async fn bombs_leave_the_workers_memory_where_it_was() {
    let made = Made::take();
    let stage = Stage::start().await;
    let bombs: Vec<Vec<u8>> = [
        "text_bomb.png",
        "profile_bomb.png",
        "animated_bomb.gif",
        "huge.png",
        "huge.webp",
        "deep.png",
    ]
    .iter()
    .map(|name| made.bytes(name))
    .collect();
    let ask_all = async || {
        for bomb in &bombs {
            stage
                .caller
                .call(ask(MODEL, &[bomb.clone(), SMALLEST.to_vec()], &[]))
                .await
                .value();
        }
    };
    // Each thread that decodes keeps some of what it had.
    for _ in 0..5 {
        ask_all().await;
    }
    let before = stage.worker.resident_bytes().await;
    for _ in 0..10 {
        ask_all().await;
    }
    let after = stage.worker.resident_bytes().await;
    println!("{before} bytes before, {after} after");
    assert!(
        after <= before + (32 << 20),
        "{before} bytes before, {after} after"
    );
}

#[tokio::test]
async fn a_request_that_its_caller_gave_up_does_not_hold_the_next_ones() {
    let _turn = Made::take();
    let stage = Stage::start().await;
    let late = ask(MODEL, &[SMALLEST.to_vec()], &[]).header(protocol::HEADER_TIMEOUT_MS, "0");
    stage.caller.call(late).await.refused("deadline_exceeded");
    stage.vectors(MODEL, &[SMALLEST.to_vec()]).await;
}

#[tokio::test]
async fn a_preprocessor_file_that_asks_for_what_is_not_known_stops_the_start_and_is_named() {
    let _turn = Made::take();
    let server = Server::start().await;
    let from = Path::new(&generated().hub()).join("models--Qdrant--Unicom-ViT-B-32");
    let revision = std::fs::read_to_string(from.join("refs/main")).unwrap();
    let hub = tempfile::tempdir().unwrap();
    let to = hub.path().join("models--Qdrant--Unicom-ViT-B-32");
    let snapshot = format!("snapshots/{}", revision.trim());
    std::fs::create_dir_all(to.join(&snapshot)).unwrap();
    std::fs::create_dir_all(to.join("refs")).unwrap();
    std::fs::write(to.join("refs/main"), &revision).unwrap();
    std::fs::copy(
        from.join(&snapshot).join("model.onnx"),
        to.join(&snapshot).join("model.onnx"),
    )
    .unwrap();
    let settings = json!({ "image_mean": [0, 0, 0], "image_std": [1, 1, 1], "do_pad": true });
    std::fs::write(
        to.join(&snapshot).join("preprocessor_config.json"),
        settings.to_string(),
    )
    .unwrap();
    let config = "[[models]]\nname = 'image/UnicomVitB32'\n";
    let launch =
        Launch::new(&server.url(), config).env("HF_HOME", &hub.path().display().to_string());
    let exit = launch.exit().await;
    assert_eq!(exit.code, Some(1));
    let said = exit.lines.join("\n");
    assert!(said.contains("preprocessor_config.json: do_pad"), "{said}");
}
