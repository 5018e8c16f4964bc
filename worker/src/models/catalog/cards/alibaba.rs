//! Alibaba-NLP.

use super::{APACHE, BLANK, Card, Op::Text};

pub(super) const CARDS: &[Card] = &[
    Card {
        page: "Alibaba-NLP/gte-base-en-v1.5",
        exports: &[(Text, "GTEBaseENV15")],
        smaller: &[(Text, "GTEBaseENV15Q")],
        ..GTE
    },
    Card {
        page: "Alibaba-NLP/gte-large-en-v1.5",
        exports: &[(Text, "GTELargeENV15")],
        smaller: &[(Text, "GTELargeENV15Q")],
        ..GTE
    },
];

const GTE: Card = Card {
    license: APACHE,
    context: Some(8192),
    ..BLANK
};
