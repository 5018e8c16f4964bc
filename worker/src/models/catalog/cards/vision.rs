//! Models of images, and the text side of CLIP. Their licences are those that
//! Qdrant, who exported them, states for the exports.

use super::Op::{Image, Text};
use super::{APACHE, BLANK, Card, MIT};

/// Qdrant's list of image models.
const IMAGES: Option<&str> =
    Some("https://github.com/qdrant/fastembed/blob/main/fastembed/image/onnx_embedding.py");

pub(super) const CARDS: &[Card] = &[
    Card {
        page: "Qdrant/clip-ViT-B-32-text",
        said_by: Some(
            "https://github.com/qdrant/fastembed/blob/main/fastembed/text/clip_embedding.py",
        ),
        exports: &[(Text, "ClipVitB32")],
        license: MIT,
        context: Some(77),
        ..BLANK
    },
    Card {
        page: "Qdrant/clip-ViT-B-32-vision",
        said_by: IMAGES,
        exports: &[(Image, "ClipVitB32")],
        license: MIT,
        ..BLANK
    },
    Card {
        page: "Qdrant/resnet50-onnx",
        said_by: IMAGES,
        exports: &[(Image, "Resnet50")],
        license: APACHE,
        ..BLANK
    },
    Card {
        page: "Qdrant/Unicom-ViT-B-16",
        said_by: IMAGES,
        exports: &[(Image, "UnicomVitB16")],
        license: APACHE,
        ..BLANK
    },
    Card {
        page: "Qdrant/Unicom-ViT-B-32",
        said_by: IMAGES,
        exports: &[(Image, "UnicomVitB32")],
        license: APACHE,
        ..BLANK
    },
];
