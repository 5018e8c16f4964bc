//! `text`: a dense vector for each text.

use std::sync::Arc;

use crate::batch::finish::Finish;
use crate::batch::memo::{Key, Known, Memo};
use crate::batch::pipeline::Job;
use crate::batch::stage::{Asking, Row, Stage};
use crate::models::Options;
use crate::wire::joint::Kind;
use crate::wire::reply::meta_bytes;
use crate::wire::text::TextRequest;
use crate::wire::vectors::Encoding;
use crate::wire::{Error, Format};

impl Stage {
    pub(in crate::batch) fn text(&self, job: &Job) -> Result<Asking, Error> {
        let request = self.read_text(job)?;
        let truncate = request.truncate.unwrap_or(true);
        let normalize = request.normalize.unwrap_or(true);
        let memo = self.memo.as_ref().map(|memo| {
            let keys = request.inputs.iter();
            let keys = keys.map(|text| Memo::key(text, normalize)).collect();
            (Arc::clone(memo), keys)
        });
        let known = self.recall(memo.as_ref(), truncate);
        let rows = (request.inputs.iter().enumerate())
            .map(|(at, text)| match known.get(at) {
                Some(Some(known)) => Ok(Row::Known(known.clone())),
                _ => self.tokenize(text, truncate).map(Row::Run),
            })
            .collect();
        Ok(Asking {
            rows,
            options: Options {
                normalize,
                ..Options::default()
            },
            space: self.facts.space_of(normalize),
            encoding: encoding(&request, job.call.format),
            finish: Finish::Vectors(&[Kind::Dense]),
            meta: request.meta,
            memo,
            bytes_of_row: 0,
        })
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
    fn read_text(&self, job: &Job) -> Result<TextRequest, Error> {
        let format = job.call.format;
        let request: TextRequest = format.decode(&job.body)?;
        let encoding = encoding(&request, format);
        encoding.check_served()?;
        if let Some(prompt) = &request.prompt {
            return Err(Error::invalid(format_args!(
                "prompt {prompt:?}: this model has no prompts"
            )));
        }
        if request
            .dimensions
            .is_some_and(|wish| wish as usize != self.facts.shape.dense)
        {
            let message = format!(
                "dimensions: this model has {} and no others",
                self.facts.shape.dense
            );
            return Err(Error::invalid(message).with_limit(self.facts.shape.dense));
        }
        let space = self.facts.space_of(request.normalize.unwrap_or(true));
        self.demand(request.space.as_deref(), &space)?;
        let meta = meta_bytes(format, request.meta.as_ref());
        let rows = request.inputs.len();
        job.room
            .check(&job.call, encoding, self.facts.shape.dense, rows, meta)?;
        Ok(request)
    }
}

/// Packed for programs, lists for people, unless the request says otherwise.
fn encoding(request: &TextRequest, format: Format) -> Encoding {
    request.encoding.unwrap_or(match format {
        Format::MsgPack => Encoding::F32,
        Format::Json => Encoding::Array,
    })
}
