//! One session of ONNX Runtime: rows are laid out by what feeds it, and what it gives
//! is read by its head.

use std::sync::Arc;

use ort::session::{RunOptions, Session, SessionInputValue, SessionOutputs};

use super::heads::{Fed, Head};
use super::{Error, Facts, Model, Outputs, Row, Shape, Terminate};

/// Lays rows out as a graph's inputs, in buffers that it fills anew for each run.
pub(super) trait Feed: Send {
    /// The inputs by name; `width` is the tokens of the widest row.
    ///
    /// # Errors
    /// [`Error::Run`] where a row is not what the graph reads.
    fn inputs(
        &mut self,
        rows: &[Row<'_>],
        width: usize,
    ) -> Result<Vec<(&str, SessionInputValue<'_>)>, Error>;
}

/// One session of a model.
pub(super) struct Runner {
    session: Session,
    options: Arc<RunOptions>,
    feed: Box<dyn Feed>,
    head: Head,
    shape: Shape,
    rows_at_once: usize,
}

impl Runner {
    /// # Errors
    /// [`Error::Run`].
    pub(super) fn new(
        session: Session,
        feed: Box<dyn Feed>,
        head: Head,
        facts: &Facts,
    ) -> Result<Self, Error> {
        let mut made = Self {
            session,
            options: Arc::new(RunOptions::new().map_err(Error::run)?),
            feed,
            head,
            shape: facts.shape,
            rows_at_once: usize::MAX,
        };
        made.runs_alone(facts.runs_alone);
        Ok(made)
    }

    /// Whether each row is a run of its own.
    pub(super) fn runs_alone(&mut self, alone: bool) {
        self.rows_at_once = if alone { 1 } else { usize::MAX };
    }

    /// What each row gives, found out by running these.
    ///
    /// # Errors
    /// [`Error::Run`].
    pub(super) fn measure(&mut self, rows: &[Row<'_>]) -> Result<Shape, Error> {
        let told = self.shape;
        self.shape = self.run_together(rows, |head, given, _| head.measure(given, told))?;
        Ok(self.shape)
    }

    /// Runs the rows together and has `read` look at what that gives.
    fn run_together<T>(
        &mut self,
        rows: &[Row<'_>],
        read: impl FnOnce(&Head, &SessionOutputs<'_>, Fed<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let width = rows.iter().map(|row| row.ids().len()).max().unwrap_or(0);
        let inputs = self.feed.inputs(rows, width)?;
        let given = self
            .session
            .run_with_options(inputs, &self.options)
            .map_err(Error::run)?;
        let shape = self.shape;
        read(&self.head, &given, Fed { rows, width, shape })
    }
}

impl Model for Runner {
    fn run(&mut self, rows: &[Row<'_>], outputs: &mut Outputs) -> Result<(), Error> {
        // Before the first: a run that is terminated ends whole.
        self.options.unterminate().map_err(Error::run)?;
        rows.chunks(self.rows_at_once).try_for_each(|rows| {
            self.run_together(rows, |head, given, fed| head.read(given, fed, outputs))
        })
    }

    fn terminator(&self) -> Arc<dyn Terminate> {
        Arc::new(Options(Arc::clone(&self.options)))
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
