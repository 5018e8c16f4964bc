//! One score for each pair.

use ort::session::SessionOutputs;

use super::{Fed, Outputs, tensor};
use crate::models::Error;

/// The output that holds scores, in every cross-encoder of the catalogue.
const LOGITS: &str = "logits";

pub(super) fn read(
    session: &SessionOutputs<'_>,
    fed: Fed<'_>,
    outputs: &mut Outputs,
) -> Result<(), Error> {
    let value = session
        .get(LOGITS)
        .ok_or_else(|| Error::run(format!("the graph has no output {LOGITS}")))?;
    let logits = tensor(value)?;
    logits.expect(&[fed.rows.len(), 1])?;
    outputs.dense.extend_from_slice(logits.values);
    Ok(())
}
