//! Images as a graph's input.

use std::sync::Arc;

use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;

use super::preprocess::Preprocessor;
use crate::models::runner::Feed;
use crate::models::{Error, Input, Row};

/// Lays images out as channels of pixels.
pub(super) struct PixelFeed {
    preprocessor: Arc<Preprocessor>,
    /// The graph's only input, which has a name of its own in each export.
    input: String,
    pixels: Vec<f32>,
}

impl PixelFeed {
    /// # Errors
    /// [`Error::Run`] where the graph reads something else.
    pub(super) fn of(session: &Session, preprocessor: Arc<Preprocessor>) -> Result<Self, Error> {
        let [input] = session.inputs() else {
            let count = session.inputs().len();
            return Err(Error::run(format!("{count} inputs, and images are one")));
        };
        Ok(Self {
            input: input.name().to_owned(),
            preprocessor,
            pixels: Vec::new(),
        })
    }
}

impl Feed for PixelFeed {
    fn inputs(
        &mut self,
        rows: &[Row<'_>],
        _width: usize,
    ) -> Result<Vec<(&str, SessionInputValue<'_>)>, Error> {
        self.pixels.clear();
        for row in rows {
            match row.input {
                Input::Pixels(image) if image.len() == self.preprocessor.bytes() => {
                    self.preprocessor.pixels(image, &mut self.pixels);
                }
                _ => return Err(Error::run("a row that is no image of this model's size")),
            }
        }
        let (height, width) = self.preprocessor.size();
        let shape = [rows.len(), 3, height, width];
        let pixels = TensorRef::from_array_view((shape, &*self.pixels)).map_err(Error::run)?;
        Ok(vec![(self.input.as_str(), pixels.into())])
    }
}
