//! Token ids as a graph's inputs.

use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;

use super::runner::Feed;
use super::{Error, Input, Row};

/// Lays rows of token ids out as rectangles.
pub(super) struct TokenFeed {
    takes: Takes,
    padding: i64,
    ids: Vec<i64>,
    mask: Vec<i64>,
    types: Vec<i64>,
    places: Vec<i64>,
}

/// Which of its inputs a graph declares beside the ids.
struct Takes {
    mask: bool,
    token_types: bool,
    positions: bool,
}

impl Takes {
    /// # Errors
    /// [`Error::Run`] with an input that nobody here can feed, or the one that is
    /// missing.
    fn of(session: &Session) -> Result<Self, Error> {
        let known = [INPUT_IDS, ATTENTION_MASK, TOKEN_TYPES, POSITIONS];
        let inputs: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
        if let Some(other) = inputs.iter().find(|name| !known.contains(name)) {
            let known = known.join(", ");
            let reason = format!("the graph wants {other}, and what it can get is {known}");
            return Err(Error::run(reason));
        }
        if !inputs.contains(&INPUT_IDS) {
            return Err(Error::run(format!("the graph has no input {INPUT_IDS}")));
        }
        Ok(Self {
            mask: inputs.contains(&ATTENTION_MASK),
            token_types: inputs.contains(&TOKEN_TYPES),
            positions: inputs.contains(&POSITIONS),
        })
    }
}

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const TOKEN_TYPES: &str = "token_type_ids";
/// Exports of decoders have them.
const POSITIONS: &str = "position_ids";

impl TokenFeed {
    /// `padding` is the id that fills short rows up; the mask hides it.
    ///
    /// # Errors
    /// [`Error::Run`] where the graph reads something else.
    pub(super) fn of(session: &Session, padding: u32) -> Result<Self, Error> {
        Ok(Self {
            takes: Takes::of(session)?,
            padding: i64::from(padding),
            ids: Vec::new(),
            mask: Vec::new(),
            types: Vec::new(),
            places: Vec::new(),
        })
    }

    /// Lays the rows out as rectangles. The second text of a pair is of type 1.
    fn fill(&mut self, rows: &[Row<'_>], width: usize) {
        self.ids.clear();
        self.mask.clear();
        self.types.clear();
        self.places.clear();
        for row in rows {
            let Input::Tokens { ids, second } = row.input else {
                continue;
            };
            let (start, end) = (self.ids.len(), self.ids.len() + width);
            self.ids.extend(ids.iter().map(|id| i64::from(*id)));
            self.mask.resize(self.ids.len(), 1);
            self.types.resize(start + second, 0);
            self.types.resize(self.ids.len(), 1);
            self.ids.resize(end, self.padding);
            self.mask.resize(end, 0);
            self.types.resize(end, 0);
            self.places.extend((0_i64..).take(width));
        }
    }
}

impl Feed for TokenFeed {
    fn inputs(
        &mut self,
        rows: &[Row<'_>],
        width: usize,
    ) -> Result<Vec<(&str, SessionInputValue<'_>)>, Error> {
        if rows.iter().any(|row| row.ids().is_empty()) {
            return Err(Error::run("a row without tokens"));
        }
        self.fill(rows, width);
        let shape = [rows.len(), width];
        let declared = [
            (INPUT_IDS, true, &*self.ids),
            (ATTENTION_MASK, self.takes.mask, &*self.mask),
            (TOKEN_TYPES, self.takes.token_types, &*self.types),
            (POSITIONS, self.takes.positions, &*self.places),
        ];
        let taken = declared.into_iter().filter(|(_, is_taken, _)| *is_taken);
        let input = |(name, _, values)| {
            let tensor = TensorRef::from_array_view((shape, values)).map_err(Error::run)?;
            Ok((name, tensor.into()))
        };
        taken.map(input).collect()
    }
}
