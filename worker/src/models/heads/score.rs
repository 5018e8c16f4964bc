//! One score for each pair.

use ort::session::SessionOutputs;

use super::{Fed, Outputs, chosen};
use crate::models::Error;

/// The output that holds scores where there are several, in every cross-encoder of
/// the catalogue.
const LOGITS: &str = "logits";

pub(super) fn read(
    output: Option<&str>,
    session: &SessionOutputs<'_>,
    fed: Fed<'_>,
    outputs: &mut Outputs,
) -> Result<(), Error> {
    let logits = chosen(session, output, &[LOGITS])?;
    logits.expect(&[fed.rows.len(), 1])?;
    outputs.dense.extend_from_slice(logits.values);
    Ok(())
}
