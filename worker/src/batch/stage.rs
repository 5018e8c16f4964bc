//! What is done with one request, on a tokenizer's thread or where it is awaited:
//! bytes in, items out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::audience::Taker;
use super::memo::{Key, Known, Memo};
use super::pending::{Counted, Pending, Terms};
use super::pipeline::Job;
use super::queue::Queue;
use super::waiting::Asked;
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
    pub(super) memo: Option<Arc<Memo>>,
    pub(super) metrics: ModelMetrics,
}

/// What a request asks of its vectors, as this model has it.
struct Wish<'m> {
    /// What goes before each text.
    prompt: &'m str,
    normalize: bool,
    /// Values that are kept of each vector.
    dimensions: usize,
    encoding: Encoding,
    space: String,
}

/// What is to be done for one text.
enum Row {
    /// Nothing: its vector is remembered.
    Known(Known),
    Run(Tokens),
}

impl Row {
    fn counted(&self) -> Counted {
        match self {
            Self::Known(known) => Counted {
                tokens: known.tokens,
                truncated: known.truncated,
            },
            Self::Run(tokens) => Counted {
                tokens: u32::try_from(tokens.ids.len()).unwrap_or(u32::MAX),
                truncated: tokens.truncated,
            },
        }
    }
}

impl Stage {
    /// Decodes and tokenizes one request and queues its items; a refusal is
    /// its answer. A panic drops the job, which answers it; the thread goes on.
    pub(super) fn take(&self, job: Job) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.decode(job)));
    }

    fn decode(&self, job: Job) {
        let start = Instant::now();
        if !job.interest.lasts(start) {
            self.metrics.expired_request();
            return;
        }
        let (request, wish) = match self.read(&job) {
            Ok(read) => read,
            Err(error) => {
                // The caller may have gone, which is as good as answered.
                let _ = job.reply.send(Err(error));
                return;
            }
        };
        let truncate = request.truncate.unwrap_or(true);
        let Wish {
            prompt,
            normalize,
            dimensions,
            encoding,
            space,
        } = wish;
        let memo = self.memo.as_ref().map(|memo| {
            let keys = request.inputs.iter();
            let keys = keys
                .map(|text| Memo::key(prompt, text, normalize))
                .collect();
            (Arc::clone(memo), keys)
        });
        let known = self.recall(memo.as_ref(), truncate);
        let rows: Vec<Result<Row, Error>> = (request.inputs.iter().enumerate())
            .map(|(at, text)| match known.get(at) {
                Some(Some(known)) => Ok(Row::Known(known.clone())),
                _ => self.tokenize(prompt, text, truncate).map(Row::Run),
            })
            .collect();
        let mut ticket = job.ticket;
        let result_bytes = rows.len() * dimensions * size_of::<f32>();
        let to_run = rows.iter().flatten().map(|row| match row {
            Row::Known(_) => 0,
            Row::Run(tokens) => tokens.ids.len(),
        });
        ticket.correct(to_run.sum(), result_bytes);
        let counted: Vec<Result<Counted, Error>> = (rows.iter())
            .map(|row| row.as_ref().map(Row::counted).map_err(Clone::clone))
            .collect();

        let terms = Terms {
            space,
            encoding,
            normalize,
            meta: request.meta,
            received: job.received,
            interest: job.interest,
            wait: start - job.received,
            tokenize: start.elapsed(),
            memo,
        };
        let pending = Pending::new(terms, dimensions, &counted, ticket, job.reply);
        let owner = Arc::new(pending);
        let to_run = rows.into_iter().enumerate().filter_map(|(at, row)| {
            let tokens = match row.ok()? {
                Row::Known(known) => {
                    owner.recall(at, &known.vector);
                    return None;
                }
                Row::Run(tokens) => tokens,
            };
            let owner = Arc::clone(&owner);
            Some(Asked {
                text: (tokens.ids.into(), normalize),
                lane: job.call.lane,
                taker: Taker { owner, row: at },
            })
        });
        let joined = self.queue.push(to_run.collect::<Vec<_>>());
        self.metrics.deduplicated(joined);
        if !owner.is_wanted(Instant::now()) {
            // What was cancelled meanwhile was not in the queue to be dropped.
            self.queue
                .drop_unwanted(|texts| self.metrics.expired(texts));
        }
    }

    /// What is remembered of each text; nothing of one that was cut where that is
    /// not allowed, whose refusal is the tokenizer's to write.
    fn recall(&self, memo: Option<&(Arc<Memo>, Vec<Key>)>, truncate: bool) -> Vec<Option<Known>> {
        let Some((memo, keys)) = memo else {
            return Vec::new();
        };
        let usable = |known: &Known| truncate || !known.truncated;
        let known: Vec<Option<Known>> = keys
            .iter()
            .map(|key| memo.get(key).filter(usable))
            .collect();
        let hits = known.iter().flatten().count();
        let cut = known.iter().flatten().filter(|known| known.truncated);
        cut.for_each(|_| self.metrics.truncated());
        self.metrics.looked_up(hits, known.len() - hits);
        known
    }

    /// Reads a request and refuses what this model cannot do.
    fn read(&self, job: &Job) -> Result<(TextRequest, Wish<'_>), Error> {
        let format = job.call.format;
        let request: TextRequest = format.decode(&job.body)?;
        let prompt = self.facts.prompts.text(request.prompt.as_deref())?;
        let own = self.facts.dimensions;
        let dimensions = request.dimensions.map_or(own, |wish| wish as usize);
        if dimensions > own {
            let message = format!("dimensions: {dimensions}, and this model has {own}");
            return Err(Error::invalid(message).with_limit(own));
        }
        let normalize = request.normalize.unwrap_or(true);
        let space = self.facts.space_of(normalize, dimensions);
        if request
            .space
            .as_ref()
            .is_some_and(|demanded| *demanded != space)
        {
            let message = format!("these options give vectors of space {space}");
            return Err(Error::new(ErrorCode::SpaceMismatch, message));
        }
        let encoding = encoding(&request, format);
        let meta = meta_bytes(format, request.meta.as_ref());
        let rows = request.inputs.len();
        job.room
            .check(&job.call, encoding, dimensions, rows, meta)?;
        let wish = Wish {
            prompt,
            normalize,
            dimensions,
            encoding,
            space,
        };
        Ok((request, wish))
    }

    /// Tokens of one text behind its prompt.
    fn tokenize(&self, prompt: &str, text: &str, truncate: bool) -> Result<Tokens, Error> {
        if text.len() > protocol::MAX_INPUT_BYTES {
            let message = format!(
                "{} bytes, more than {}",
                text.len(),
                protocol::MAX_INPUT_BYTES
            );
            return Err(Error::new(ErrorCode::PayloadTooLarge, message)
                .with_limit(protocol::MAX_INPUT_BYTES));
        }
        let tokens = if prompt.is_empty() {
            self.tokenizer.tokenize(text)?
        } else {
            self.tokenizer.tokenize(&[prompt, text].concat())?
        };
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
