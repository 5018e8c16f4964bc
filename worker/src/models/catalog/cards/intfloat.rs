//! intfloat.

use super::{BLANK, Card, MIT, Op::Text, PASSAGE, QUERY};

pub(super) const CARDS: &[Card] = &[
    Card {
        page: "intfloat/multilingual-e5-small",
        exports: &[(Text, "MultilingualE5Small")],
        ..E5
    },
    Card {
        page: "intfloat/multilingual-e5-base",
        exports: &[(Text, "MultilingualE5Base")],
        ..E5
    },
    Card {
        page: "intfloat/multilingual-e5-large",
        exports: &[(Text, "MultilingualE5Large")],
        ..E5
    },
];

const E5: Card = Card {
    license: MIT,
    context: Some(512),
    prompts: &[(QUERY, "query: "), (PASSAGE, "passage: ")],
    ..BLANK
};
