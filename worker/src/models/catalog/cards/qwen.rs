//! Qwen.

use super::Op::Text;
use super::{APACHE, BLANK, Card, QUERY};

pub(super) const CARDS: &[Card] = &[
    Card {
        page: "Qwen/Qwen3-Embedding-0.6B",
        exports: &[(Text, "Qwen3Embedding06B")],
        ..TEXT
    },
    Card {
        page: "Qwen/Qwen3-Embedding-4B",
        exports: &[(Text, "Qwen3Embedding4B")],
        ..TEXT
    },
    Card {
        page: "Qwen/Qwen3-Embedding-8B",
        exports: &[(Text, "Qwen3Embedding8B")],
        ..TEXT
    },
];

const TEXT: Card = Card {
    license: APACHE,
    context: Some(32_768),
    prompts: &[(
        QUERY,
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
    )],
    ..BLANK
};
