//! Snowflake.

use super::{APACHE, BLANK, Card, Op::Text, REPRESENT};

pub(super) const CARDS: &[Card] = &[
    Card {
        page: "Snowflake/snowflake-arctic-embed-xs",
        exports: &[(Text, "SnowflakeArcticEmbedXS")],
        smaller: &[(Text, "SnowflakeArcticEmbedXSQ")],
        ..ARCTIC
    },
    Card {
        page: "Snowflake/snowflake-arctic-embed-s",
        exports: &[(Text, "SnowflakeArcticEmbedS")],
        smaller: &[(Text, "SnowflakeArcticEmbedSQ")],
        ..ARCTIC
    },
    Card {
        page: "Snowflake/snowflake-arctic-embed-m",
        exports: &[(Text, "SnowflakeArcticEmbedM")],
        smaller: &[(Text, "SnowflakeArcticEmbedMQ")],
        ..ARCTIC
    },
    Card {
        page: "Snowflake/snowflake-arctic-embed-m-long",
        exports: &[(Text, "SnowflakeArcticEmbedMLong")],
        smaller: &[(Text, "SnowflakeArcticEmbedMLongQ")],
        context: Some(2048),
        ..ARCTIC
    },
    Card {
        page: "Snowflake/snowflake-arctic-embed-l",
        exports: &[(Text, "SnowflakeArcticEmbedL")],
        smaller: &[(Text, "SnowflakeArcticEmbedLQ")],
        ..ARCTIC
    },
];

const ARCTIC: Card = Card {
    license: APACHE,
    context: Some(512),
    prompts: REPRESENT,
    ..BLANK
};
