//! The `rerank` operation: documents in the order of a query.

use serde::{Deserialize, Serialize};

use super::meta::Meta;
use super::{Error, Format, de};

/// A call for documents in the order of a query
/// (`schemas/rerank-request.schema.json`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RerankRequest {
    /// What is looked for.
    #[serde(deserialize_with = "de::string")]
    pub query: String,
    /// One to 4,096 documents.
    #[serde(deserialize_with = "de::documents")]
    pub documents: Vec<String>,
    /// Give so many, the best; all by default.
    #[serde(
        default,
        deserialize_with = "de::top_n",
        skip_serializing_if = "Option::is_none"
    )]
    pub top_n: Option<u32>,
    /// Give the documents too.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub return_documents: Option<bool>,
    /// Scores as the model gives them, in place of their sigmoid.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub raw_scores: Option<bool>,
    /// Cut what exceeds the model's maximum (the default), or fail that item.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub truncate: Option<bool>,
    /// The space that the scores must belong to.
    #[serde(
        default,
        deserialize_with = "de::present_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub space: Option<String>,
    /// Echoed.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta>,
}

/// What a score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreKind {
    /// A cross-encoder's logit, squeezed between 0 and 1.
    Sigmoid,
    /// A cross-encoder's logit.
    Logit,
    /// Cosine similarity of two vectors.
    Cosine,
}

/// One document in its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// Its position in the request.
    pub index: u32,
    /// How relevant it is; more is more.
    pub score: f32,
    /// The document, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

/// Documents, best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// At most `top_n`; those that failed are left out.
    pub results: Vec<Ranked>,
    /// What their scores are.
    pub kind: ScoreKind,
}

impl Ranking {
    /// The best `top_n` of `scores`, one for each document that has one; equal
    /// scores in the order of the request.
    #[must_use]
    pub fn of(scores: &[Option<f32>], kind: ScoreKind, top_n: Option<u32>) -> Self {
        let scored = scores.iter().zip(0_u32..);
        let mut results: Vec<Ranked> = scored
            .filter_map(|(score, index)| {
                score.map(|score| Ranked {
                    index,
                    // No zero below another: those are ties.
                    score: score + 0.0,
                    document: None,
                })
            })
            .collect();
        results.sort_by(|one, other| other.score.total_cmp(&one.score));
        results.truncate(top_n.map_or(usize::MAX, |most| most as usize));
        Self { results, kind }
    }

    /// Puts the documents beside their scores.
    #[must_use]
    pub fn with_documents(mut self, mut documents: Vec<String>) -> Self {
        for ranked in &mut self.results {
            let document = documents.get_mut(ranked.index as usize);
            ranked.document = document.map(std::mem::take);
        }
        self
    }
}

/// Upper bound of what a document's entry takes without the document: keys, index,
/// score, token count and truncation mark.
const ENTRY_BYTES: usize = 96;

impl RerankRequest {
    /// Refuses a request whose reply could not be sent, before any work: it is one
    /// document, also for those who accept parts. `room` is in bytes.
    ///
    /// # Errors
    /// `payload_too_large`, with the bytes that a reply may take.
    pub fn check_room(&self, format: Format, room: usize, frame: usize) -> Result<(), Error> {
        let most = self.top_n.map_or(usize::MAX, |most| most as usize);
        let given = self.return_documents.unwrap_or(false);
        let mut sizes: Vec<usize> = (self.documents.iter())
            .map(|document| match (given, format) {
                (false, _) => 0,
                (true, Format::MsgPack) => document.len(),
                (true, Format::Json) => 6 * document.len(),
            })
            .collect();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        let texts: usize = sizes.iter().take(most).sum();
        let needed = frame + texts + self.documents.len() * ENTRY_BYTES;
        if needed <= room {
            return Ok(());
        }
        let message = format!(
            "the reply takes up to {needed} bytes, and {room} fit; send fewer documents, or leave return_documents out"
        );
        Err(Error::new(super::ErrorCode::PayloadTooLarge, message).with_limit(room))
    }
}

/// The logistic function.
#[must_use]
pub fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_equal_ones_in_the_order_of_the_request() {
        let scores = [Some(0.5), None, Some(0.9), Some(0.5), Some(-1.0)];
        let ranking = Ranking::of(&scores, ScoreKind::Logit, Some(3));
        let order: Vec<u32> = ranking.results.iter().map(|ranked| ranked.index).collect();
        assert_eq!(order, [2, 0, 3]);
    }

    #[test]
    fn documents_go_with_their_scores() {
        let ranking = Ranking::of(&[Some(0.1), Some(0.2)], ScoreKind::Cosine, None);
        let ranking = ranking.with_documents(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(ranking.results[0].document.as_deref(), Some("b"));
    }

    #[test]
    fn no_documents_and_no_results_are_refused() {
        for text in [
            r#"{"query":"a","documents":[]}"#,
            r#"{"query":"a","documents":["b"],"top_n":0}"#,
        ] {
            assert!(
                Format::Json
                    .decode::<RerankRequest>(text.as_bytes())
                    .is_err()
            );
        }
    }
}
