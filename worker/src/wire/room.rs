//! How much a reply may be, and what its rows take of that.

use super::call::Call;
use super::meta::Meta;
use super::vectors::{Encoding, rows};
use super::{Error, ErrorCode, Format, protocol};

/// Bytes that the body of a reply may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub(super) single: usize,
    pub(super) part: usize,
}

impl Room {
    /// What a server with this `max_payload` (bytes, headers included) leaves.
    #[must_use]
    pub fn within(max_payload: usize) -> Self {
        let single = max_payload.saturating_sub(protocol::PAYLOAD_RESERVE_BYTES);
        Self {
            single,
            part: single.min(protocol::MAX_PART_BYTES),
        }
    }

    /// Bytes that the body of a reply in one message may take.
    #[must_use]
    pub fn single(self) -> usize {
        self.single
    }

    /// Refuses a request whose reply could not be sent, before any work: `rows`
    /// vectors in one message, or one vector in one part.
    ///
    /// # Errors
    /// `payload_too_large`, with the bytes that a reply may take.
    pub fn check(
        self,
        call: &Call,
        encoding: Encoding,
        dimensions: usize,
        rows: usize,
        meta: usize,
    ) -> Result<(), Error> {
        let row = row_bytes(call.format, encoding, dimensions);
        let (needed, room, advice) = if call.parts {
            (
                row + FRAME_BYTES + meta,
                self.part,
                "one vector does not fit into a part",
            )
        } else {
            (
                row * rows + FRAME_BYTES + meta,
                self.single,
                "send fewer texts, or accept the reply in parts",
            )
        };
        if needed <= room {
            return Ok(());
        }
        let message = format!("the reply takes up to {needed} bytes, and {room} fit; {advice}");
        Err(Error::new(ErrorCode::PayloadTooLarge, message).with_limit(room))
    }
}

/// Upper bound of a reply without its rows and `meta`: keys, names and numbers.
pub const FRAME_BYTES: usize = 1024;

/// Bytes that `meta` takes in this format: JSON may need six for one of
/// MessagePack.
#[must_use]
pub fn meta_bytes(format: Format, meta: Option<&Meta>) -> usize {
    let written = meta.and_then(|meta| format.encode(meta).ok());
    written.map_or(0, |bytes| bytes.len())
}

/// Upper bound of what one row adds: its values, its token count (11 bytes in
/// JSON, with the comma) and its truncation mark (6).
pub(super) fn row_bytes(format: Format, encoding: Encoding, dimensions: usize) -> usize {
    let packed = rows::row_bytes(encoding, dimensions);
    let values = match (format, encoding) {
        // A marker and four bytes each, and the row's own header.
        (Format::MsgPack, Encoding::Array) => 5 * dimensions + 5,
        (Format::MsgPack, _) => packed,
        // The longest float32 takes 16 characters (-1.17549435e-38 and the like), and a comma.
        (Format::Json, Encoding::Array) => 17 * dimensions + 3,
        // Base64: four characters for three bytes.
        (Format::Json, _) => 4 * packed / 3 + 4,
    };
    values + 17
}
