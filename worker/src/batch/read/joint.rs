//! `joint`: several kinds of vectors for each text, in one pass.

use super::sparse::{WEIGHT_BYTES, WEIGHTS};
use crate::batch::finish::Finish;
use crate::batch::pipeline::Job;
use crate::batch::stage::{Asking, Row, Stage};
use crate::models::Options;
use crate::wire::joint::{JointRequest, Kind, vector_bytes};
use crate::wire::reply::meta_bytes;
use crate::wire::vectors::Encoding;
use crate::wire::{Error, ErrorCode};

/// Most bytes of token vectors in one reply, of all its parts: 16,384 vectors of
/// 1,024 values.
const MAX_TOKEN_VECTOR_BYTES: usize = 64 << 20;

impl Stage {
    pub(in crate::batch) fn joint(&self, job: &mut Job) -> Result<Asking, Error> {
        let request: JointRequest = job.call.format.decode(&job.body)?;
        self.demand(request.space.as_deref(), &self.facts.space)?;
        let truncate = request.truncate.unwrap_or(true);
        let kinds = request.outputs.unwrap_or_else(|| Kind::ALL.to_vec());
        let colbert = kinds.contains(&Kind::Colbert);
        let row = |text: &String| self.tokenize(text, truncate).map(Row::Run);
        let rows: Vec<_> = request.inputs.iter().map(row).collect();
        let encoding = Encoding::usual(job.call.format);
        let dense = match kinds.contains(&Kind::Dense) {
            true => self.facts.shape.dense,
            false => 0,
        };
        let meta = meta_bytes(job.call.format, request.meta.as_ref());
        job.room
            .check(&job.call, encoding, dense, rows.len(), meta)?;
        if colbert {
            let tokens = rows.iter().flatten().map(Row::length).sum();
            self.make_room_for_tokens(job, tokens)?;
        }
        Ok(Asking {
            rows,
            options: Options {
                colbert,
                ..Options::default()
            },
            shape: self.facts.shape,
            space: self.facts.space.clone(),
            encoding,
            finish: Finish::Kinds(kinds),
            meta: request.meta,
            memo: None,
            bytes_of_row: WEIGHTS * WEIGHT_BYTES,
        })
    }

    /// Refuses vectors of so many tokens where they could not be held or sent,
    /// before any work.
    fn make_room_for_tokens(&self, job: &mut Job, tokens: usize) -> Result<(), Error> {
        let width = self.facts.shape.colbert;
        let sent = tokens * vector_bytes(job.call.format, width);
        let (most, advice) = if job.call.parts {
            (MAX_TOKEN_VECTOR_BYTES, "send fewer texts")
        } else {
            let advice = "send fewer texts, or accept the reply in parts";
            (job.room.single(), advice)
        };
        if sent > most {
            let message =
                format!("token vectors take up to {sent} bytes, and {most} are allowed; {advice}");
            return Err(Error::new(ErrorCode::PayloadTooLarge, message).with_limit(most));
        }
        job.ticket.grow(0, tokens * width * size_of::<f32>())
    }
}
