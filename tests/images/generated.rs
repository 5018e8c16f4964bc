//! A worker with generated models of images, and what they should give.

use std::sync::OnceLock;

use rmpv::Value as Packed;
use serde_json::Value;

use crate::harness::generated::Generated;
use crate::harness::{Ask, Caller, Launch, Server, Worker};

/// Every image model, and CLIP's other half.
const SERVED: [&str; 6] = [
    "image/ClipVitB32",
    "image/NomicEmbedVisionV15",
    "image/Resnet50",
    "image/UnicomVitB16",
    "image/UnicomVitB32",
    "ClipVitB32",
];

/// Made once for this program.
pub(crate) fn generated() -> &'static Generated {
    static MADE: OnceLock<Generated> = OnceLock::new();
    MADE.get_or_init(|| {
        Generated::make("image-models", |op, name| {
            op == "image" || (op == "text" && name == "ClipVitB32")
        })
    })
}

/// A worker that serves them, with a caller.
pub(crate) struct Stage {
    pub(crate) caller: Caller,
    pub(crate) worker: Worker,
    pub(crate) server: Server,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::on(Server::start().await, &SERVED, "").await
    }

    /// On this server, with these models and more settings.
    pub(crate) async fn on(server: Server, models: &[&str], settings: &str) -> Self {
        let models = models.iter();
        let models = models.map(|name| format!("[[models]]\nname = '{name}'\n"));
        let models: String = models.collect();
        let config = format!("[runtime]\nexecutors = 1\n{settings}\n{models}");
        let launch = Launch::new(&server.url(), &config).env("HF_HOME", &generated().hub());
        Self {
            worker: launch.ready().await,
            caller: Caller::connect(&server).await,
            server,
        }
    }

    /// The reply to these images, whose vectors are lists.
    pub(crate) async fn vectors(&self, model: &str, images: &[Vec<u8>]) -> Value {
        let reply = self.caller.call(ask(model, images, &[])).await;
        assert!(!reply.is_refusal(), "{reply}");
        reply.value()
    }
}

/// A request of these files, and more keys.
pub(crate) fn ask(model: &str, images: &[Vec<u8>], more: &[(&str, Packed)]) -> Ask {
    let images = images.iter().cloned().map(Packed::Binary).collect();
    let own = [
        ("images", Packed::Array(images)),
        ("encoding", "array".into()),
    ];
    let keys = own.into_iter().chain(more.iter().cloned());
    let map = Packed::Map(keys.map(|(key, value)| (key.into(), value)).collect());
    let mut body = Vec::new();
    rmpv::encode::write_value(&mut body, &map).expect("a vector takes bytes");
    Ask::on(format!("fastembed.v1.image.{model}")).body(body)
}

/// The vectors of a reply whose encoding is `array`.
pub(crate) fn rows(reply: &Value) -> Vec<Vec<f32>> {
    serde_json::from_value(reply["embeddings"]["rows"].clone())
        .unwrap_or_else(|fault| panic!("{fault}: {reply}"))
}

/// What each image of the references should become, with its file.
pub(crate) fn reference(model: &str) -> Vec<(Vec<u8>, Vec<f32>)> {
    let reference = generated().reference("image", model);
    let files = reference.strings("images");
    let vectors = reference.array("vectors");
    let rows = vectors.chunks_exact(vectors.len() / files.len());
    let files = files.iter().map(|name| generated().image(name));
    files.zip(rows.map(<[f32]>::to_vec)).collect()
}
