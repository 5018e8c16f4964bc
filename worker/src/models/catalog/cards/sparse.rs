//! Sparse encoders.

use super::{APACHE, BLANK, Card, Op::Sparse};

pub(super) const CARDS: &[Card] = &[
    Card {
        page: "prithivida/Splade_PP_en_v1",
        exports: &[(Sparse, "SPLADEPPV1")],
        license: APACHE,
        ..BLANK
    },
    Card {
        page: "opensearch-project/opensearch-neural-sparse-encoding-doc-v3-gte",
        exports: &[(Sparse, "OpenSearchNeuralSparseDocV3Gte")],
        license: APACHE,
        ..BLANK
    },
];
