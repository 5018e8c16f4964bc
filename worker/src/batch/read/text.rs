//! `text`: a dense vector for each text.

use std::sync::Arc;

use crate::batch::finish::Finish;
use crate::batch::memo::{Key, Known, Memo};
use crate::batch::pipeline::Job;
use crate::batch::stage::{Asking, Row, Stage};
use crate::models::{Options, Shape, Tokens};
use crate::wire::Error;
use crate::wire::joint::Kind;
use crate::wire::reply::meta_bytes;
use crate::wire::text::TextRequest;
use crate::wire::vectors::Encoding;

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

impl Stage {
    pub(in crate::batch) fn text(&self, job: &Job) -> Result<Asking, Error> {
        let (request, wish) = self.read_text(job)?;
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
            let keys = keys.map(|text| Memo::key(prompt, text, normalize));
            (Arc::clone(memo), keys.collect())
        });
        let known = self.recall(memo.as_ref(), truncate);
        let rows = (request.inputs.iter().enumerate())
            .map(|(at, text)| match known.get(at) {
                Some(Some(known)) => Ok(Row::Known(known.clone())),
                _ => self.prompted(prompt, text, truncate).map(Row::Run),
            })
            .collect();
        Ok(Asking {
            rows,
            options: Options {
                normalize,
                ..Options::default()
            },
            shape: Shape {
                dense: dimensions,
                ..self.facts.shape
            },
            space,
            encoding,
            finish: Finish::Vectors(&[Kind::Dense]),
            meta: request.meta,
            memo,
            bytes_of_row: 0,
        })
    }

    /// Tokens of one text behind its prompt.
    pub(super) fn prompted(
        &self,
        prompt: &str,
        text: &str,
        truncate: bool,
    ) -> Result<Tokens, Error> {
        if prompt.is_empty() {
            return self.tokenize(text, truncate);
        }
        let whole = || self.tokenizer.tokenize(&[prompt, text].concat());
        self.checked(text, truncate, whole)
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

    /// Reads a `text` request and refuses what this model cannot do.
    fn read_text(&self, job: &Job) -> Result<(TextRequest, Wish<'_>), Error> {
        let format = job.call.format;
        let request: TextRequest = format.decode(&job.body)?;
        let prompt = self.facts.prompts.text(request.prompt.as_deref())?;
        let dimensions = self.kept(request.dimensions)?;
        let normalize = request.normalize.unwrap_or(self.facts.normalizes);
        if !normalize && self.facts.unit_length_only {
            let message = "normalize: this model gives vectors of unit length alone";
            return Err(Error::invalid(message));
        }
        let space = self.facts.space_of(normalize, dimensions);
        self.demand(request.space.as_deref(), &space)?;
        let encoding = request.encoding.unwrap_or(Encoding::usual(format));
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
}
