//! A sign of life between a request and its reply.

use serde::{Deserialize, Serialize};

use super::de;

/// Sent each second to a caller who accepts it, until the reply
/// (`schemas/alive-frame.schema.json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliveFrame {
    /// Always true.
    pub alive: bool,
    /// The worker that has the request.
    #[serde(deserialize_with = "de::string")]
    pub instance: String,
}
