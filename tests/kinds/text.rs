use serde_json::json;

use super::{Stage, TEXT, generated, near, numbers};

#[tokio::test]
async fn each_family_of_text_models_gives_its_authors_vectors() {
    let stage = Stage::serving(&TEXT).await;
    for model in TEXT {
        let reference = generated().reference("text", model);
        let texts = reference.strings("texts");
        let reply = stage.ask("text", model, &json!({ "inputs": texts })).await;
        let tokens: Vec<u64> = serde_json::from_value(reply["tokens"].clone()).unwrap();
        assert_eq!(tokens, reference.counts("tokens"), "{model}");
        let rows = reply["embeddings"]["rows"].as_array().unwrap();
        let ours: Vec<f32> = rows.iter().flat_map(numbers).collect();
        near(model, &ours, reference.array("vectors"));
    }
}
