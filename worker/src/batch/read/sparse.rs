//! `sparse`: weights of vocabulary ids for each text.

use crate::batch::finish::Finish;
use crate::batch::pipeline::Job;
use crate::batch::stage::{Asking, Row, Stage};
use crate::models::Options;
use crate::wire::Error;
use crate::wire::joint::Kind;
use crate::wire::sparse::SparseRequest;
use crate::wire::vectors::Encoding;

/// Ids with a weight that a text is charged for until they are known; SPLADE gives
/// a few hundred.
pub(super) const WEIGHTS: usize = 256;

/// Bytes of one of them.
pub(super) const WEIGHT_BYTES: usize = 8;

impl Stage {
    pub(in crate::batch) fn sparse(&self, job: &Job) -> Result<Asking, Error> {
        let request: SparseRequest = job.call.format.decode(&job.body)?;
        self.demand(request.space.as_deref(), &self.facts.space)?;
        let truncate = request.truncate.unwrap_or(true);
        let is_query = request.query.unwrap_or(false);
        if is_query && !self.facts.weighs_queries {
            return Err(Error::invalid(
                "query: this model has no weights of words; queries run as documents do",
            ));
        }
        let row = |text: &String| match is_query {
            true => self.weigh(text, truncate),
            false => self.tokenize(text, truncate).map(Row::Run),
        };
        Ok(Asking {
            rows: request.inputs.iter().map(row).collect(),
            options: Options::default(),
            shape: self.facts.shape,
            space: self.facts.space.clone(),
            encoding: Encoding::F32,
            finish: Finish::Vectors(&[Kind::Sparse]),
            meta: request.meta,
            memo: None,
            bytes_of_row: WEIGHTS * WEIGHT_BYTES,
        })
    }

    fn weigh(&self, text: &str, truncate: bool) -> Result<Row, Error> {
        let mut weights = None;
        let tokens = self.checked(text, truncate, || {
            let weighed = self.tokenizer.weigh(text)?;
            let (tokens, row) = weighed.unwrap_or_default();
            weights = Some(row);
            Ok(tokens)
        })?;
        Ok(Row::Weighed(tokens, weights.unwrap_or_default()))
    }
}
