//! All that BGE-M3 gives in one pass. Its outputs are known by their order:
//! dense, lexical weights of each token, vectors of each token but the first.

use ort::session::SessionOutputs;

use super::{Fed, Outputs, at, sparse};
use crate::models::Error;

pub(super) fn read(
    session: &SessionOutputs<'_>,
    fed: Fed<'_>,
    outputs: &mut Outputs,
) -> Result<(), Error> {
    let (dense, weights, states) = (at(session, 0)?, at(session, 1)?, at(session, 2)?);
    let (rows, width) = (fed.rows.len(), fed.width);
    let (values, each) = (fed.shape.dense, fed.shape.colbert);
    dense.expect(&[rows, values])?;
    weights.expect(&[rows, width, 1])?;
    states.expect(&[rows, width - 1, each])?;
    // The graph scales to unit length.
    outputs.dense.extend_from_slice(dense.values);
    for (at, row) in fed.rows.iter().enumerate() {
        let weights = &weights.values[at * width..][..row.ids().len()];
        outputs
            .sparse
            .push(sparse::lexical(row.ids(), weights.iter().copied()));
        // The first token stands for the whole text, which is the dense vector.
        let own = &states.values[at * (width - 1) * each..][..(row.ids().len() - 1) * each];
        let wanted = row.options.colbert;
        outputs
            .colbert
            .push(if wanted { own.to_vec() } else { Vec::new() });
    }
    Ok(())
}
