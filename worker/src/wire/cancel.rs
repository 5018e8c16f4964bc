//! Attempts, and word of those that are given up.

use std::fmt;

use serde::de::{Deserializer, Error as _};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::de;
use super::protocol::MAX_CANCEL_ATTEMPTS;

/// Hexadecimal digits of an id.
const DIGITS: usize = 32;

/// The name of one attempt, 128 bits: random, so that nobody names what another
/// sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttemptId(u128);

impl AttemptId {
    /// Reads 32 hexadecimal digits in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_id = text.len() == DIGITS && text.bytes().all(is_digit);
        let id = is_id.then(|| u128::from_str_radix(text, 16).ok())?;
        id.map(Self)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$x}", self.0)
    }
}

impl Serialize for AttemptId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Attempts whose answers nobody waits for any more
/// (`schemas/cancel-request.schema.json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// One to 256 of them.
    #[serde(deserialize_with = "attempts")]
    pub attempts: Vec<AttemptId>,
}

fn attempts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<AttemptId>, D::Error> {
    let ids = de::strings(from)?;
    if !(1..=MAX_CANCEL_ATTEMPTS).contains(&ids.len()) {
        let fault = format!("{} ids, not 1 to {MAX_CANCEL_ATTEMPTS}", ids.len());
        return Err(D::Error::custom(fault));
    }
    let read = |(at, id): (usize, &String)| {
        let fault = || D::Error::custom(format!("id {at} is not {DIGITS} hexadecimal digits"));
        AttemptId::parse(id).ok_or_else(fault)
    };
    ids.iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_and_written_alike() {
        for id in [
            "00000000000000000000000000000000",
            "0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(AttemptId::parse(id).unwrap().to_string(), id);
        }
    }

    #[test]
    fn what_is_not_32_digits_in_lower_case_is_no_id() {
        for text in [
            "",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdef0",
            "0123456789ABCDEF0123456789ABCDEF",
            "+123456789abcdef0123456789abcdef",
            "0123456789abcdef0123456789abcde\u{e9}",
        ] {
            assert_eq!(AttemptId::parse(text), None, "{text:?}");
        }
    }
}
