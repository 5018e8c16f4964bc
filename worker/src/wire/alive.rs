//! A sign of life between a request and its reply.

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::de;

/// Sent each second to a caller who accepts it, until the reply
/// (`schemas/alive-frame.schema.json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliveFrame {
    /// Always true.
    #[serde(deserialize_with = "always")]
    pub alive: bool,
    /// The worker that has the request.
    #[serde(deserialize_with = "de::string")]
    pub instance: String,
}

/// True, which is all that can be said.
fn always<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    if bool::deserialize(from)? {
        Ok(true)
    } else {
        Err(D::Error::custom("alive is false"))
    }
}
