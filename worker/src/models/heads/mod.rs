//! From what a session gives to what is asked of a model: one head for each kind.

mod dense;
mod image;
mod joint;
mod score;
mod sparse;

use ort::session::SessionOutputs;

use super::{Error, Outputs, Pooling, Row, Shape};

pub(super) use sparse::{Linear, Splade};

/// What is read of a session's outputs, and how.
#[derive(Clone, Debug)]
pub(super) enum Head {
    /// One vector a row: pooled from token states, or as the graph pooled it.
    Dense {
        pooling: Pooling,
        /// The output that fastembed names, if it does.
        output: Option<&'static str>,
    },
    /// Weights of a vocabulary, from a masked language model.
    Splade(Splade),
    /// Weights of a text's own tokens, from their states.
    Linear(Linear),
    /// One vector an image.
    Image,
    /// One score a row: a pair's relevance.
    Score,
    /// Dense, sparse and a vector of each token (BGE-M3, arXiv:2402.03216).
    Joint,
}

/// One run's rows as they were fed.
#[derive(Clone, Copy)]
pub(super) struct Fed<'a> {
    pub(super) rows: &'a [Row<'a>],
    /// Tokens of the widest row; none of images.
    pub(super) width: usize,
    /// What the model gives for each row.
    pub(super) shape: Shape,
}

impl Head {
    /// Appends what each row gave.
    ///
    /// # Errors
    /// [`Error::Run`] where an output is missing or has another shape.
    pub(super) fn read(
        &self,
        session: &SessionOutputs<'_>,
        fed: Fed<'_>,
        outputs: &mut Outputs,
    ) -> Result<(), Error> {
        match self {
            Self::Dense { pooling, output } => {
                dense::read(*pooling, *output, session, fed, outputs)
            }
            Self::Splade(head) => head.read(session, fed, outputs),
            Self::Linear(head) => head.read(session, fed, outputs),
            Self::Image => image::read(session, fed, outputs),
            Self::Score => score::read(session, fed, outputs),
            Self::Joint => joint::read(session, fed, outputs),
        }
    }
}

/// A float32 output with its shape.
struct Tensor<'a> {
    sides: Vec<usize>,
    values: &'a [f32],
}

fn tensor<'a>(value: &'a ort::value::DynValue) -> Result<Tensor<'a>, Error> {
    let (shape, values) = value.try_extract_tensor::<f32>().map_err(Error::run)?;
    let side = |side: &i64| usize::try_from(*side).map_err(Error::run);
    let sides = shape.iter().map(side).collect::<Result<_, _>>()?;
    Ok(Tensor { sides, values })
}

/// The output at `position`, in the graph's own order.
fn at<'a>(session: &'a SessionOutputs<'_>, position: usize) -> Result<Tensor<'a>, Error> {
    if position >= session.len() {
        return Err(Error::run(format!(
            "{} outputs, and number {position} is wanted",
            session.len()
        )));
    }
    tensor(&session[position])
}

impl Tensor<'_> {
    fn expect(&self, sides: &[usize]) -> Result<(), Error> {
        if self.sides == sides {
            return Ok(());
        }
        Err(Error::run(format!(
            "an output of shape {:?}, not {sides:?}",
            self.sides
        )))
    }
}
