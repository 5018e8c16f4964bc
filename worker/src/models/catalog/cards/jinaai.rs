//! Jina AI.

use super::Op::{Rerank, Text};
use super::{APACHE, BLANK, Card};

pub(super) const CARDS: &[Card] = &[
    Card {
        page: "jinaai/jina-embeddings-v2-base-en",
        exports: &[(Text, "JinaEmbeddingsV2BaseEN")],
        license: APACHE,
        context: Some(8192),
        ..BLANK
    },
    Card {
        page: "jinaai/jina-embeddings-v2-base-code",
        exports: &[(Text, "JinaEmbeddingsV2BaseCode")],
        license: APACHE,
        context: Some(8192),
        ..BLANK
    },
    Card {
        page: "jinaai/jina-reranker-v1-turbo-en",
        exports: &[(Rerank, "JINARerankerV1TurboEn")],
        license: APACHE,
        context: Some(8192),
        ..BLANK
    },
    Card {
        page: "jinaai/jina-reranker-v2-base-multilingual",
        exports: &[(Rerank, "JINARerankerV2BaseMultilingual")],
        license: Some("CC-BY-NC-4.0"),
        context: Some(1024),
        ..BLANK
    },
];
