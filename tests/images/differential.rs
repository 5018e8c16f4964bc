//! Over the bus: what image models give is what fastembed gives of the same
//! files, but for its resizing.

use fastembed_worker::models::Op;
use serde_json::json;

use crate::generated::{Stage, generated, rows};
use crate::harness::rival::Rival;
use crate::made::Made;

/// Images that have the size to which a model's processor brings them, by model.
/// All others are resized: Pillow, which the models' processors call and the worker
/// follows, rounds to eight bits between its two passes, and fastembed does not.
fn unresized(model: &str) -> &'static str {
    match model {
        "Resnet50" => "square.png",
        _ => "frames.gif",
    }
}

/// What that rounding may move a value by.
const ROUNDING: f32 = 5e-3;

#[tokio::test]
async fn vectors_of_images_are_fastembeds_own() {
    let _turn = Made::take();
    let stage = Stage::start().await;
    for model in [
        "ClipVitB32",
        "NomicEmbedVisionV15",
        "Resnet50",
        "UnicomVitB16",
        "UnicomVitB32",
    ] {
        let names = generated().reference("image", model).strings("images");
        let files: Vec<_> = names
            .iter()
            .map(|name| generated().image_file(name))
            .collect();
        let mut rival = Rival::load(Op::Image, model, &generated().hub());
        let theirs = rival.call(json!({ "files": files }), false);
        let theirs: Vec<Vec<f32>> = serde_json::from_value(theirs).unwrap();
        assert_eq!(theirs.len(), names.len());
        for (name, theirs) in names.iter().zip(&theirs) {
            let ours = rows(&stage.vectors(model, &[generated().image(name)]).await).remove(0);
            assert_eq!(ours.len(), theirs.len());
            let apart = ours
                .iter()
                .zip(theirs)
                .map(|(one, other)| (one - other).abs());
            let apart = apart.fold(0.0, f32::max);
            println!("{model}, {name}: {apart} apart");
            let most = if name == unresized(model) {
                1e-5
            } else {
                ROUNDING
            };
            assert!(apart <= most, "{model}, {name}: {apart} apart");
        }
    }
}
