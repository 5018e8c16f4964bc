//! Mixedbread.

use super::{APACHE, BLANK, Card, Op::Text, REPRESENT};

pub(super) const CARDS: &[Card] = &[Card {
    page: "mixedbread-ai/mxbai-embed-large-v1",
    exports: &[(Text, "MxbaiEmbedLargeV1")],
    smaller: &[(Text, "MxbaiEmbedLargeV1Q")],
    license: APACHE,
    context: Some(512),
    prompts: REPRESENT,
    // Its card cuts to this one; other lengths it does not name.
    matryoshka: &[1024, 512],
    ..BLANK
}];
