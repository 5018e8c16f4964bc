//! Vectors of texts that were computed lately.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

/// What tells one text from another: 128 bits of SHA-256, over the text and over
/// what else decides its whole vector. Cut and packed it is only when it is sent.
pub(super) type Key = [u8; 16];

/// Memory of an entry besides its vector, in bytes: key, counts, and the cache's own.
const OVERHEAD: u64 = 96;

/// A text that needs no run.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) vector: Arc<[f32]>,
    pub(super) tokens: u32,
    pub(super) truncated: bool,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Known> for Bytes {
    fn weight(&self, _: &Key, known: &Known) -> u64 {
        size_of_val(&*known.vector) as u64 + OVERHEAD
    }
}

/// A bounded memory of vectors, the ones that are asked for least going first.
pub(super) struct Memo(Cache<Key, Known, Bytes>);

impl Memo {
    /// For vectors of so many dimensions; none where it may take no bytes.
    pub(super) fn of(max_bytes: usize, dimensions: usize) -> Option<Arc<Self>> {
        let entry = dimensions * size_of::<f32>() + OVERHEAD as usize;
        (max_bytes > 0).then(|| {
            let entries = max_bytes.div_ceil(entry);
            Arc::new(Self(Cache::with_weighter(entries, max_bytes as u64, Bytes)))
        })
    }

    pub(super) fn key(prompt: &str, text: &str, normalize: bool) -> Key {
        let digest = Sha256::new()
            .chain_update([u8::from(normalize)])
            // Told apart from a text that begins so: that one may be too long.
            .chain_update(prompt.len().to_le_bytes())
            .chain_update(prompt)
            .chain_update(text)
            .finalize();
        std::array::from_fn(|at| digest[at])
    }

    pub(super) fn get(&self, key: &Key) -> Option<Known> {
        self.0.get(key)
    }

    pub(super) fn insert(&self, key: Key, known: Known) {
        self.0.insert(key, known);
    }

    /// What it takes now.
    pub(super) fn bytes(&self) -> u64 {
        self.0.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(dimensions: usize) -> Known {
        Known {
            vector: vec![0.5; dimensions].into(),
            tokens: 3,
            truncated: false,
        }
    }

    #[test]
    fn a_vector_is_known_by_its_text_and_options() {
        let memo = Memo::of(1 << 20, 8).unwrap();
        memo.insert(Memo::key("", "a", true), known(8));
        assert_eq!(memo.get(&Memo::key("", "a", true)).unwrap().tokens, 3);
        assert!(memo.get(&Memo::key("", "a", false)).is_none());
        assert!(memo.get(&Memo::key("", "b", true)).is_none());
        assert!(memo.get(&Memo::key("a", "", true)).is_none());
        assert!(memo.get(&Memo::key("q: ", "a", true)).is_none());
    }

    #[test]
    fn it_never_takes_more_than_it_may() {
        let max = 1 << 20;
        let memo = Memo::of(max, 384).unwrap();
        for at in 0..10_000 {
            memo.insert(Memo::key("", &at.to_string(), true), known(384));
            assert!(memo.bytes() <= max as u64);
        }
        assert!(memo.bytes() > max as u64 / 2);
        assert!(Memo::of(0, 384).is_none());
    }
}
