//! The first run of a model that the configuration describes: what it gives is held
//! against what is said of it, before anybody is served.

use super::catalog::Entry;
use super::runner::Runner;
use super::{Error, Model, Op, Outputs, Row, Shape};

/// What each row of the model gives.
///
/// # Errors
/// The reason, as one line, where it is not what its kind or the settings say.
pub(super) fn shape(model: &mut Runner, rows: &[Row<'_>], entry: &Entry) -> Result<Shape, String> {
    let first = rows.get(..1).unwrap_or_default();
    let shape = model.measure(first).map_err(one_line)?;
    let values = shape.dense;
    if values == 0 && entry.op != Op::Sparse {
        return Err("gives vectors without values".to_owned());
    }
    if let Some(told) = entry.dimensions.filter(|told| *told != values) {
        return Err(format!(
            "gives vectors of {values} values, and models.dimensions is {told}"
        ));
    }
    if let Some(size) = entry.matryoshka().iter().find(|size| **size > values) {
        return Err(format!(
            "gives vectors of {values} values, and models.matryoshka has {size}"
        ));
    }
    let rows: Vec<Row<'_>> = rows.iter().map(|row| row.whole(shape)).collect();
    let mut outputs = Outputs::default();
    model.run(&rows, &mut outputs).map_err(one_line)?;
    if !outputs.has(rows.len(), shape) {
        return Err("a result of another shape".to_owned());
    }
    match (0..rows.len()).all(|at| outputs.row(at, shape).is_finite()) {
        true => Ok(shape),
        false => Err("gives values that are not finite".to_owned()),
    }
}

/// Runs the longest text that the model may get: one that the graph cannot take
/// would fail all that run beside it.
///
/// # Errors
/// The reason, as one line.
pub(super) fn longest(model: &mut Runner, ids: &[u32]) -> Result<(), String> {
    let run = model.run(&[Row::text(ids)], &mut Outputs::default());
    run.map_err(|fault| {
        let (length, reason) = (ids.len(), one_line(fault));
        format!("max_length {length} is more than the graph takes: {reason}")
    })
}

fn one_line(fault: Error) -> String {
    let text = fault.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
