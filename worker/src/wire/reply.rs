//! An answer on its way out: whole where it fits, in parts where it does not.

use std::ops::Range;

use super::call::Call;
use super::document::Document;
use super::joint::{self, TokenVectors};
use super::meta::Meta;
use super::rerank::Ranking;
use super::room::row_bytes;
pub use super::room::{FRAME_BYTES, Room, meta_bytes};
use super::sparse::SparseRow;
use super::text::{ItemError, Timings};
use super::vectors::Encoding;
use super::{Error, ErrorCode, Format};

/// The result of a request, before it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Items of the request.
    pub rows: usize,
    /// Values in a dense vector; 0 where none are given.
    pub dimensions: usize,
    /// Row-major, a row for each input; zero where the item failed.
    pub vectors: Vec<f32>,
    /// A sparse vector for each input, where given; empty where the item failed.
    pub sparse: Option<Vec<SparseRow>>,
    /// Vectors of the tokens of each input, where given.
    pub colbert: Option<TokenVectors>,
    /// Documents in order, of a rerank, whose answer is never in parts.
    pub ranking: Option<Ranking>,
    /// Tokens of each input; none of images.
    pub tokens: Vec<u32>,
    /// Whether each input was cut; none of images.
    pub truncated: Vec<bool>,
    /// Failed items, in order of index.
    pub errors: Vec<ItemError>,
    /// Where the time went.
    pub timings: Timings,
    /// The space of these vectors.
    pub space: String,
    /// How the caller wants them.
    pub encoding: Encoding,
    /// The caller's own.
    pub meta: Option<Meta>,
}

/// Who answers.
#[derive(Clone, Copy, Debug)]
pub struct Responder<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The worker's instance id.
    pub instance: &'a str,
}

/// Upper bound of an entry in `errors` without its message.
const ITEM_ERROR_BYTES: usize = 96;

/// Writes the bodies of a reply: one, or with parts as many as it takes.
///
/// # Errors
/// `payload_too_large` where a single reply does not hold it: item errors alone may
/// overfill one, and how much sparse vectors take is known only now.
pub fn write(
    answer: &Answer,
    call: &Call,
    room: Room,
    responder: Responder<'_>,
) -> Result<Vec<Vec<u8>>, Error> {
    let encode = |document: Document<'_>| {
        let bytes = FRAME_BYTES + document.vector_bytes();
        call.format.encode_about(&document, bytes)
    };
    let of_rows = |rows| Document::of(answer, call.format, responder, rows);
    // One document also where there are parts: its order is of all of it.
    if !call.parts || answer.ranking.is_some() {
        let body = encode(of_rows(0..answer.rows))?;
        if body.len() > room.single {
            let message = "the reply does not fit into one message";
            return Err(Error::new(ErrorCode::PayloadTooLarge, message).with_limit(room.single));
        }
        return Ok(vec![body]);
    }
    let mut bodies = Vec::new();
    let mut start = 0;
    // `meta` stands in the first part only.
    let mut used = FRAME_BYTES + meta_bytes(call.format, answer.meta.as_ref());
    let mut errors = answer.errors.iter().peekable();
    for at in 0..answer.rows {
        let error = errors.next_if(|error| error.index as usize == at);
        let others = answer.row_bytes(call.format, at)
            + error.map_or(0, |error| ITEM_ERROR_BYTES + escaped(&error.message));
        let needed = others + answer.token_bytes(call.format, at);
        if at > start && used + needed > room.part {
            bodies.push(encode(of_rows(start..at))?);
            (start, used) = (at, FRAME_BYTES);
        }
        if used + others > room.part || (used + needed > room.part && answer.colbert.is_none()) {
            let message = format!("row {at} does not fit into a part");
            return Err(Error::new(ErrorCode::PayloadTooLarge, message).with_limit(room.part));
        }
        if used + needed > room.part {
            // A text's token vectors that exceed a part: some here, the rest after.
            for vectors in answer.pieces(call.format, at, used + others, room.part) {
                bodies.push(encode(Document::of_piece(
                    answer,
                    call.format,
                    responder,
                    at,
                    vectors,
                ))?);
            }
            (start, used) = (at + 1, FRAME_BYTES);
            continue;
        }
        used += needed;
    }
    if start < answer.rows || bodies.is_empty() {
        bodies.push(encode(of_rows(start..answer.rows))?);
    }
    Ok(bodies)
}

impl Answer {
    /// Upper bound of what row `at` adds to a document, besides token vectors.
    fn row_bytes(&self, format: Format, at: usize) -> usize {
        let sparse = self.sparse.as_ref().and_then(|rows| rows.get(at));
        row_bytes(format, self.encoding, self.dimensions)
            + sparse.map_or(0, |row| row.bytes(format))
    }

    /// Upper bound of what the token vectors of row `at` add.
    fn token_bytes(&self, format: Format, at: usize) -> usize {
        self.colbert.as_ref().map_or(0, |vectors| {
            vectors.count(at) * joint::vector_bytes(format, vectors.dimensions) + TEXT_BYTES
        })
    }

    /// The token vectors of row `at`, cut so that each piece fits into a part;
    /// `used` bytes of the first are taken.
    fn pieces(&self, format: Format, at: usize, used: usize, part: usize) -> Vec<Range<usize>> {
        let Some(vectors) = &self.colbert else {
            return Vec::new();
        };
        let each = joint::vector_bytes(format, vectors.dimensions).max(1);
        let fit = |used: usize| (part.saturating_sub(used + TEXT_BYTES) / each).max(1);
        let count = vectors.count(at);
        let first = 0..fit(used).min(count);
        // The head of the row stands in the first piece only.
        let next = |last: &Range<usize>| {
            let end = (last.end + fit(FRAME_BYTES)).min(count);
            (last.end < count).then_some(last.end..end)
        };
        std::iter::successors(Some(first), next).collect()
    }
}

/// Upper bound of what a text adds to a block of token vectors besides them.
const TEXT_BYTES: usize = 16;

/// Bytes of a message with every character escaped as JSON might.
fn escaped(message: &str) -> usize {
    6 * message.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::text::TextReply;
    use crate::wire::vectors::VectorBlock;
    use proptest::prelude::*;
    use std::time::Duration;

    const RESPONDER: Responder<'_> = Responder {
        model: "AllMiniLML6V2",
        instance: "abc",
    };

    fn call(format: Format, parts: bool) -> Call {
        Call {
            format,
            timeout: Duration::from_secs(1),
            lane: Default::default(),
            parts,
            alive: false,
        }
    }

    fn answer(rows: usize, dimensions: usize, encoding: Encoding, failed: &[usize]) -> Answer {
        let error = Error::new(ErrorCode::InputTooLong, "\u{1}".repeat(300));
        Answer {
            rows,
            sparse: None,
            colbert: None,
            ranking: None,
            dimensions,
            vectors: (0..rows * dimensions)
                .map(|at| -1.0e-30 / (at + 1) as f32)
                .collect(),
            tokens: vec![u32::MAX; rows],
            truncated: vec![false; rows],
            errors: failed
                .iter()
                .map(|at| ItemError::new(*at as u32, &error))
                .collect(),
            timings: Timings::default(),
            space: "0123456789abcdef".into(),
            encoding,
            meta: None,
        }
    }

    proptest! {
        #[test]
        fn parts_hold_every_row_once_in_order_and_none_exceeds_its_room(
            rows in 1_usize..400,
            dimensions in 1_usize..400,
            json in any::<bool>(),
            encoding in prop::sample::select(Encoding::ALL),
            fails in prop::collection::btree_set(0_usize..400, 0..30),
        ) {
            let format = if json { Format::Json } else { Format::MsgPack };
            let failed: Vec<usize> = fails.into_iter().filter(|at| *at < rows).collect();
            let answer = answer(rows, dimensions, encoding, &failed);
            let room = Room::within(32 * 1024);
            let bodies = write(&answer, &call(format, true), room, RESPONDER).unwrap();
            let (mut next, mut errors) = (0, 0);
            for body in &bodies {
                prop_assert!(body.len() <= room.part, "{} bytes", body.len());
                let reply: serde_json::Value = match format {
                    Format::Json => serde_json::from_slice(body).unwrap(),
                    Format::MsgPack => {
                        let reply: TextReply<'static> = format.decode(body).unwrap();
                        let start = next * dimensions;
                        let values = reply.embeddings.values();
                        let rows = &answer.vectors[start..start + values.len()];
                        let sent = VectorBlock::new(encoding, dimensions as u32, 0, rows);
                        prop_assert_eq!(values, sent.values());
                        serde_json::to_value(reply).unwrap()
                    }
                };
                prop_assert_eq!(reply["embeddings"]["first"].as_u64().unwrap() as usize, next);
                next += reply["embeddings"]["count"].as_u64().unwrap() as usize;
                errors += reply["errors"].as_array().map_or(0, Vec::len);
            }
            prop_assert_eq!(next, rows);
            prop_assert_eq!(errors, failed.len());
        }
    }

    #[test]
    fn a_meta_that_json_makes_six_times_longer_leaves_its_part_within_its_room() {
        let list = vec!["false"; 4000].join(",");
        let mut answer = answer(400, 384, Encoding::Array, &[]);
        answer.meta = Some(serde_json::from_str(&format!("{{\"a\":[{list}]}}")).unwrap());
        let room = Room::within(64 * 1024);
        for body in write(&answer, &call(Format::Json, true), room, RESPONDER).unwrap() {
            assert!(body.len() <= room.part, "{} bytes", body.len());
        }
    }

    #[test]
    fn what_the_check_lets_pass_fits_into_one_message() {
        let formats = [Format::MsgPack, Format::Json];
        let ways = formats.iter().flat_map(|format| {
            let encodings = Encoding::ALL.iter();
            encodings.map(|encoding| (*format, *encoding))
        });
        for (format, encoding) in ways {
            let (call, room) = (call(format, false), Room::within(256 * 1024));
            let passes = |rows: &usize| room.check(&call, encoding, 384, *rows, 0).is_ok();
            let most = (1..10_000).take_while(passes).last().unwrap();
            let bodies = write(&answer(most, 384, encoding, &[]), &call, room, RESPONDER).unwrap();
            assert_eq!(bodies.len(), 1);
            let refused = room.check(&call, encoding, 384, most + 1, 0).unwrap_err();
            assert_eq!(
                (refused.code, refused.limit),
                (ErrorCode::PayloadTooLarge, Some(252 * 1024))
            );
        }
    }

    #[test]
    fn a_text_whose_token_vectors_exceed_a_part_goes_on_in_the_next() {
        let mut answer = answer(3, 8, Encoding::F32, &[]);
        let lengths = [2, 900, 3];
        let rows = lengths.map(|vectors| vec![0.5; vectors * 16]).to_vec();
        answer.colbert = Some(TokenVectors {
            dimensions: 16,
            rows,
        });
        for format in [Format::MsgPack, Format::Json] {
            let room = Room::within(16 * 1024);
            let bodies = write(&answer, &call(format, true), room, RESPONDER).unwrap();
            let (mut seen, mut dense) = ([0; 3], 0);
            for body in &bodies {
                assert!(body.len() <= room.part, "{} bytes", body.len());
                let reply: serde_json::Value = match format {
                    Format::Json => serde_json::from_slice(body).unwrap(),
                    Format::MsgPack => rmp_serde::from_slice::<Blocks>(body).unwrap().into(),
                };
                let block = &reply["colbert"];
                let first = block["first"].as_u64().unwrap() as usize;
                for (at, vectors) in block["rows"].as_array().unwrap().iter().enumerate() {
                    let from = if at == 0 {
                        block["from"].as_u64().unwrap_or(0)
                    } else {
                        0
                    };
                    assert_eq!(from, seen[first + at], "vectors in their order");
                    seen[first + at] += vectors.as_array().unwrap().len() as u64;
                }
                dense += reply["embeddings"]["count"].as_u64().unwrap_or(0);
            }
            assert_eq!((seen, dense), ([2, 900, 3], 3));
        }
    }

    /// What the test above compares, of a MessagePack document.
    #[derive(serde::Deserialize)]
    struct Blocks {
        embeddings: Option<Counted>,
        colbert: Ragged,
    }

    #[derive(serde::Deserialize)]
    struct Counted {
        count: u64,
    }

    #[derive(serde::Deserialize)]
    struct Ragged {
        first: u64,
        #[serde(default)]
        from: u64,
        offsets: crate::wire::vectors::Packed<'static>,
    }

    impl From<Blocks> for serde_json::Value {
        fn from(blocks: Blocks) -> Self {
            let (offsets, _) = blocks.colbert.offsets.0.as_chunks::<4>();
            let ends: Vec<u32> = offsets.iter().map(|end| u32::from_le_bytes(*end)).collect();
            let rows: Vec<Vec<u8>> = ends
                .windows(2)
                .map(|ends| vec![0; (ends[1] - ends[0]) as usize])
                .collect();
            serde_json::json!({
                "embeddings": {"count": blocks.embeddings.map_or(0, |block| block.count)},
                "colbert": {"first": blocks.colbert.first, "from": blocks.colbert.from, "rows": rows},
            })
        }
    }
}
