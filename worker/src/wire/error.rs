//! A refusal in the wire's own terms.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use super::{ErrorCode, de};

/// Longest message in a refusal, in bytes: some quote the caller's own bytes.
const MAX_MESSAGE_BYTES: usize = 300;

/// The beginning of a message; what is too long is never written.
pub(super) fn cut(message: impl fmt::Display) -> String {
    struct Cut(String);
    impl fmt::Write for Cut {
        fn write_str(&mut self, more: &str) -> fmt::Result {
            let room = MAX_MESSAGE_BYTES - self.0.len();
            self.0.push_str(&more[..more.floor_char_boundary(room)]);
            if more.len() > room {
                Err(fmt::Error)
            } else {
                Ok(())
            }
        }
    }
    let mut beginning = Cut(String::new());
    // Its one error means that there is no more room.
    let _ = write!(beginning, "{message}");
    beginning.0
}

/// Why a request, or one item of it, got no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.name())]
pub struct Error {
    /// The row of `schemas/errors.json`.
    pub code: ErrorCode,
    /// What was wrong with this call, for a person. At most 300 bytes.
    pub message: String,
    /// Milliseconds after which another try makes sense.
    pub retry_after_ms: Option<u32>,
    /// The limit that was hit, in the unit that the message names.
    pub limit: Option<u64>,
}

impl Error {
    /// A refusal; a message that is too long is cut. One that quotes a caller's
    /// bytes comes as `format_args!`, so that it is cut before it is written.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: cut(message),
            retry_after_ms: None,
            limit: None,
        }
    }

    /// `invalid_request` with a message.
    #[must_use]
    pub fn invalid(message: impl fmt::Display) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// `cancelled`: the caller gave the attempt up.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(ErrorCode::Cancelled, "the caller gave this attempt up")
    }

    /// Names the limit that was hit.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = u64::try_from(limit).ok();
        self
    }

    /// Says when another try makes sense.
    #[must_use]
    pub fn with_retry_after_ms(mut self, retry_after_ms: u32) -> Self {
        self.retry_after_ms = Some(retry_after_ms);
        self
    }

    /// The document that carries this refusal.
    #[must_use]
    pub fn to_reply(&self) -> ErrorReply {
        ErrorReply {
            code: u32::from(self.code.number()),
            name: self.code.name().to_owned(),
            message: self.message.clone(),
            retry: self.code.retry().name().to_owned(),
            retry_after_ms: self.retry_after_ms,
            limit: self.limit,
        }
    }
}

/// The body of a refusal (`schemas/error-reply.schema.json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// The error's number.
    pub code: u32,
    /// The error's name; clients match this.
    #[serde(deserialize_with = "de::string")]
    pub name: String,
    /// What was wrong with this call.
    #[serde(deserialize_with = "de::string")]
    pub message: String,
    /// `never`, `elsewhere` or `once`.
    #[serde(deserialize_with = "de::retry")]
    pub retry: String,
    /// Milliseconds after which another try makes sense.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub retry_after_ms: Option<u32>,
    /// The limit that was hit.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub limit: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_at_a_character_not_inside_one() {
        let error = Error::invalid("é".repeat(400));
        assert_eq!(error.message.len(), MAX_MESSAGE_BYTES);
        assert!(error.message.chars().all(|c| c == 'é'));
    }

    #[test]
    fn what_follows_a_full_message_is_not_written() {
        let long = "é".repeat(149);
        let error = Error::invalid(format_args!("{long}é{}{long}", 7));
        assert_eq!(error.message, "é".repeat(150));
    }
}
