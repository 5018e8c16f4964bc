//! What a model is asked for.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::wire::protocol;

/// An operation, as it stands on subjects.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Text to dense vectors.
    #[default]
    Text,
    /// Text to sparse vectors.
    Sparse,
    /// Images to dense vectors.
    Image,
    /// Documents in the order of a query.
    Rerank,
    /// Text to several kinds of vectors in one pass.
    Joint,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Text,
        Self::Sparse,
        Self::Image,
        Self::Rerank,
        Self::Joint,
    ];

    /// Its token on subjects.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => protocol::OP_TEXT,
            Self::Sparse => protocol::OP_SPARSE,
            Self::Image => protocol::OP_IMAGE,
            Self::Rerank => protocol::OP_RERANK,
            Self::Joint => protocol::OP_JOINT,
        }
    }

    /// The operation of a token.
    #[must_use]
    pub fn of(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.as_str() == token)
    }

    /// What a model of it is asked for: itself, and to order documents where it
    /// makes vectors that can be compared.
    #[must_use]
    pub fn also(self) -> &'static [Self] {
        match self {
            Self::Text => &[Self::Text, Self::Rerank],
            Self::Sparse => &[Self::Sparse],
            Self::Image => &[Self::Image],
            Self::Rerank => &[Self::Rerank],
            Self::Joint => &[Self::Joint],
        }
    }

    /// Whether it is the one that is meant where none is named.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not `write_str`, which would ignore a column's width.
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_spelled_alike_on_subjects_in_files_and_as_a_flag() {
        for op in Op::ALL {
            assert_eq!(Op::of(op.as_str()), Some(op));
            assert_eq!(serde_json::to_value(op).unwrap(), op.as_str());
            let flag = op.to_possible_value().unwrap();
            assert_eq!(flag.get_name(), op.as_str());
        }
    }
}
