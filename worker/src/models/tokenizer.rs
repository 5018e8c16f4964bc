//! The model's own tokenizer.

use tokenizers::{Tokenizer as Library, TruncationParams};

use super::{Tokenize, Tokens};
use crate::wire::{self, ErrorCode};

/// A tokenizer file, set to cut at the model's maximum and never to pad: a
/// batch is padded where it is formed.
pub struct Tokenizer(Library);

impl Tokenizer {
    /// Reads a `tokenizer.json`; its own truncation and padding do not count.
    ///
    /// # Errors
    /// The library's reason, as text.
    pub fn from_bytes(bytes: &[u8], max_tokens: usize) -> Result<Self, String> {
        let mut library = Library::from_bytes(bytes).map_err(|fault| fault.to_string())?;
        library.with_padding(None);
        library
            .with_truncation(Some(TruncationParams {
                max_length: max_tokens,
                ..TruncationParams::default()
            }))
            .map_err(|fault| fault.to_string())?;
        Ok(Self(library))
    }
}

impl Tokenize for Tokenizer {
    fn tokenize(&self, text: &str) -> Result<Tokens, wire::Error> {
        // `encode_fast` leaves out the offsets, which nobody here reads.
        let encoding = self
            .0
            .encode_fast(text, true)
            .map_err(|_| wire::Error::new(ErrorCode::Internal, "the tokenizer failed"))?;
        Ok(Tokens {
            ids: encoding.get_ids().to_vec(),
            truncated: !encoding.get_overflowing().is_empty(),
        })
    }
}
