//! One vector for each image.

use ort::session::SessionOutputs;

use super::{Fed, Outputs, at, tensor};
use crate::models::Error;
use crate::models::pooling::unit_length;

/// Outputs that hold vectors or patch states, by fastembed's order of preference
/// (7.5, `image_embedding/impl.rs`).
const PREFERRED: [&str; 2] = ["image_embeds", "last_hidden_state"];

pub(super) fn read(
    session: &SessionOutputs<'_>,
    fed: Fed<'_>,
    outputs: &mut Outputs,
) -> Result<(), Error> {
    let found = match PREFERRED.iter().find_map(|name| session.get(name)) {
        _ if session.len() == 1 => at(session, 0)?,
        Some(value) => tensor(value)?,
        None => {
            let reason = format!("none of the outputs {}", PREFERRED.join(", "));
            return Err(Error::run(reason));
        }
    };
    let (rows, dimensions) = (fed.rows.len(), fed.shape.dense);
    // Of states, the first is the class token's, which stands for the image.
    let states = match found.sides[..] {
        [_, states, _] if states > 0 => {
            found.expect(&[rows, states, dimensions])?;
            states
        }
        _ => {
            found.expect(&[rows, dimensions])?;
            1
        }
    };
    let images = found.values.chunks_exact(states * dimensions);
    for (row, image) in fed.rows.iter().zip(images) {
        let start = outputs.dense.len();
        outputs.dense.extend_from_slice(&image[..dimensions]);
        if row.options.normalize {
            unit_length(&mut outputs.dense[start..]);
        }
    }
    Ok(())
}
