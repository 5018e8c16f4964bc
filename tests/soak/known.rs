//! Texts whose vectors are known, so that every answer can be compared.

use crate::harness::{Ask, Caller, Reply};

const TEXTS: usize = 200;

/// Most texts of one request.
const MAX_TEXTS: usize = 10;

/// Texts of the fake model, and their vectors as it gives them undisturbed.
pub(crate) struct Known {
    vectors: Vec<Vec<f32>>,
}

/// Some of them, in any order.
pub(crate) struct Asked<'k> {
    known: &'k Known,
    texts: Vec<usize>,
}

fn text(n: usize) -> String {
    format!("text number {n}")
}

impl Known {
    pub(crate) async fn learn(caller: &Caller) -> Self {
        let texts: Vec<String> = (0..TEXTS).map(text).collect();
        let reply = caller.call(Ask::texts("Fake", &texts)).await.vectors();
        let width = reply.embeddings.dims as usize;
        let values = reply.embeddings.values();
        let vectors: Vec<Vec<f32>> = values.chunks(width).map(<[f32]>::to_vec).collect();
        // Else a row in the wrong place would go unnoticed.
        assert!(vectors.len() == TEXTS && vectors[0] != vectors[1]);
        Self { vectors }
    }

    pub(crate) fn some(&self) -> Asked<'_> {
        let count = rand::random_range(1..=MAX_TEXTS);
        let texts = (0..count).map(|_| rand::random_range(0..TEXTS));
        Asked {
            known: self,
            texts: texts.collect(),
        }
    }
}

impl Asked<'_> {
    pub(crate) fn ask(&self) -> Ask {
        let texts: Vec<String> = self.texts.iter().map(|n| text(*n)).collect();
        Ask::texts("Fake", &texts)
    }

    /// What is wrong with the answer, if it is not these very vectors.
    pub(crate) fn fault(&self, reply: &Reply) -> Option<String> {
        if reply.is_refusal() {
            return Some(format!("refused: {reply}"));
        }
        let vectors = self.texts.iter().map(|n| &self.known.vectors[*n][..]);
        let expected = vectors.collect::<Vec<_>>().concat();
        let is_right = reply.vectors().embeddings.values() == expected;
        (!is_right).then(|| format!("not the vectors of texts {:?}", self.texts))
    }
}
