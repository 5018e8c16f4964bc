//! What decides what a row gives, besides the model.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::models::{Input, Options, Row};

/// Equal contents are equal rows, and are computed once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Content {
    pub(super) payload: Payload,
    pub(super) options: Options,
}

/// What goes in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Payload {
    /// Token ids, and where the second text of a pair starts.
    Tokens { ids: Arc<[u32]>, second: usize },
    /// An image.
    Image(Image),
}

/// An image of its model's size, told from others by the bytes that it was.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) pixels: Arc<[u8]>,
    /// SHA-256 of the file.
    pub(super) digest: [u8; 32],
    /// What running it costs, in tokens of a text model of the same size.
    pub(super) tokens: usize,
}

impl PartialEq for Image {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Image {}

impl Hash for Image {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl Content {
    /// What the plan takes it for.
    pub(super) fn tokens(&self) -> usize {
        match &self.payload {
            Payload::Tokens { ids, .. } => ids.len(),
            Payload::Image(image) => image.tokens,
        }
    }

    /// As the model takes it.
    pub(super) fn row(&self) -> Row<'_> {
        Row {
            input: match &self.payload {
                Payload::Tokens { ids, second } => Input::Tokens {
                    ids,
                    second: *second,
                },
                Payload::Image(image) => Input::Pixels(&image.pixels),
            },
            options: self.options,
        }
    }
}
