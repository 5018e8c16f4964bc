//! One vector for each text.

use ort::session::SessionOutputs;

use super::{Fed, Outputs, Pooling, Tensor, at, tensor};
use crate::models::Error;
use crate::models::pooling::unit_length;

/// Outputs that hold vectors or token states, by fastembed's order of preference
/// (7.5, `text_embedding/output.rs`).
const PREFERRED: [&str; 3] = ["text_embeds", "last_hidden_state", "sentence_embedding"];

pub(super) fn read(
    pooling: Pooling,
    output: Option<&'static str>,
    session: &SessionOutputs<'_>,
    fed: Fed<'_>,
    outputs: &mut Outputs,
) -> Result<(), Error> {
    let found = find(session, output)?;
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
    let states = found.values.chunks_exact(fed.width * dimensions);
    for (row, states) in fed.rows.iter().zip(states) {
        let own = &states[..row.ids().len() * dimensions];
        pooling.pool(own, dimensions, row.options.normalize, &mut outputs.dense);
    }
    Ok(())
}

fn find<'a>(
    session: &'a SessionOutputs<'_>,
    output: Option<&'static str>,
) -> Result<Tensor<'a>, Error> {
    if let Some(name) = output {
        let value = session
            .get(name)
            .ok_or_else(|| Error::run(format!("the graph has no output {name}")))?;
        return tensor(value);
    }
    if session.len() == 1 {
        return at(session, 0);
    }
    let known = PREFERRED.iter().find_map(|name| session.get(name));
    known.map_or_else(
        || {
            Err(Error::run(format!(
                "none of the outputs {}",
                PREFERRED.join(", ")
            )))
        },
        tensor,
    )
}
