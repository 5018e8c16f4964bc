//! What a run gives, row by row.

pub use crate::wire::sparse::SparseRow;

/// What is to come out of a row. Rows of equal input and equal options are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// Scale the dense vector to unit length.
    pub normalize: bool,
    /// Of a model that gives vectors of each token: give them.
    pub colbert: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            normalize: true,
            colbert: false,
        }
    }
}

/// What a model gives for each row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Values in its dense vector, or 1 where that is a score; 0 for none.
    pub dense: usize,
    /// A sparse vector.
    pub sparse: bool,
    /// Values in each vector of a token, where asked for; 0 for none.
    pub colbert: usize,
}

/// What the rows of one run gave, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs {
    /// Rows × dimensions.
    pub dense: Vec<f32>,
    /// One for each row, or none.
    pub sparse: Vec<SparseRow>,
    /// Tokens × dimensions for each row, empty where not asked for, or none at all.
    pub colbert: Vec<Vec<f32>>,
}

/// What one row gave.
#[derive(Clone, Copy, Debug)]
pub struct RowOutput<'a> {
    /// Its dense vector, or its score.
    pub dense: &'a [f32],
    /// Its sparse vector.
    pub sparse: Option<&'a SparseRow>,
    /// The vectors of its tokens, one after the other.
    pub colbert: Option<&'a [f32]>,
}

impl Outputs {
    /// Forgets all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.dense.clear();
        self.sparse.clear();
        self.colbert.clear();
    }

    /// Whether this is what `rows` rows of a model of this shape give.
    #[must_use]
    pub fn has(&self, rows: usize, shape: Shape) -> bool {
        let ragged = |there: bool| if there { rows } else { 0 };
        self.dense.len() == rows * shape.dense
            && self.sparse.len() == ragged(shape.sparse)
            && self.colbert.len() == ragged(shape.colbert > 0)
    }

    /// What row `at` gave, of a model of this shape.
    #[must_use]
    pub fn row(&self, at: usize, shape: Shape) -> RowOutput<'_> {
        RowOutput {
            dense: &self.dense[at * shape.dense..(at + 1) * shape.dense],
            sparse: self.sparse.get(at),
            colbert: self.colbert.get(at).map(Vec::as_slice),
        }
    }
}

impl RowOutput<'_> {
    /// The largest difference of a value from another row's; infinite where they
    /// are not of one shape, or one is no number.
    #[must_use]
    pub fn apart(&self, other: RowOutput<'_>) -> f32 {
        let none = SparseRow::default();
        let (own, others) = (self.sparse.unwrap_or(&none), other.sparse.unwrap_or(&none));
        if own.indices != others.indices {
            return f32::INFINITY;
        }
        [
            furthest(self.dense, other.dense),
            furthest(&own.values, &others.values),
            furthest(
                self.colbert.unwrap_or_default(),
                other.colbert.unwrap_or_default(),
            ),
        ]
        .into_iter()
        .fold(0.0, f32::max)
    }

    /// Whether no value is infinite or none at all.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        finite(self.dense)
            && self.sparse.is_none_or(|row| finite(&row.values))
            && self.colbert.is_none_or(finite)
    }
}

fn furthest(one: &[f32], other: &[f32]) -> f32 {
    if one.len() != other.len() {
        return f32::INFINITY;
    }
    let apart = |(one, other): (&f32, &f32)| {
        let apart = (one - other).abs();
        // A value that is none in company does not stay in place either.
        if apart.is_nan() { f32::INFINITY } else { apart }
    };
    one.iter().zip(other).map(apart).fold(0.0, f32::max)
}
