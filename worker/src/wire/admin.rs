//! Operators' verbs: what they name, and what comes of it.

use serde::{Deserialize, Serialize};

use super::de;

/// A model to load or unload (`schemas/admin-request.schema.json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminRequest {
    /// The operation that it serves.
    #[serde(deserialize_with = "de::string")]
    pub op: String,
    /// Its name on subjects.
    #[serde(deserialize_with = "de::string")]
    pub model: String,
    /// The one worker that is to obey; all, where none is named.
    #[serde(
        default,
        deserialize_with = "de::present_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub instance: Option<String>,
}

/// What became of it in one worker (`schemas/admin-reply.schema.json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminReply {
    /// The worker that obeyed.
    #[serde(deserialize_with = "de::string")]
    pub instance: String,
    /// As in the request.
    #[serde(deserialize_with = "de::string")]
    pub op: String,
    /// As in the request.
    #[serde(deserialize_with = "de::string")]
    pub model: String,
    /// How far it is loaded now: `loaded`, `loading`, `unloading` or `unloaded`.
    #[serde(deserialize_with = "de::string")]
    pub state: String,
    /// What its vectors mean, of a model that is loaded.
    #[serde(
        default,
        deserialize_with = "de::present_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub space: Option<String>,
}
