//! BAAI, and what others made of its models.

use super::Op::{Joint, Rerank, Sparse, Text};
use super::{APACHE, BLANK, Card, MIT, QUERY, REPRESENT};

pub(super) const CARDS: &[Card] = &[
    Card {
        page: "BAAI/bge-small-en-v1.5",
        exports: &[(Text, "BGESmallENV15")],
        smaller: &[(Text, "BGESmallENV15Q")],
        ..ENGLISH
    },
    Card {
        page: "BAAI/bge-base-en-v1.5",
        exports: &[(Text, "BGEBaseENV15")],
        smaller: &[(Text, "BGEBaseENV15Q")],
        ..ENGLISH
    },
    Card {
        page: "BAAI/bge-large-en-v1.5",
        exports: &[(Text, "BGELargeENV15")],
        smaller: &[(Text, "BGELargeENV15Q")],
        ..ENGLISH
    },
    Card {
        page: "BAAI/bge-small-zh-v1.5",
        exports: &[(Text, "BGESmallZHV15")],
        ..CHINESE
    },
    Card {
        page: "BAAI/bge-large-zh-v1.5",
        exports: &[(Text, "BGELargeZHV15")],
        ..CHINESE
    },
    Card {
        page: "BAAI/bge-m3",
        exports: &[(Text, "BGEM3"), (Sparse, "BGEM3")],
        smaller: &[(Joint, "BGEM3Q")],
        license: MIT,
        context: Some(8192),
        ..BLANK
    },
    Card {
        page: "BAAI/bge-reranker-base",
        exports: &[(Rerank, "BGERerankerBase")],
        license: MIT,
        context: Some(512),
        ..BLANK
    },
    Card {
        page: "BAAI/bge-reranker-v2-m3",
        exports: &[(Rerank, "BGERerankerV2M3")],
        license: APACHE,
        ..BLANK
    },
];

const ENGLISH: Card = Card {
    license: MIT,
    context: Some(512),
    prompts: REPRESENT,
    ..BLANK
};

const CHINESE: Card = Card {
    license: MIT,
    context: Some(512),
    prompts: &[(QUERY, "为这个句子生成表示以用于检索相关文章：")],
    ..BLANK
};
