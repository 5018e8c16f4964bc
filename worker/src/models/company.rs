//! Whether a text's vector depends on what runs beside it.
//!
//! Padding is masked, so it should not; but a matrix product may add in another
//! order for another shape, and a scale that is taken over a whole run moves with
//! the run. What holds is found out on the machine that serves.

use super::{Error, Facts, Model, Outputs, Row, Shape, Tokenize, Tokens};

/// Moves up to this are noise of single precision.
const TOLERANCE: f32 = 1e-6;

/// Texts of many lengths, so that runs of many shapes are compared.
const WORDS: [usize; 9] = [1, 2, 3, 5, 9, 17, 28, 46, 75];

/// What texts are found out with.
///
/// # Errors
/// Where the tokenizer fails.
pub(super) fn texts(tokenizer: &dyn Tokenize) -> Result<Vec<Tokens>, Error> {
    let tokenize = |words: usize| {
        let text = (0..words).map(|at| ["stone", "bridges", "outlast", "river"][at % 4]);
        let text: Vec<&str> = text.collect();
        tokenizer.tokenize(&text.join(" ")).map_err(Error::run)
    };
    WORDS.into_iter().map(tokenize).collect()
}

/// Finds out what company does to what a model gives for these rows; where it moves
/// that, each of its rows runs alone.
///
/// # Errors
/// Where the model cannot be run.
pub(super) fn check(
    facts: &mut Facts,
    model: &mut dyn Model,
    rows: &[Row<'_>],
) -> Result<(), Error> {
    if !facts.runs_alone {
        let moved = moves(model, facts.shape, rows)?;
        facts.batch_invariant = moved == 0.0;
        if moved > TOLERANCE {
            tracing::warn!(
                model = %facts.name,
                moved,
                "vectors depend on what else is in a run; each text or image of this model runs alone"
            );
            facts.runs_alone = true;
        }
    }
    // An item alone has no company to depend on.
    facts.batch_invariant |= facts.runs_alone;
    Ok(())
}

/// The largest difference of a value between a row alone and the same row in
/// company: all together in two orders, and in pairs.
fn moves(model: &mut dyn Model, shape: Shape, rows: &[Row<'_>]) -> Result<f32, Error> {
    let rows: Vec<Row<'_>> = rows.iter().map(|row| row.whole(shape)).collect();
    let mut run = |company: &[usize]| {
        let rows: Vec<Row<'_>> = company.iter().map(|at| rows[*at]).collect();
        let mut outputs = Outputs::default();
        model.run(&rows, &mut outputs)?;
        Ok::<_, Error>(outputs)
    };
    let alone = (0..rows.len())
        .map(|at| run(&[at]))
        .collect::<Result<Vec<_>, _>>()?;
    let everybody: Vec<usize> = (0..rows.len()).collect();
    let backwards = everybody.iter().rev().copied().collect();
    let pairs = everybody.windows(2).map(<[usize]>::to_vec);
    let mut most = 0.0_f32;
    for company in pairs.chain([backwards, everybody.clone()]) {
        let together = run(&company)?;
        for (place, at) in company.iter().enumerate() {
            let apart = together.row(place, shape).apart(alone[*at].row(0, shape));
            most = most.max(apart);
        }
    }
    Ok(most)
}
