//! The model's own tokenizer.

use std::collections::BTreeMap;

use tokenizers::{Encoding, PostProcessor as _, Tokenizer as Library, TruncationDirection};

use super::{Beside, SparseRow, Tokenize, Tokens};
use crate::wire::{self, ErrorCode};

/// A tokenizer file, set to cut at the model's maximum and never to pad: a
/// batch is padded where it is formed.
pub struct Tokenizer {
    /// It does not cut by itself, since pairs are put together of what it gave.
    library: Library,
    max_tokens: usize,
    /// Weights of ids, of a model whose queries need no run.
    query_weights: Option<BTreeMap<u32, f32>>,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`; its own truncation and padding do not count.
    ///
    /// # Errors
    /// The library's reason, as text.
    pub fn from_bytes(bytes: &[u8], max_tokens: usize) -> Result<Self, String> {
        let mut library = Library::from_bytes(bytes).map_err(|fault| fault.to_string())?;
        library.with_padding(None);
        library
            .with_truncation(None)
            .map_err(|fault| fault.to_string())?;
        let tokenizer = Self {
            library,
            max_tokens,
            query_weights: None,
        };
        if max_tokens <= tokenizer.special(false) {
            return Err(format!(
                "max_length {max_tokens} leaves no room for a token"
            ));
        }
        Ok(tokenizer)
    }

    /// Reads an `idf.json`: the weight of each token's text.
    ///
    /// # Errors
    /// The reason, as text.
    pub fn with_query_weights(mut self, bytes: &[u8]) -> Result<Self, String> {
        let weights: BTreeMap<String, f32> =
            serde_json::from_slice(bytes).map_err(|fault| fault.to_string())?;
        let special = self.special_ids();
        let known = weights.into_iter().filter_map(|(token, weight)| {
            let id = self.library.token_to_id(&token)?;
            let is_word = special.binary_search(&id).is_err() && weight != 0.0;
            is_word.then_some((id, weight))
        });
        self.query_weights = Some(known.collect());
        Ok(self)
    }

    /// Ids of what stands for no word, rising.
    #[must_use]
    pub fn special_ids(&self) -> Vec<u32> {
        let added = self.library.get_added_tokens_decoder();
        let special = added.iter().filter(|(_, token)| token.special);
        let mut ids: Vec<u32> = special.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// Words of the smallest vocabulary that has all of its ids.
    #[must_use]
    pub fn words(&self) -> usize {
        let ids = self.library.get_vocab(true).into_values();
        ids.max().map_or(0, |highest| highest as usize + 1)
    }

    /// The id of a token's text, if it has one.
    #[must_use]
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.library.token_to_id(token)
    }

    /// Special tokens that are added to a text, or to a pair.
    fn special(&self, pair: bool) -> usize {
        let processor = self.library.get_post_processor();
        processor.map_or(0, |processor| processor.added_tokens(pair))
    }

    /// The tokens of one text, neither cut nor with special ones.
    fn encode(&self, text: &str) -> Result<Encoding, wire::Error> {
        // `encode_fast` leaves out the offsets, which nobody here reads.
        let encoding = self.library.encode_fast(text, false);
        encoding.map_err(|_| failed())
    }

    /// Adds special tokens to what has been cut.
    fn finish(
        &self,
        first: Encoding,
        second: Option<Encoding>,
        truncated: bool,
    ) -> Result<Tokens, wire::Error> {
        let encoding = self.library.post_process(first, second, true);
        let encoding = encoding.map_err(|_| failed())?;
        let second = encoding.get_type_ids().iter().position(|kind| *kind == 1);
        let ids = encoding.get_ids().to_vec();
        Ok(Tokens {
            second: second.unwrap_or(ids.len()),
            ids,
            truncated,
        })
    }
}

/// Keeps the first `most` tokens. What the library sets aside of the rest is let
/// go: of a pair it would put together every piece of one with every piece of the
/// other.
fn cut(encoding: &mut Encoding, most: usize) {
    encoding.truncate(most, 0, TruncationDirection::Right);
    encoding.take_overflowing();
}

/// Tokens that a pair of such lengths keeps, the longer one being cut first
/// (`longest_first` of Hugging Face's tokenizers, utils/truncation.rs).
fn kept(query: usize, document: usize, room: usize) -> (usize, usize) {
    if query + document <= room {
        return (query, document);
    }
    let short = query.min(document).min(room / 2);
    if query > document {
        (room - short, short)
    } else {
        (short, room - short)
    }
}

fn failed() -> wire::Error {
    wire::Error::new(ErrorCode::Internal, "the tokenizer failed")
}

impl Tokenize for Tokenizer {
    fn tokenize(&self, text: &str) -> Result<Tokens, wire::Error> {
        let mut encoding = self.encode(text)?;
        let room = self.max_tokens.saturating_sub(self.special(false));
        let truncated = encoding.len() > room;
        cut(&mut encoding, room);
        self.finish(encoding, None, truncated)
    }

    fn beside(&self, query: &str) -> Result<Box<dyn Beside + '_>, wire::Error> {
        let mut query = self.encode(query)?;
        let room = self.max_tokens.saturating_sub(self.special(true));
        let whole = query.len();
        // No pair keeps more of it, and every pair takes a copy.
        cut(&mut query, room);
        Ok(Box::new(Pairs {
            tokenizer: self,
            query,
            whole,
            room,
        }))
    }

    fn weigh(&self, query: &str) -> Result<Option<(Tokens, SparseRow)>, wire::Error> {
        let Some(weights) = &self.query_weights else {
            return Ok(None);
        };
        let tokens = self.tokenize(query)?;
        let mut ids = tokens.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        let known = |id: &u32| weights.get(id).map(|weight| (*id, *weight));
        let (indices, values) = ids.iter().filter_map(known).unzip();
        Ok(Some((tokens, SparseRow { indices, values })))
    }
}

/// One query, and any document.
struct Pairs<'a> {
    tokenizer: &'a Tokenizer,
    query: Encoding,
    /// Tokens that the query had before it was cut.
    whole: usize,
    /// Tokens of both together, special ones left out.
    room: usize,
}

impl Beside for Pairs<'_> {
    fn tokenize(&self, document: &str) -> Result<Tokens, wire::Error> {
        let mut document = self.tokenizer.encode(document)?;
        let both = (self.whole, document.len());
        let (of_query, of_document) = kept(both.0, both.1, self.room);
        let mut query = self.query.clone();
        cut(&mut query, of_query);
        cut(&mut document, of_document);
        let truncated = (of_query, of_document) != both;
        self.tokenizer.finish(query, Some(document), truncated)
    }
}

#[cfg(test)]
mod tests {
    use tokenizers::utils::truncation::truncate_encodings;
    use tokenizers::{Token, TruncationParams};

    use super::*;

    fn of_length(tokens: u32) -> Encoding {
        let token = |id| Token::new(id, "a".to_owned(), (0, 1));
        Encoding::from_tokens((0..tokens).map(token).collect(), 0)
    }

    #[test]
    fn pairs_are_cut_as_the_library_cuts_them() {
        for room in 1..12 {
            for (query, document) in (0..16).flat_map(|one| (0..16).map(move |two| (one, two))) {
                let params = TruncationParams {
                    max_length: room,
                    ..TruncationParams::default()
                };
                let pair = (of_length(query), Some(of_length(document)));
                let (one, two) = truncate_encodings(pair.0, pair.1, &params).unwrap();
                let theirs = (one.len(), two.unwrap().len());
                let ours = kept(query as usize, document as usize, room);
                assert_eq!(ours, theirs, "{query} and {document} in {room}");
            }
        }
    }
}
