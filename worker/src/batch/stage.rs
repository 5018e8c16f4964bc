//! What is done with one request, on a tokenizer's thread or where it is awaited:
//! bytes in, items out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::audience::Taker;
use super::content::{Content, Image, Payload};
use super::finish::Finish;
use super::memo::{Key, Known, Memo};
use super::objects::hand_over;
use super::pending::{Counted, Pending, Terms};
use super::pipeline::Job;
use super::queue::Queue;
use super::waiting::Asked;
use crate::models::{Facts, Op, Options, Shape, SparseRow, Tokenize, Tokens};
use crate::telemetry::metrics::ModelMetrics;
use crate::wire::image::Object;
use crate::wire::meta::Meta;
use crate::wire::vectors::Encoding;
use crate::wire::{Error, ErrorCode, protocol};

/// The stage between admission and the queue.
pub(super) struct Stage {
    pub(super) facts: Arc<Facts>,
    pub(super) tokenizer: Arc<dyn Tokenize>,
    pub(super) queue: Arc<Queue>,
    pub(super) memo: Option<Arc<Memo>>,
    pub(super) metrics: ModelMetrics,
}

/// What is to be done for one row.
pub(super) enum Row {
    /// Nothing: its vector is remembered.
    Known(Known),
    /// Nothing: its weights need no run.
    Weighed(Tokens, SparseRow),
    Run(Tokens),
    Look(Image),
}

impl Row {
    fn counted(&self) -> Counted {
        match self {
            Self::Known(known) => Counted {
                tokens: known.tokens,
                truncated: known.truncated,
            },
            Self::Weighed(tokens, _) | Self::Run(tokens) => Counted {
                tokens: u32::try_from(tokens.ids.len()).unwrap_or(u32::MAX),
                truncated: tokens.truncated,
            },
            Self::Look(_) => Counted {
                tokens: 0,
                truncated: false,
            },
        }
    }

    /// Tokens, special ones included.
    pub(super) fn length(&self) -> usize {
        self.counted().tokens as usize
    }

    fn tokens_to_run(&self) -> usize {
        match self {
            Self::Known(_) | Self::Weighed(..) => 0,
            Self::Run(tokens) => tokens.ids.len(),
            Self::Look(image) => image.tokens,
        }
    }
}

/// What a request comes to.
pub(super) enum Step {
    Run(Asking),
    /// Its files are to be read first.
    Fetch(Vec<Object>),
}

/// A request as it was read: its rows, and how they become an answer.
pub(super) struct Asking {
    pub(super) rows: Vec<Result<Row, Error>>,
    pub(super) options: Options,
    /// What is kept of each row.
    pub(super) shape: Shape,
    pub(super) space: String,
    pub(super) encoding: Encoding,
    pub(super) finish: Finish,
    pub(super) meta: Option<Meta>,
    /// Where vectors are remembered, and by which key for each row.
    pub(super) memo: Option<(Arc<Memo>, Vec<Key>)>,
    /// Most bytes that the results of a row take in memory, besides its dense vector.
    pub(super) bytes_of_row: usize,
}

impl Stage {
    /// Decodes and tokenizes one request and queues its items; a refusal is
    /// its answer. A panic drops the job, which answers it; the thread goes on.
    pub(super) fn take(&self, job: Job) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.decode(job)));
    }

    fn decode(&self, mut job: Job) {
        let start = Instant::now();
        if !job.interest.lasts(start) {
            self.metrics.expired_request();
            return;
        }
        let asking = match self.read(&mut job) {
            Ok(Step::Run(asking)) => asking,
            Ok(Step::Fetch(objects)) => return hand_over(job, objects, &self.metrics),
            Err(error) => {
                // The caller may have gone, which is as good as answered.
                let _ = job.reply.send(Err(error));
                return;
            }
        };
        let Asking {
            rows,
            options,
            shape,
            ..
        } = asking;
        let mut ticket = job.ticket;
        let bytes = shape.dense * size_of::<f32>() + asking.bytes_of_row;
        let to_run: usize = rows.iter().flatten().map(Row::tokens_to_run).sum();
        // A query or a prompt that goes with every row makes more tokens of a body
        // than it has bytes.
        let more = to_run.saturating_sub(ticket.tokens());
        if more > 0
            && let Err(error) = ticket.grow(more, 0)
        {
            let _ = job.reply.send(Err(error));
            return;
        }
        ticket.correct(to_run, rows.len() * bytes);
        let counted: Vec<Result<Counted, Error>> = (rows.iter())
            .map(|row| row.as_ref().map(Row::counted).map_err(Clone::clone))
            .collect();
        let terms = Terms {
            space: asking.space,
            encoding: asking.encoding,
            normalize: options.normalize,
            finish: asking.finish,
            meta: asking.meta,
            received: job.received,
            interest: job.interest,
            wait: start - job.received,
            tokenize: start.elapsed(),
            memo: asking.memo,
        };
        let pending = Pending::new(terms, shape, &counted, ticket, job.reply);
        let owner = Arc::new(pending);
        let to_run = rows.into_iter().enumerate().filter_map(|(at, row)| {
            let payload = match row.ok()? {
                Row::Known(known) => {
                    owner.recall(at, &known.vector);
                    return None;
                }
                Row::Weighed(_, weights) => {
                    owner.weigh(at, &weights);
                    return None;
                }
                Row::Run(tokens) => Payload::Tokens {
                    ids: tokens.ids.into(),
                    second: tokens.second,
                },
                Row::Look(image) => Payload::Image(image),
            };
            let owner = Arc::clone(&owner);
            Some(Asked {
                content: Content { payload, options },
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

    /// Reads a request and refuses what this model cannot do.
    fn read(&self, job: &mut Job) -> Result<Step, Error> {
        let asking = match (job.op, self.facts.op) {
            (Op::Text, Op::Text) => self.text(job),
            (Op::Sparse, Op::Sparse) => self.sparse(job),
            (Op::Rerank, Op::Rerank) => self.pairs(job),
            (Op::Rerank, Op::Text) => self.compare(job),
            (Op::Joint, Op::Joint) => self.joint(job),
            (Op::Image, Op::Image) => return self.images(job),
            (op, _) => Err(Error::invalid(format!("this model does not serve {op}"))),
        };
        asking.map(Step::Run)
    }

    /// Refuses where nobody waits for the answer any more: of long work, in the
    /// middle of it.
    pub(super) fn still_wanted(&self, job: &Job) -> Result<(), Error> {
        if job.interest.lasts(Instant::now()) {
            return Ok(());
        }
        self.metrics.expired_request();
        Err(job.interest.end_of(job.call.timeout))
    }

    /// Values that are kept of each dense vector where so many are wished for.
    pub(super) fn kept(&self, wish: Option<u32>) -> Result<usize, Error> {
        let own = self.facts.shape.dense;
        let kept = wish.map_or(own, |wish| wish as usize);
        if kept > own {
            let message = format!("dimensions: {kept}, and this model has {own}");
            return Err(Error::invalid(message).with_limit(own));
        }
        Ok(kept)
    }

    /// Refuses where the caller demands another space than `space`.
    pub(super) fn demand(&self, demanded: Option<&str>, space: &str) -> Result<(), Error> {
        if demanded.is_none_or(|demanded| demanded == space) {
            return Ok(());
        }
        let message = format!("these options give vectors of space {space}");
        Err(Error::new(ErrorCode::SpaceMismatch, message))
    }

    pub(super) fn tokenize(&self, text: &str, truncate: bool) -> Result<Tokens, Error> {
        self.checked(text, truncate, || self.tokenizer.tokenize(text))
    }

    /// What `tokenize` makes of a text of this length, unless it is too long, has
    /// no tokens, or was cut where that is not allowed.
    pub(super) fn checked(
        &self,
        text: &str,
        truncate: bool,
        tokenize: impl FnOnce() -> Result<Tokens, Error>,
    ) -> Result<Tokens, Error> {
        if text.len() > protocol::MAX_INPUT_BYTES {
            let message = format!(
                "{} bytes, more than {}",
                text.len(),
                protocol::MAX_INPUT_BYTES
            );
            return Err(Error::new(ErrorCode::PayloadTooLarge, message)
                .with_limit(protocol::MAX_INPUT_BYTES));
        }
        let tokens = tokenize()?;
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
