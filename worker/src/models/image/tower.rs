//! A session of a model that reads images.

use std::sync::Arc;

use ort::session::{RunOptions, Session, SessionOutputs};
use ort::value::TensorRef;

use super::preprocess::Preprocessor;
use crate::models::encoder::Options;
use crate::models::first_run::Measure;
use crate::models::heads::{Fed, Head};
use crate::models::{Error, Facts, Input, Model, Outputs, Row, Shape, Terminate};

/// One session of an image tower, with the buffer it fills anew for each batch.
pub(super) struct Tower {
    session: Session,
    options: Arc<RunOptions>,
    preprocessor: Arc<Preprocessor>,
    shape: Shape,
    head: Head,
    /// The graph's only input, which has a name of its own in each export.
    input: String,
    rows_at_once: usize,
    pixels: Vec<f32>,
}

impl Tower {
    pub(super) fn new(
        session: Session,
        facts: &Facts,
        head: Head,
        preprocessor: Arc<Preprocessor>,
    ) -> Result<Self, Error> {
        let [input] = session.inputs() else {
            let count = session.inputs().len();
            return Err(Error::run(format!("{count} inputs, and images are one")));
        };
        Ok(Self {
            input: input.name().to_owned(),
            session,
            options: Arc::new(RunOptions::new().map_err(Error::run)?),
            preprocessor,
            shape: facts.shape,
            head,
            rows_at_once: if facts.runs_alone { 1 } else { usize::MAX },
            pixels: Vec::new(),
        })
    }

    /// Whether each row is a run of its own.
    pub(super) fn runs_alone(&mut self, alone: bool) {
        self.rows_at_once = if alone { 1 } else { usize::MAX };
    }

    fn run_together(&mut self, rows: &[Row<'_>], outputs: &mut Outputs) -> Result<(), Error> {
        self.feed(rows, |head, given, fed| head.read(given, fed, outputs))
    }

    /// Runs the rows together and has `read` look at what that gives.
    fn feed<T>(
        &mut self,
        rows: &[Row<'_>],
        read: impl FnOnce(&Head, &SessionOutputs<'_>, Fed<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (height, width) = self.preprocessor.size();
        self.pixels.clear();
        for row in rows {
            match row.input {
                Input::Pixels(image) if image.len() == self.preprocessor.bytes() => {
                    self.preprocessor.pixels(image, &mut self.pixels);
                }
                _ => return Err(Error::run("a row that is no image of this model's size")),
            }
        }
        let shape = [rows.len(), 3, height, width];
        let pixels = TensorRef::from_array_view((shape, &*self.pixels)).map_err(Error::run)?;
        let inputs = ort::inputs![self.input.as_str() => pixels];
        let given = self
            .session
            .run_with_options(inputs, &self.options)
            .map_err(Error::run)?;
        let fed = Fed {
            rows,
            width: 0,
            shape: self.shape,
        };
        read(&self.head, &given, fed)
    }
}

impl Measure for Tower {
    fn measure(&mut self, rows: &[Row<'_>]) -> Result<Shape, Error> {
        let told = self.shape;
        self.shape = self.feed(rows, |head, given, _| head.measure(given, told))?;
        Ok(self.shape)
    }
}

impl Model for Tower {
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
