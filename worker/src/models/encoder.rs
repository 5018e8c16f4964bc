//! A session of a model that reads token ids.

use std::sync::Arc;

use ort::session::{RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::TensorRef;

use super::first_run::Measure;
use super::heads::{Fed, Head};
use super::{Error, Facts, Input, Model, Outputs, Row, Shape, Terminate};

/// One session of an encoder, with the buffers it fills anew for each batch.
pub(super) struct Encoder {
    session: Session,
    options: Arc<RunOptions>,
    head: Head,
    shape: Shape,
    takes: Takes,
    padding: i64,
    rows_at_once: usize,
    ids: Vec<i64>,
    mask: Vec<i64>,
    types: Vec<i64>,
    places: Vec<i64>,
}

/// Which of its inputs a graph declares beside the ids.
struct Takes {
    mask: bool,
    token_types: bool,
    positions: bool,
}

impl Takes {
    /// # Errors
    /// [`Error::Run`] with an input that nobody here can feed, or the one that is
    /// missing.
    fn of(session: &Session) -> Result<Self, Error> {
        let known = [INPUT_IDS, ATTENTION_MASK, TOKEN_TYPES, POSITIONS];
        let inputs: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
        if let Some(other) = inputs.iter().find(|name| !known.contains(name)) {
            let known = known.join(", ");
            let reason = format!("the graph wants {other}, and what it can get is {known}");
            return Err(Error::run(reason));
        }
        if !inputs.contains(&INPUT_IDS) {
            return Err(Error::run(format!("the graph has no input {INPUT_IDS}")));
        }
        Ok(Self {
            mask: inputs.contains(&ATTENTION_MASK),
            token_types: inputs.contains(&TOKEN_TYPES),
            positions: inputs.contains(&POSITIONS),
        })
    }
}

impl Encoder {
    /// `padding` is the id that fills short rows up; the mask hides it.
    pub(super) fn new(
        session: Session,
        facts: &Facts,
        head: Head,
        padding: u32,
    ) -> Result<Self, Error> {
        Ok(Self {
            takes: Takes::of(&session)?,
            session,
            options: Arc::new(RunOptions::new().map_err(Error::run)?),
            head,
            shape: facts.shape,
            padding: i64::from(padding),
            rows_at_once: if facts.runs_alone { 1 } else { usize::MAX },
            ids: Vec::new(),
            mask: Vec::new(),
            types: Vec::new(),
            places: Vec::new(),
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
        self.places.clear();
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
            self.places.extend((0_i64..).take(width));
        }
    }
}

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const TOKEN_TYPES: &str = "token_type_ids";
/// Exports of decoders have them.
const POSITIONS: &str = "position_ids";

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

impl Measure for Encoder {
    fn measure(&mut self, rows: &[Row<'_>]) -> Result<Shape, Error> {
        let told = self.shape;
        self.shape = self.feed(rows, |head, given, _| head.measure(given, told))?;
        Ok(self.shape)
    }
}

impl Encoder {
    fn run_together(&mut self, rows: &[Row<'_>], outputs: &mut Outputs) -> Result<(), Error> {
        self.feed(rows, |head, given, fed| head.read(given, fed, outputs))
    }

    /// Runs the rows together and has `read` look at what that gives.
    fn feed<T>(
        &mut self,
        rows: &[Row<'_>],
        read: impl FnOnce(&Head, &SessionOutputs<'_>, Fed<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let width = rows.iter().map(|row| row.ids().len()).max().unwrap_or(0);
        if rows.iter().any(|row| row.ids().is_empty()) {
            return Err(Error::run("a row without tokens"));
        }
        self.fill(rows, width);
        let shape = [rows.len(), width];
        let tensor = |values| TensorRef::from_array_view((shape, values)).map_err(Error::run);
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> =
            vec![(INPUT_IDS, tensor(&*self.ids)?.into())];
        for (name, is_taken, values) in [
            (ATTENTION_MASK, self.takes.mask, &*self.mask),
            (TOKEN_TYPES, self.takes.token_types, &*self.types),
            (POSITIONS, self.takes.positions, &*self.places),
        ] {
            if is_taken {
                inputs.push((name, tensor(values)?.into()));
            }
        }
        let given = self
            .session
            .run_with_options(inputs, &self.options)
            .map_err(Error::run)?;
        let shape = self.shape;
        read(&self.head, &given, Fed { rows, width, shape })
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
