//! What must hold of the bytes before any key is looked at.
//!
//! One pass that keeps nothing but where the keys of open maps are: a declared
//! length can never exceed the bytes that are there, so nothing later is sized
//! by a lie. The format is the MessagePack specification
//! (github.com/msgpack/msgpack/blob/master/spec.md).

use rmp::Marker;

use super::protocol::MAX_DEPTH;

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The outermost value is no map.
    #[error("the document is not a map")]
    NotAMap,
    /// A value goes on past the end of the bytes.
    #[error("the document is cut off, or a length exceeds it, at byte {0}")]
    Truncated(usize),
    /// No document of ours is nearly as large.
    #[error("the document is larger than 4 GiB")]
    TooLarge,
    /// Bytes follow the document.
    #[error("bytes follow the document at byte {0}")]
    Trailing(usize),
    /// Maps and arrays are nested too deeply.
    #[error("nested deeper than {MAX_DEPTH} levels at byte {0}")]
    TooDeep(usize),
    /// A key is no string.
    #[error("a key is not a string at byte {0}")]
    KeyNotString(usize),
    /// A key stands twice in one map.
    #[error("a key stands twice in one map at byte {0}")]
    DuplicateKey(usize),
    /// A string is not UTF-8.
    #[error("a string is not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// A float is NaN or infinite.
    #[error("a float is not finite at byte {0}")]
    NotFinite(usize),
    /// An optional key has the value nil.
    #[error("an optional key is left out, not nil, at byte {0}")]
    Nil(usize),
    /// An extension type, or the reserved marker.
    #[error("an extension type or reserved marker at byte {0}")]
    Extension(usize),
}

/// Checks one MessagePack document.
///
/// # Errors
/// The first [`Fault`].
pub fn check_msgpack(bytes: &[u8]) -> Result<(), Fault> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(Fault::TooLarge);
    }
    let mut walk = Walk {
        bytes,
        at: 0,
        owed: 0,
    };
    match bytes.first().map(|byte| Marker::from_u8(*byte)) {
        None => return Err(Fault::Truncated(0)),
        Some(Marker::FixMap(_) | Marker::Map16 | Marker::Map32) => walk.value(1)?,
        Some(_) => return Err(Fault::NotAMap),
    }
    if walk.at == bytes.len() {
        Ok(())
    } else {
        Err(Fault::Trailing(walk.at))
    }
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes that open maps and arrays still need at the least. All claims have
    /// to fit together: sixteen nested ones of the whole rest each do not.
    owed: usize,
}

impl<'a> Walk<'a> {
    /// Walks one value, whose own level is `depth` if it is a map or an array.
    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        let start = self.at;
        match self.marker()? {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::True | Marker::False => Ok(()),
            // Only in `meta`, which is the caller's own.
            Marker::Null if depth > 2 => Ok(()),
            Marker::Null => Err(Fault::Nil(start)),
            Marker::U8 | Marker::I8 => self.take(1).map(drop),
            Marker::U16 | Marker::I16 => self.take(2).map(drop),
            Marker::U32 | Marker::I32 => self.take(4).map(drop),
            Marker::U64 | Marker::I64 => self.take(8).map(drop),
            Marker::F32 => self.float32(start),
            Marker::F64 => self.float64(start),
            Marker::FixStr(len) => self.text(usize::from(len)).map(drop),
            Marker::Str8 => self.text_of(1).map(drop),
            Marker::Str16 => self.text_of(2).map(drop),
            Marker::Str32 => self.text_of(4).map(drop),
            Marker::Bin8 => self.bin_of(1),
            Marker::Bin16 => self.bin_of(2),
            Marker::Bin32 => self.bin_of(4),
            Marker::FixArray(len) => self.array(usize::from(len), depth, start),
            Marker::Array16 => self.length(2).and_then(|len| self.array(len, depth, start)),
            Marker::Array32 => self.length(4).and_then(|len| self.array(len, depth, start)),
            Marker::FixMap(len) => self.map(usize::from(len), depth, start),
            Marker::Map16 => self.length(2).and_then(|len| self.map(len, depth, start)),
            Marker::Map32 => self.length(4).and_then(|len| self.map(len, depth, start)),
            Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32
            | Marker::Reserved => Err(Fault::Extension(start)),
        }
    }

    fn array(&mut self, len: usize, depth: usize, start: usize) -> Result<(), Fault> {
        self.enter(len, depth, start)?;
        for _ in 0..len {
            self.owed -= 1;
            self.value(depth + 1)?;
        }
        Ok(())
    }

    fn map(&mut self, len: usize, depth: usize, start: usize) -> Result<(), Fault> {
        // An entry has at least a byte of key and a byte of value, so that these
        // places take twice the bytes of the document at most, all maps together.
        self.enter(len.saturating_mul(2), depth, start)?;
        let mut keys = Vec::with_capacity(len);
        for _ in 0..len {
            keys.push(self.at as u32);
            self.owed -= 1;
            self.key()?;
            self.owed -= 1;
            self.value(depth + 1)?;
        }
        self.distinct(&mut keys)
    }

    /// Sorts the keys of one map, so that equal ones meet: n log n, whatever the
    /// sender chose.
    fn distinct(&self, keys: &mut [u32]) -> Result<(), Fault> {
        // It was read before, so it can be again.
        let text = |at: u32| {
            Self {
                at: at as usize,
                ..*self
            }
            .key()
            .unwrap_or_default()
        };
        keys.sort_unstable_by_key(|at| (text(*at), *at));
        let twice = |pair: &&[u32]| text(pair[0]) == text(pair[1]);
        match keys.windows(2).find(twice) {
            Some(pair) => Err(Fault::DuplicateKey(pair[1] as usize)),
            None => Ok(()),
        }
    }

    /// Every element takes a byte or more, so a count beyond the rest is a lie.
    fn enter(&mut self, least_bytes: usize, depth: usize, start: usize) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::TooDeep(start));
        }
        let owed = self.owed.saturating_add(least_bytes);
        if owed > self.bytes.len() - self.at {
            return Err(Fault::Truncated(start));
        }
        self.owed = owed;
        Ok(())
    }

    fn key(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.at;
        match self.marker()? {
            Marker::FixStr(len) => self.text(usize::from(len)),
            Marker::Str8 => self.text_of(1),
            Marker::Str16 => self.text_of(2),
            Marker::Str32 => self.text_of(4),
            _ => Err(Fault::KeyNotString(start)),
        }
    }

    fn text_of(&mut self, length_bytes: usize) -> Result<&'a [u8], Fault> {
        let len = self.length(length_bytes)?;
        self.text(len)
    }

    fn text(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let start = self.at;
        let bytes = self.take(len)?;
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(bytes),
            Err(fault) => Err(Fault::NotUtf8(start + fault.valid_up_to())),
        }
    }

    fn bin_of(&mut self, length_bytes: usize) -> Result<(), Fault> {
        let len = self.length(length_bytes)?;
        self.take(len).map(drop)
    }

    fn float32(&mut self, start: usize) -> Result<(), Fault> {
        let bits = self
            .take(4)?
            .iter()
            .fold(0, |bits: u32, byte| bits << 8 | u32::from(*byte));
        finite(f32::from_bits(bits).is_finite(), start)
    }

    fn float64(&mut self, start: usize) -> Result<(), Fault> {
        let bits = self
            .take(8)?
            .iter()
            .fold(0, |bits: u64, byte| bits << 8 | u64::from(*byte));
        finite(f64::from_bits(bits).is_finite(), start)
    }

    /// A big-endian length of 1, 2 or 4 bytes.
    fn length(&mut self, length_bytes: usize) -> Result<usize, Fault> {
        let bytes = self.take(length_bytes)?;
        Ok(bytes
            .iter()
            .fold(0, |len, byte| len << 8 | usize::from(*byte)))
    }

    fn marker(&mut self) -> Result<Marker, Fault> {
        self.take(1).map(|byte| Marker::from_u8(byte[0]))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..len).ok_or(Fault::Truncated(self.at))?;
        self.at += len;
        Ok(taken)
    }
}

fn finite(holds: bool, at: usize) -> Result<(), Fault> {
    if holds {
        Ok(())
    } else {
        Err(Fault::NotFinite(at))
    }
}

/// Checks what serde's JSON reader would let pass: another value than an
/// object, and nesting beyond ours (its own bound is 128).
///
/// # Errors
/// [`Fault::NotAMap`] or [`Fault::TooDeep`].
pub fn check_json(bytes: &[u8]) -> Result<(), Fault> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Err(Fault::NotAMap);
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Fault::TooDeep(at));
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_beyond_the_bytes_is_refused_before_anything_is_reserved() {
        for bomb in [
            &b"\x81\xa1a\xdd\xff\xff\xff\xff"[..],
            b"\x81\xa1a\xdf\xff\xff\xff\xff",
            b"\x81\xa1a\xc6\xff\xff\xff\xff",
            b"\x81\xa1a\xdb\xff\xff\xff\xff",
        ] {
            assert!(matches!(check_msgpack(bomb), Err(Fault::Truncated(_))));
        }
    }

    #[test]
    fn claims_that_fit_one_by_one_and_not_together_are_refused_at_once() {
        let mut nested = b"\x81\xa1a".to_vec();
        // Two maps of ten entries each, and room for fifteen.
        nested.extend(b"\x8a\xa1a\x8a");
        nested.extend([0xa0; 30]);
        assert_eq!(check_msgpack(&nested), Err(Fault::Truncated(6)));
    }

    #[test]
    fn the_second_of_two_equal_keys_is_named() {
        let map = b"\x84\xa1b\x01\xa1a\x01\xa1b\x01\xa1c\x01";
        assert_eq!(check_msgpack(map), Err(Fault::DuplicateKey(7)));
        // The same key in another form of string.
        let map = b"\x82\xa1b\x01\xd9\x01b\x01";
        assert_eq!(check_msgpack(map), Err(Fault::DuplicateKey(4)));
    }

    #[test]
    fn sixteen_levels_pass_and_seventeen_do_not() {
        let nested = |levels: usize| {
            let mut bytes = b"\x81\xa1m".to_vec();
            bytes.extend(std::iter::repeat_n(0x91, levels - 1));
            bytes.push(1);
            bytes
        };
        assert_eq!(check_msgpack(&nested(16)), Ok(()));
        assert!(matches!(check_msgpack(&nested(17)), Err(Fault::TooDeep(_))));
        assert!(matches!(
            check_msgpack(&nested(10_000)),
            Err(Fault::TooDeep(_))
        ));
    }

    #[test]
    fn brackets_inside_json_strings_do_not_count_as_depth() {
        let text = format!(r#"{{"inputs":["\"{}"]}}"#, "[".repeat(40));
        assert_eq!(check_json(text.as_bytes()), Ok(()));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
        assert!(matches!(
            check_json(deep.as_bytes()),
            Err(Fault::TooDeep(_))
        ));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = check_msgpack(&bytes);
            let _ = check_json(&bytes);
        }

        #[test]
        fn what_passes_is_what_the_library_reads(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut map = vec![0x81, 0xa1, b'm'];
            map.extend(bytes);
            if check_msgpack(&map).is_ok() {
                let mut rest = &map[..];
                prop_assert!(rmpv::decode::read_value(&mut rest).is_ok());
                prop_assert!(rest.is_empty());
            }
        }
    }
}
