//! Google.

use super::{BLANK, Card, Op::Text, PASSAGE, QUERY};

pub(super) const CARDS: &[Card] = &[Card {
    page: "google/embeddinggemma-300m",
    exports: &[(Text, "EmbeddingGemma300M")],
    smaller: &[
        (Text, "EmbeddingGemma300MQ"),
        (Text, "EmbeddingGemma300MQ4"),
    ],
    // Terms of its own: ai.google.dev/gemma/terms.
    license: Some("LicenseRef-Gemma"),
    context: Some(2048),
    prompts: &[
        (QUERY, "task: search result | query: "),
        (PASSAGE, "title: none | text: "),
        ("question_answering", "task: question answering | query: "),
        ("fact_checking", "task: fact checking | query: "),
        ("classification", "task: classification | query: "),
        ("clustering", "task: clustering | query: "),
        ("sentence_similarity", "task: sentence similarity | query: "),
        ("code_retrieval", "task: code retrieval | query: "),
    ],
    matryoshka: &[768, 512, 256, 128],
    ..BLANK
}];
