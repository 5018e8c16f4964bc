//! A session of a BERT-style encoder.

use std::sync::Arc;

use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::TensorRef;

use super::{Error, Facts, Model, Pooling, Row, Terminate};

/// One session of a BERT-style encoder, with the buffers it fills anew for
/// each batch.
pub(super) struct Encoder {
    session: Session,
    options: Arc<RunOptions>,
    pooling: Pooling,
    dimensions: usize,
    takes_token_types: bool,
    rows_at_once: usize,
    ids: Vec<i64>,
    mask: Vec<i64>,
    types: Vec<i64>,
}

impl Encoder {
    pub(super) fn new(session: Session, facts: &Facts) -> ort::Result<Self> {
        let takes_token_types = session
            .inputs()
            .iter()
            .any(|input| input.name() == TOKEN_TYPES);
        Ok(Self {
            session,
            options: Arc::new(RunOptions::new()?),
            pooling: facts.pooling,
            dimensions: facts.dimensions,
            takes_token_types,
            rows_at_once: if facts.runs_alone { 1 } else { usize::MAX },
            ids: Vec::new(),
            mask: Vec::new(),
            types: Vec::new(),
        })
    }

    /// Whether each row is a run of its own.
    pub(super) fn runs_alone(&mut self, alone: bool) {
        self.rows_at_once = if alone { 1 } else { usize::MAX };
    }

    /// Lays the rows out as rectangles, padded with id 0, which the mask hides.
    fn fill(&mut self, rows: &[Row<'_>], width: usize) {
        self.ids.clear();
        self.mask.clear();
        for row in rows {
            let end = self.ids.len() + width;
            self.ids.extend(row.ids.iter().map(|id| i64::from(*id)));
            self.mask.resize(self.ids.len(), 1);
            self.ids.resize(end, 0);
            self.mask.resize(end, 0);
        }
        self.types.clear();
        self.types.resize(self.ids.len(), 0);
    }
}

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const TOKEN_TYPES: &str = "token_type_ids";

impl Model for Encoder {
    fn run(&mut self, rows: &[Row<'_>], vectors: &mut Vec<f32>) -> Result<(), Error> {
        // Before the first: a run that is terminated ends whole.
        self.options.unterminate().map_err(Error::run)?;
        rows.chunks(self.rows_at_once)
            .try_for_each(|rows| self.run_together(rows, vectors))
    }

    fn terminator(&self) -> Arc<dyn Terminate> {
        Arc::new(Options(Arc::clone(&self.options)))
    }
}

impl Encoder {
    fn run_together(&mut self, rows: &[Row<'_>], vectors: &mut Vec<f32>) -> Result<(), Error> {
        let width = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
        if rows.iter().any(|row| row.ids.is_empty()) {
            return Err(Error::run("a row without tokens"));
        }
        self.fill(rows, width);
        let shape = [rows.len(), width];
        let tensor = |values| TensorRef::from_array_view((shape, values)).map_err(Error::run);
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
            (INPUT_IDS, tensor(&*self.ids)?.into()),
            (ATTENTION_MASK, tensor(&*self.mask)?.into()),
        ];
        if self.takes_token_types {
            inputs.push((TOKEN_TYPES, tensor(&*self.types)?.into()));
        }
        let outputs = self
            .session
            .run_with_options(inputs, &self.options)
            .map_err(Error::run)?;
        let (shape, states) = outputs[0].try_extract_tensor::<f32>().map_err(Error::run)?;
        let expected = [rows.len(), width, self.dimensions];
        if !shape
            .iter()
            .map(|side| usize::try_from(*side).ok())
            .eq(expected.map(Some))
        {
            return Err(Error::run(format!(
                "states of shape {shape}, not {expected:?}"
            )));
        }
        for (row, states) in rows
            .iter()
            .zip(states.chunks_exact(width * self.dimensions))
        {
            let own = &states[..row.ids.len() * self.dimensions];
            self.pooling
                .pool(own, self.dimensions, row.normalize, vectors);
        }
        Ok(())
    }
}

/// The options under which a session runs, which can end a run.
struct Options(Arc<RunOptions>);

impl Terminate for Options {
    fn terminate(&self) {
        if let Err(fault) = self.0.terminate() {
            tracing::error!(reason = %fault, "a run could not be ended");
        }
    }
}
