//! Over the bus: images in, the vectors of the models' authors out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fastembed_worker::models::image::SMALLEST;
use serde_json::json;

use crate::generated::{Stage, ask, reference, rows};
use crate::harness::{Ask, eventually};
use crate::made::Made;

/// Cosine of the angle between two vectors.
fn cosine(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|value| value * value).sum::<f32>().sqrt()
}

fn apart(one: &[f32], other: &[f32]) -> f32 {
    let apart = one.iter().zip(other).map(|(x, y)| (x - y).abs());
    apart.fold(0.0, f32::max)
}

#[tokio::test]
async fn every_image_model_gives_its_references_vectors_alone_and_in_company() {
    let _turn = Made::take();
    let stage = Stage::start().await;
    for (model, dimensions) in [
        ("ClipVitB32", 512),
        ("NomicEmbedVisionV15", 768),
        ("Resnet50", 2048),
        ("UnicomVitB16", 768),
        ("UnicomVitB32", 512),
    ] {
        let (files, expected): (Vec<_>, Vec<_>) = reference(model).into_iter().unzip();
        assert_eq!(files.len(), 12);
        let mut alone = Vec::new();
        for (file, expected) in files.iter().zip(&expected) {
            let reply = stage.vectors(model, std::slice::from_ref(file)).await;
            assert_eq!(reply["embeddings"]["dims"], dimensions);
            // Images have neither.
            assert!(reply.get("tokens").is_none() && reply.get("truncated").is_none());
            let row = rows(&reply).remove(0);
            let cosine = cosine(&row, expected);
            assert!(cosine >= 0.9999, "{model}, image {}: {cosine}", alone.len());
            assert!((length(&row) - 1.0).abs() < 1e-5);
            alone.push(row);
        }
        // A message of the server's default size holds some at a time.
        for (files, alone) in files.chunks(4).zip(alone.chunks(4)) {
            let together = rows(&stage.vectors(model, files).await);
            assert_eq!(together.len(), alone.len());
            for (one, other) in alone.iter().zip(&together) {
                assert!(apart(one, other) <= 1e-6, "{model}: {}", apart(one, other));
            }
        }
    }
}

#[tokio::test]
async fn images_in_json_are_base64_and_give_the_same_vectors() {
    let _turn = Made::take();
    let stage = Stage::start().await;
    let (file, _) = reference("UnicomVitB32").swap_remove(2);
    let request = json!({ "images": [BASE64.encode(&file)] });
    let ask = Ask::on("fastembed.v1.image.UnicomVitB32").json(&request);
    let in_json = rows(&stage.caller.call(ask).await.value());
    assert_eq!(in_json, rows(&stage.vectors("UnicomVitB32", &[file]).await));
}

#[tokio::test]
async fn equal_files_share_a_computation_and_others_do_not() {
    let _turn = Made::take();
    let stage = Stage::start().await;
    let files: Vec<Vec<u8>> = reference("ClipVitB32")
        .into_iter()
        .map(|(file, _)| file)
        .collect();
    let (one, other) = (files[2].clone(), files[1].clone());
    let reply = stage
        .vectors("ClipVitB32", &[one.clone(), other, one])
        .await;
    let rows = rows(&reply);
    assert_eq!(rows[0], rows[2]);
    assert!(cosine(&rows[0], &rows[1]) < 0.999);
    // It is counted when the rows are queued, and they may be answered before.
    eventually("a shared computation", || async {
        let shared = stage.worker.metric("fastembed_deduplicated_texts_total");
        shared.await >= 1.0
    })
    .await;
}

#[tokio::test]
async fn a_large_result_comes_in_parts_and_raw_vectors_have_a_space_of_their_own() {
    let _turn = Made::take();
    let stage = Stage::start().await;
    let images = vec![SMALLEST.to_vec(); 64];
    let raw = [("normalize", false.into())];
    let parts = stage
        .caller
        .call_in_parts(ask("Resnet50", &images, &raw))
        .await;
    assert!(parts.len() > 1);
    let mut count = 0;
    for part in &parts {
        let part = part.value();
        assert_eq!(part["embeddings"]["first"], count);
        assert!(part["space"].as_str().unwrap().ends_with("-raw"));
        for row in rows(&part) {
            assert!((length(&row) - 1.0).abs() > 1e-3);
            count += 1;
        }
    }
    assert_eq!(count, 64);
}

#[tokio::test]
async fn vectors_of_images_are_cut_and_packed_as_those_of_texts() {
    let _turn = Made::take();
    let stage = Stage::start().await;
    let file = reference("ClipVitB32").swap_remove(2).0;
    let images = [file];
    let whole = rows(&stage.vectors("ClipVitB32", &images).await).remove(0);
    let cut = ask("ClipVitB32", &images, &[("dimensions", 64.into())]);
    let cut = stage.caller.call(cut).await.value();
    assert!(cut["space"].as_str().unwrap().ends_with("-d64"));
    let cut = rows(&cut).remove(0);
    let scale = length(&whole[..64]);
    for (one, other) in cut.iter().zip(&whole[..64]) {
        assert!((one - other / scale).abs() <= 1e-6);
    }
    let request = json!({ "images": [BASE64.encode(&images[0])], "encoding": "ubinary" });
    let packed = Ask::on("fastembed.v1.image.ClipVitB32").json(&request);
    let packed = stage.caller.call(packed).await.value();
    let bits = BASE64
        .decode(packed["embeddings"]["data"].as_str().unwrap())
        .unwrap();
    let expected: Vec<u8> = (whole.as_chunks::<8>().0.iter())
        .map(|eight| {
            eight
                .iter()
                .fold(0, |byte, value| byte << 1 | u8::from(*value > 0.0))
        })
        .collect();
    assert_eq!(bits, expected);
}

#[tokio::test]
async fn clips_texts_and_images_have_one_space_and_other_models_another() {
    let _turn = Made::take();
    let stage = Stage::start().await;
    let text = stage
        .caller
        .call(Ask::texts("ClipVitB32", &["a bridge"]))
        .await;
    let text = text.value();
    let images = [SMALLEST.to_vec()];
    let image = stage.vectors("ClipVitB32", &images).await;
    assert_eq!(text["space"], image["space"]);
    assert_eq!(text["embeddings"]["dims"], image["embeddings"]["dims"]);
    let space = text["space"].as_str().unwrap();
    for model in [
        "UnicomVitB32",
        "UnicomVitB16",
        "Resnet50",
        "NomicEmbedVisionV15",
    ] {
        let other = stage.vectors(model, &images).await;
        assert_ne!(other["space"], text["space"], "{model}");
        let demanding = ask(model, &images, &[("space", space.into())]);
        stage.caller.call(demanding).await.refused("space_mismatch");
    }
    let demanding = ask("ClipVitB32", &images, &[("space", space.into())]);
    assert!(!stage.caller.call(demanding).await.is_refusal());
    let info = stage
        .caller
        .call(Ask::on("fastembed.v1.info.image_ClipVitB32"))
        .await;
    let info = info.value();
    assert_eq!(info["op"], "image");
    assert_eq!(info["space"], text["space"]);
    assert_eq!(info["dimensions"], 512);
    assert_eq!(info["images"]["max_images"], 64);
}
