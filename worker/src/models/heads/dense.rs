//! One vector for each text.

use ort::session::SessionOutputs;

use super::{Fed, Outputs, Pooling, chosen};
use crate::models::Error;
use crate::models::pooling::unit_length;

/// Outputs that hold vectors or token states, by fastembed's order of preference
/// (7.5, `text_embedding/output.rs`).
const PREFERRED: [&str; 3] = ["text_embeds", "last_hidden_state", "sentence_embedding"];

pub(super) fn read(
    pooling: Option<Pooling>,
    output: Option<&str>,
    session: &SessionOutputs<'_>,
    fed: Fed<'_>,
    outputs: &mut Outputs,
) -> Result<(), Error> {
    let found = chosen(session, output, &PREFERRED)?;
    let (rows, dimensions) = (fed.rows.len(), fed.shape.dense);
    if found.sides.len() == 2 {
        // The graph has pooled.
        found.expect(&[rows, dimensions])?;
        for (row, vector) in fed.rows.iter().zip(found.values.chunks_exact(dimensions)) {
            let start = outputs.dense.len();
            outputs.dense.extend_from_slice(vector);
            if row.options.normalize {
                unit_length(&mut outputs.dense[start..]);
            }
        }
        return Ok(());
    }
    found.expect(&[rows, fed.width, dimensions])?;
    let pooling = pooling.ok_or_else(unpooled)?;
    let states = found.values.chunks_exact(fed.width * dimensions);
    for (row, states) in fed.rows.iter().zip(states) {
        let own = &states[..row.ids().len() * dimensions];
        pooling.pool(own, dimensions, row.options.normalize, &mut outputs.dense);
    }
    Ok(())
}

/// Values in a vector, by what a session gave. Settings that have no effect are
/// refused: vectors would be others than was meant.
pub(super) fn measure(
    pooling: Option<Pooling>,
    output: Option<&str>,
    session: &SessionOutputs<'_>,
) -> Result<usize, Error> {
    let found = chosen(session, output, &PREFERRED)?;
    match (found.sides.len(), pooling) {
        (2, None) | (3, Some(_)) => Ok(found.last()),
        (3, None) => Err(unpooled()),
        (2, Some(_)) => Err(Error::run(
            "its output holds one vector for each text, so models.pooling has no effect: \
             leave it out, or name the output of token states in models.output",
        )),
        _ => Err(Error::run(format!(
            "an output of shape {:?}, not [texts, values] or [texts, tokens, values]",
            found.sides
        ))),
    }
}

fn unpooled() -> Error {
    Error::run("its output holds a state for each token: set models.pooling to cls, mean or last")
}
