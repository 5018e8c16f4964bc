//! sentence-transformers.

use super::{APACHE, BLANK, Card, Op::Text};

pub(super) const CARDS: &[Card] = &[
    Card {
        page: "sentence-transformers/all-MiniLM-L6-v2",
        exports: &[(Text, "AllMiniLML6V2")],
        smaller: &[(Text, "AllMiniLML6V2Q")],
        license: APACHE,
        context: Some(256),
        ..BLANK
    },
    // Of its length its card says 256, and its settings 128.
    Card {
        page: "sentence-transformers/all-MiniLM-L12-v2",
        exports: &[(Text, "AllMiniLML12V2")],
        smaller: &[(Text, "AllMiniLML12V2Q")],
        license: APACHE,
        ..BLANK
    },
    Card {
        page: "sentence-transformers/all-mpnet-base-v2",
        exports: &[(Text, "AllMpnetBaseV2")],
        license: APACHE,
        context: Some(384),
        ..BLANK
    },
    Card {
        page: "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        exports: &[(Text, "ParaphraseMLMiniLML12V2")],
        smaller: &[(Text, "ParaphraseMLMiniLML12V2Q")],
        license: APACHE,
        context: Some(128),
        ..BLANK
    },
    Card {
        page: "sentence-transformers/paraphrase-multilingual-mpnet-base-v2",
        exports: &[(Text, "ParaphraseMLMpnetBaseV2")],
        license: APACHE,
        context: Some(128),
        ..BLANK
    },
];
