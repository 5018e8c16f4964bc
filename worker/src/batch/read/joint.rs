//! `joint`: several kinds of vectors for each text, in one pass.

use super::sparse::{WEIGHT_BYTES, WEIGHTS};
use crate::batch::finish::Finish;
use crate::batch::pipeline::Job;
use crate::batch::stage::{Asking, Row, Stage};
use crate::models::Options;
use crate::wire::Error;
use crate::wire::Format;
use crate::wire::joint::{JointRequest, Kind};
use crate::wire::vectors::Encoding;

impl Stage {
    pub(in crate::batch) fn joint(&self, job: &Job) -> Result<Asking, Error> {
        let request: JointRequest = job.call.format.decode(&job.body)?;
        self.demand(request.space.as_deref(), &self.facts.space)?;
        let truncate = request.truncate.unwrap_or(true);
        let kinds = request.outputs.unwrap_or_else(|| Kind::ALL.to_vec());
        let colbert = kinds.contains(&Kind::Colbert);
        let row = |text: &String| self.tokenize(text, truncate).map(Row::Run);
        let rows: Vec<_> = request.inputs.iter().map(row).collect();
        let longest = rows.iter().flatten().map(Row::length).max().unwrap_or(0);
        let vector = self.facts.shape.colbert * size_of::<f32>();
        Ok(Asking {
            rows,
            options: Options {
                colbert,
                ..Options::default()
            },
            shape: self.facts.shape,
            space: self.facts.space.clone(),
            encoding: match job.call.format {
                Format::MsgPack => Encoding::F32,
                Format::Json => Encoding::Array,
            },
            finish: Finish::Kinds(kinds),
            meta: request.meta,
            memo: None,
            bytes_of_row: WEIGHTS * WEIGHT_BYTES + if colbert { longest * vector } else { 0 },
        })
    }
}
