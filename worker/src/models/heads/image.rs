//! One vector for each image.

use ort::session::SessionOutputs;

use super::{Fed, Outputs, Tensor, chosen};
use crate::models::Error;
use crate::models::pooling::unit_length;

/// Outputs that hold vectors or patch states, by fastembed's order of preference
/// (7.5, `image_embedding/impl.rs`).
const PREFERRED: [&str; 2] = ["image_embeds", "last_hidden_state"];

/// The output that holds them.
pub(super) fn find<'a>(
    output: Option<&str>,
    session: &'a SessionOutputs<'_>,
) -> Result<Tensor<'a>, Error> {
    chosen(session, output, &PREFERRED)
}

pub(super) fn read(
    output: Option<&str>,
    session: &SessionOutputs<'_>,
    fed: Fed<'_>,
    outputs: &mut Outputs,
) -> Result<(), Error> {
    let found = find(output, session)?;
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
