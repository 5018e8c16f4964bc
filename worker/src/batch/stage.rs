//! What a tokenizer thread does with one request: bytes in, items out.

use std::sync::Arc;
use std::time::Instant;

use super::audience::Taker;
use super::pending::{Pending, Terms};
use super::pipeline::Job;
use super::queue::{Asked, Queue};
use crate::models::{Facts, Tokenize, Tokens};
use crate::telemetry::metrics::ModelMetrics;
use crate::wire::reply::meta_bytes;
use crate::wire::text::TextRequest;
use crate::wire::vectors::Encoding;
use crate::wire::{Error, ErrorCode, Format, protocol};

/// The stage between admission and the queue.
pub(super) struct Stage {
    pub(super) facts: Arc<Facts>,
    pub(super) tokenizer: Arc<dyn Tokenize>,
    pub(super) queue: Arc<Queue>,
    pub(super) metrics: ModelMetrics,
}

impl Stage {
    /// Decodes and tokenizes one request and queues its items; a refusal is
    /// its answer.
    pub(super) fn take(&self, job: Job) {
        let start = Instant::now();
        if !job.interest.lasts(start) {
            self.metrics.expired_request();
            return;
        }
        let request = match self.read(&job) {
            Ok(request) => request,
            Err(error) => {
                // The caller may have gone, which is as good as answered.
                let _ = job.reply.send(Err(error));
                return;
            }
        };
        let truncate = request.truncate.unwrap_or(true);
        let items: Vec<Result<Tokens, Error>> = request
            .inputs
            .iter()
            .map(|text| self.tokenize(text, truncate))
            .collect();
        let mut ticket = job.ticket;
        let result_bytes = items.len() * self.facts.dimensions * size_of::<f32>();
        let tokens = items.iter().flatten().map(|tokens| tokens.ids.len()).sum();
        ticket.correct(tokens, result_bytes);

        let normalize = request.normalize.unwrap_or(true);
        let terms = Terms {
            space: self.facts.space_of(normalize),
            encoding: encoding(&request, job.call.format),
            meta: request.meta,
            received: job.received,
            interest: job.interest,
            wait: start - job.received,
            tokenize: start.elapsed(),
        };
        let pending = Pending::new(terms, self.facts.dimensions, &items, ticket, job.reply);
        let owner = Arc::new(pending);
        let rows = items.into_iter().enumerate().filter_map(|(row, item)| {
            let text = (item.ok()?.ids.into(), normalize);
            let owner = Arc::clone(&owner);
            Some(Asked {
                text,
                lane: job.call.lane,
                taker: Taker { owner, row },
            })
        });
        let joined = self.queue.push(rows);
        self.metrics.deduplicated(joined);
        if !owner.is_wanted(Instant::now()) {
            // What was cancelled meanwhile was not in the queue to be dropped.
            self.queue
                .drop_unwanted(|texts| self.metrics.expired(texts));
        }
    }

    /// Reads a request and refuses what this model cannot do.
    fn read(&self, job: &Job) -> Result<TextRequest, Error> {
        let format = job.call.format;
        let request: TextRequest = format.decode(&job.body)?;
        let encoding = encoding(&request, format);
        if !Encoding::SERVED.contains(&encoding) {
            let served: Vec<&str> = Encoding::SERVED
                .iter()
                .map(|served| served.name())
                .collect();
            return Err(Error::invalid(format!(
                "encoding {} is not served here; served are {}",
                encoding.name(),
                served.join(", ")
            )));
        }
        if let Some(prompt) = &request.prompt {
            return Err(Error::invalid(format!(
                "prompt {prompt:?}: this model has no prompts"
            )));
        }
        if request
            .dimensions
            .is_some_and(|wish| wish as usize != self.facts.dimensions)
        {
            let message = format!(
                "dimensions: this model has {} and no others",
                self.facts.dimensions
            );
            return Err(Error::invalid(message).with_limit(self.facts.dimensions));
        }
        let space = self.facts.space_of(request.normalize.unwrap_or(true));
        if request
            .space
            .as_ref()
            .is_some_and(|demanded| *demanded != space)
        {
            let message = format!("these options give vectors of space {space}");
            return Err(Error::new(ErrorCode::SpaceMismatch, message));
        }
        let meta = meta_bytes(format, request.meta.as_ref());
        let rows = request.inputs.len();
        job.room
            .check(&job.call, encoding, self.facts.dimensions, rows, meta)?;
        Ok(request)
    }

    fn tokenize(&self, text: &str, truncate: bool) -> Result<Tokens, Error> {
        if text.len() > protocol::MAX_INPUT_BYTES {
            let message = format!(
                "{} bytes, more than {}",
                text.len(),
                protocol::MAX_INPUT_BYTES
            );
            return Err(Error::new(ErrorCode::PayloadTooLarge, message)
                .with_limit(protocol::MAX_INPUT_BYTES));
        }
        let tokens = self.tokenizer.tokenize(text)?;
        if tokens.ids.is_empty() {
            // A row without tokens would fail the batch of others with it.
            return Err(Error::invalid("the text has no tokens for this model"));
        }
        if tokens.truncated && !truncate {
            let message = format!(
                "more than {} tokens, and truncate is false",
                self.facts.max_tokens
            );
            return Err(
                Error::new(ErrorCode::InputTooLong, message).with_limit(self.facts.max_tokens)
            );
        }
        if tokens.truncated {
            self.metrics.truncated();
        }
        Ok(tokens)
    }
}

/// Packed for programs, lists for people, unless the request says otherwise.
fn encoding(request: &TextRequest, format: Format) -> Encoding {
    request.encoding.unwrap_or(match format {
        Format::MsgPack => Encoding::F32,
        Format::Json => Encoding::Array,
    })
}
