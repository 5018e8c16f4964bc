//! A session of a model that reads token ids.

use std::sync::Arc;

use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::TensorRef;

use super::heads::{Fed, Head};
use super::{Error, Facts, Input, Model, Outputs, Row, Shape, Terminate};

/// One session of an encoder, with the buffers it fills anew for each batch.
pub(super) struct Encoder {
    session: Session,
    options: Arc<RunOptions>,
    head: Head,
    shape: Shape,
    takes_token_types: bool,
    padding: i64,
    rows_at_once: usize,
    ids: Vec<i64>,
    mask: Vec<i64>,
    types: Vec<i64>,
}

impl Encoder {
    /// `padding` is the id that fills short rows up; the mask hides it.
    pub(super) fn new(
        session: Session,
        facts: &Facts,
        head: Head,
        padding: u32,
    ) -> ort::Result<Self> {
        let takes_token_types = session
            .inputs()
            .iter()
            .any(|input| input.name() == TOKEN_TYPES);
        Ok(Self {
            session,
            options: Arc::new(RunOptions::new()?),
            head,
            shape: facts.shape,
            takes_token_types,
            padding: i64::from(padding),
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

    /// Lays the rows out as rectangles. The second text of a pair is of type 1.
    fn fill(&mut self, rows: &[Row<'_>], width: usize) {
        self.ids.clear();
        self.mask.clear();
        self.types.clear();
        for row in rows {
            let Input::Tokens { ids, second } = row.input else {
                continue;
            };
            let (start, end) = (self.ids.len(), self.ids.len() + width);
            self.ids.extend(ids.iter().map(|id| i64::from(*id)));
            self.mask.resize(self.ids.len(), 1);
            self.types.resize(start + second, 0);
            self.types.resize(self.ids.len(), 1);
            self.ids.resize(end, self.padding);
            self.mask.resize(end, 0);
            self.types.resize(end, 0);
        }
    }
}

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const TOKEN_TYPES: &str = "token_type_ids";

impl Model for Encoder {
    fn run(&mut self, rows: &[Row<'_>], outputs: &mut Outputs) -> Result<(), Error> {
        // Before the first: a run that is terminated ends whole.
        self.options.unterminate().map_err(Error::run)?;
        rows.chunks(self.rows_at_once)
            .try_for_each(|rows| self.run_together(rows, outputs))
    }

    fn terminator(&self) -> Arc<dyn Terminate> {
        Arc::new(Options(Arc::clone(&self.options)))
    }
}

impl Encoder {
    fn run_together(&mut self, rows: &[Row<'_>], outputs: &mut Outputs) -> Result<(), Error> {
        let width = rows.iter().map(|row| row.ids().len()).max().unwrap_or(0);
        if rows.iter().any(|row| row.ids().is_empty()) {
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
        let given = self
            .session
            .run_with_options(inputs, &self.options)
            .map_err(Error::run)?;
        let shape = self.shape;
        self.head.read(&given, Fed { rows, width, shape }, outputs)
    }
}

/// The options under which a session runs, which can end a run.
pub(super) struct Options(pub(super) Arc<RunOptions>);

impl Terminate for Options {
    fn terminate(&self) {
        if let Err(fault) = self.0.terminate() {
            tracing::error!(reason = %fault, "a run could not be ended");
        }
    }
}
