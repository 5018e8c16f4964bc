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
///
/// An `output` is the one that fastembed or the configuration names, if it does.
#[derive(Clone, Debug)]
pub(super) enum Head {
    /// One vector a row: pooled from token states, or as the graph pooled it.
    Dense {
        /// None where the graph has to pool.
        pooling: Option<Pooling>,
        output: Option<String>,
    },
    /// Weights of a vocabulary, from a masked language model.
    Splade(Splade),
    /// Weights of a text's own tokens, from their states.
    Linear(Linear),
    /// One vector an image.
    Image { output: Option<String> },
    /// One score a row: a pair's relevance.
    Score { output: Option<String> },
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
                dense::read(*pooling, output.as_deref(), session, fed, outputs)
            }
            Self::Splade(head) => head.read(session, fed, outputs),
            Self::Linear(head) => head.read(session, fed, outputs),
            Self::Image { output } => image::read(output.as_deref(), session, fed, outputs),
            Self::Score { output } => score::read(output.as_deref(), session, fed, outputs),
            Self::Joint => joint::read(session, fed, outputs),
        }
    }

    /// What each row gives, by what a session gave, where `told` holds what is
    /// known without it.
    ///
    /// # Errors
    /// [`Error::Run`] where an output is missing, or the settings do not fit it.
    pub(super) fn measure(
        &self,
        session: &SessionOutputs<'_>,
        told: Shape,
    ) -> Result<Shape, Error> {
        let dense = match self {
            Self::Dense { pooling, output } => {
                dense::measure(*pooling, output.as_deref(), session)?
            }
            Self::Image { output } => image::find(output.as_deref(), session)?.last(),
            Self::Joint => {
                let (dense, colbert) = (at(session, 0)?.last(), at(session, 2)?.last());
                return Ok(Shape {
                    dense,
                    colbert,
                    ..told
                });
            }
            Self::Splade(head) => return head.measure(session).map(|()| told),
            Self::Linear(_) | Self::Score { .. } => return Ok(told),
        };
        Ok(Shape { dense, ..told })
    }
}

/// The output that is named; where none is, the only one, or the first of
/// `preferred` that there is.
fn chosen<'a>(
    session: &'a SessionOutputs<'_>,
    output: Option<&str>,
    preferred: &[&str],
) -> Result<Tensor<'a>, Error> {
    let there = || session.keys().collect::<Vec<_>>().join(", ");
    match output {
        Some(name) => match session.get(name) {
            Some(value) => tensor(value),
            None => Err(Error::run(format!(
                "the graph has no output {name}; it has {}",
                there()
            ))),
        },
        None if session.len() == 1 => at(session, 0),
        None => match preferred.iter().find_map(|name| session.get(*name)) {
            Some(value) => tensor(value),
            None => Err(Error::run(format!(
                "none of the outputs {}; the graph has {}",
                preferred.join(", "),
                there()
            ))),
        },
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
    /// Values in the innermost rows.
    fn last(&self) -> usize {
        self.sides.last().copied().unwrap_or(0)
    }

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
