//! Nomic, and what was trained as its models were.

use super::Op::{Image, Text};
use super::{APACHE, BLANK, Card, PASSAGE, QUERY};

pub(super) const CARDS: &[Card] = &[
    Card {
        page: "nomic-ai/nomic-embed-text-v1",
        exports: &[(Text, "NomicEmbedTextV1")],
        ..TEXT
    },
    Card {
        page: "nomic-ai/nomic-embed-text-v1.5",
        exports: &[(Text, "NomicEmbedTextV15")],
        smaller: &[(Text, "NomicEmbedTextV15Q")],
        matryoshka: &[768, 512, 256, 128, 64],
        ..TEXT
    },
    Card {
        page: "nomic-ai/nomic-embed-text-v2-moe",
        exports: &[(Text, "NomicEmbedTextV2Moe")],
        license: APACHE,
        context: Some(512),
        prompts: &[(QUERY, "search_query: "), (PASSAGE, "search_document: ")],
        matryoshka: &[768, 256],
        ..BLANK
    },
    Card {
        page: "nomic-ai/nomic-embed-vision-v1.5",
        exports: &[(Image, "NomicEmbedVisionV15")],
        license: APACHE,
        ..BLANK
    },
    Card {
        page: "lightonai/modernbert-embed-large",
        exports: &[(Text, "ModernBertEmbedLarge")],
        license: APACHE,
        context: Some(8192),
        prompts: &[(QUERY, "search_query: "), (PASSAGE, "search_document: ")],
        matryoshka: &[1024, 256],
        ..BLANK
    },
];

const TEXT: Card = Card {
    license: APACHE,
    context: Some(8192),
    prompts: &[
        (QUERY, "search_query: "),
        (PASSAGE, "search_document: "),
        ("classification", "classification: "),
        ("clustering", "clustering: "),
    ],
    ..BLANK
};
