//! `rerank`: documents in the order of a query, by a cross-encoder's scores or by
//! the cosine of vectors.

use crate::batch::finish::Finish;
use crate::batch::pipeline::Job;
use crate::batch::stage::{Asking, Row, Stage};
use crate::models::Options;
use crate::wire::reply::{FRAME_BYTES, meta_bytes};
use crate::wire::rerank::RerankRequest;
use crate::wire::vectors::Encoding;
use crate::wire::{Error, protocol};

impl Stage {
    /// By a cross-encoder: the query is tokenized once.
    pub(in crate::batch) fn pairs(&self, job: &Job) -> Result<Asking, Error> {
        let request = self.read_rerank(job)?;
        let truncate = request.truncate.unwrap_or(true);
        too_long(&request.query)?;
        let beside = self.tokenizer.beside(&request.query)?;
        let mut rows = Vec::with_capacity(request.documents.len());
        for text in &request.documents {
            // Each of them costs the query's length too, and there may be many.
            self.still_wanted(job)?;
            let tokens = self.checked(text, truncate, || beside.tokenize(text));
            rows.push(tokens.map(Row::Run));
        }
        let documents = documents(&request);
        let finish = Finish::Scores {
            raw: request.raw_scores.unwrap_or(false),
            top_n: request.top_n,
            documents: documents.map(<[String]>::to_vec),
        };
        Ok(self.asking(rows, finish, request))
    }

    /// By a model of dense vectors: the query is the first row. Each text is read
    /// behind the prompt that the model was trained with for it, where it has one.
    pub(in crate::batch) fn compare(&self, job: &Job) -> Result<Asking, Error> {
        let request = self.read_rerank(job)?;
        let truncate = request.truncate.unwrap_or(true);
        let prompts = &self.facts.prompts;
        let (asks, tells) = (protocol::PROMPT_QUERY, protocol::PROMPT_PASSAGE);
        let (asks, tells) = (prompts.text_of(asks), prompts.text_of(tells));
        let told = request.documents.iter().map(|document| (tells, document));
        let texts = std::iter::once((asks, &request.query)).chain(told);
        let row = |(prompt, text): (&str, &String)| {
            let tokens = self.prompted(prompt, text, truncate);
            tokens.map(Row::Run)
        };
        let rows = texts.map(row).collect();
        let documents = documents(&request);
        let finish = Finish::Cosine {
            top_n: request.top_n,
            documents: documents.map(<[String]>::to_vec),
        };
        Ok(self.asking(rows, finish, request))
    }

    fn asking(
        &self,
        rows: Vec<Result<Row, Error>>,
        finish: Finish,
        request: RerankRequest,
    ) -> Asking {
        let given = documents(&request).unwrap_or_default();
        let held: usize = given.iter().map(String::len).sum();
        let bytes_of_row = held.div_ceil(given.len().max(1));
        Asking {
            rows,
            options: Options::default(),
            shape: self.facts.shape,
            space: self.facts.space.clone(),
            encoding: Encoding::F32,
            finish,
            meta: request.meta,
            memo: None,
            bytes_of_row,
        }
    }

    fn read_rerank(&self, job: &Job) -> Result<RerankRequest, Error> {
        let format = job.call.format;
        let request: RerankRequest = format.decode(&job.body)?;
        self.demand(request.space.as_deref(), &self.facts.space)?;
        let meta = meta_bytes(format, request.meta.as_ref());
        request.check_room(format, job.room.single(), FRAME_BYTES + meta)?;
        Ok(request)
    }
}

fn documents(request: &RerankRequest) -> Option<&[String]> {
    let wanted = request.return_documents.unwrap_or(false);
    wanted.then_some(&*request.documents)
}

/// A query that is too long is nobody's item: it fails the request.
fn too_long(query: &str) -> Result<(), Error> {
    if query.len() <= protocol::MAX_INPUT_BYTES {
        return Ok(());
    }
    let message = format!(
        "query: {} bytes, more than {}",
        query.len(),
        protocol::MAX_INPUT_BYTES
    );
    let error = Error::new(crate::wire::ErrorCode::PayloadTooLarge, message);
    Err(error.with_limit(protocol::MAX_INPUT_BYTES))
}
