//! Rows of values as bytes and back, in every packed encoding.

use half::f16;

use super::Encoding;

const F32_BYTES: usize = size_of::<f32>();
const F16_BYTES: usize = size_of::<f16>();

/// The largest byte of a row of [`Encoding::I8`], either side of 0.
const I8_MOST: f32 = 127.0;

/// The highest bit of a byte, where the first of eight values stands.
const FIRST_BIT: u8 = 0x80;

/// Bytes of a row of so many values. Lists have none; counted as float32.
pub(in crate::wire) const fn row_bytes(encoding: Encoding, dims: usize) -> usize {
    match encoding {
        Encoding::F32 | Encoding::Array => dims.saturating_mul(F32_BYTES),
        Encoding::F16 => dims.saturating_mul(F16_BYTES),
        Encoding::I8 => dims.saturating_add(F32_BYTES),
        Encoding::Ubinary => dims.div_ceil(8),
    }
}

/// Packs whole rows of `dims` finite values each.
pub(super) fn pack(encoding: Encoding, dims: usize, values: &[f32]) -> Vec<u8> {
    let rows = values.chunks_exact(dims);
    // By value, not by byte: the compiler then sees whole values, and makes it a copy.
    match encoding {
        Encoding::F32 | Encoding::Array => {
            let each: Vec<_> = values.iter().map(|value| value.to_le_bytes()).collect();
            each.into_flattened()
        }
        Encoding::F16 => {
            let each: Vec<_> = (values.iter())
                .map(|value| half(*value).to_le_bytes())
                .collect();
            each.into_flattened()
        }
        Encoding::I8 => {
            let mut bytes = Vec::with_capacity(rows.len() * row_bytes(encoding, dims));
            rows.for_each(|row| pack_i8(row, &mut bytes));
            bytes
        }
        Encoding::Ubinary => {
            let mut bytes = Vec::with_capacity(rows.len() * row_bytes(encoding, dims));
            rows.for_each(|row| bytes.extend(row.chunks(8).map(signs)));
            bytes
        }
    }
}

/// The nearest float16 that is finite.
fn half(value: f32) -> f16 {
    f16::from_f32(value).clamp(f16::MIN, f16::MAX)
}

fn pack_i8(row: &[f32], bytes: &mut Vec<u8>) {
    let largest = row
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    let scale = largest / I8_MOST;
    bytes.extend(scale.to_le_bytes());
    let byte = |value: &f32| {
        // The smallest scales are 0 or coarse: no value has any business beyond 127.
        let steps = if scale > 0.0 { value / scale } else { 0.0 };
        (steps.round().clamp(-I8_MOST, I8_MOST) as i8).cast_unsigned()
    };
    bytes.extend(row.iter().map(byte));
}

/// The signs of at most eight values.
fn signs(values: &[f32]) -> u8 {
    let bit = |(at, value): (usize, &f32)| if *value > 0.0 { FIRST_BIT >> at } else { 0 };
    values.iter().enumerate().map(bit).sum()
}

/// The values of whole rows of `dims` each.
pub(super) fn unpack(encoding: Encoding, dims: usize, bytes: &[u8]) -> Vec<f32> {
    match encoding {
        Encoding::F32 | Encoding::Array => floats(bytes).collect(),
        Encoding::F16 => halves(bytes).map(f32::from).collect(),
        Encoding::I8 => scaled(dims, bytes)
            .flat_map(|(scale, steps)| steps.iter().map(move |step| scaled_value(scale, *step)))
            .collect(),
        Encoding::Ubinary => {
            let rows = bytes.chunks(row_bytes(encoding, dims).max(1));
            let row = |row| (0..dims).map(move |at| sign(row, at));
            rows.flat_map(row).collect()
        }
    }
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    let (values, _) = bytes.as_chunks::<F32_BYTES>();
    values.iter().map(|value| f32::from_le_bytes(*value))
}

fn halves(bytes: &[u8]) -> impl Iterator<Item = f16> + '_ {
    let (values, _) = bytes.as_chunks::<F16_BYTES>();
    values.iter().map(|value| f16::from_le_bytes(*value))
}

/// Scale and bytes of each row of [`Encoding::I8`].
fn scaled(dims: usize, bytes: &[u8]) -> impl Iterator<Item = (f32, &[u8])> {
    let rows = bytes.chunks_exact(row_bytes(Encoding::I8, dims));
    rows.filter_map(|row| {
        let (scale, steps) = row.split_first_chunk()?;
        Some((f32::from_le_bytes(*scale), steps))
    })
}

fn scaled_value(scale: f32, step: u8) -> f32 {
    f32::from(step.cast_signed()) * scale
}

/// 1 or -1, by a value's bit.
fn sign(row: &[u8], at: usize) -> f32 {
    let bit = row[at / 8] & (FIRST_BIT >> (at % 8));
    if bit == 0 { -1.0 } else { 1.0 }
}

/// Checks what whole rows say: values that are finite, and no bits beyond the
/// last one.
///
/// # Errors
/// What is wrong.
pub(super) fn check(encoding: Encoding, dims: usize, bytes: &[u8]) -> Result<(), &'static str> {
    let is_finite = match encoding {
        Encoding::F32 | Encoding::Array => floats(bytes).all(f32::is_finite),
        Encoding::F16 => halves(bytes).all(f16::is_finite),
        Encoding::I8 => scaled(dims, bytes).all(|(scale, steps)| {
            let is_finite = |step: &u8| scaled_value(scale, *step).is_finite();
            scale.is_finite() && steps.iter().all(is_finite)
        }),
        Encoding::Ubinary => {
            let mut rows = bytes.chunks(row_bytes(encoding, dims).max(1));
            let beyond = u8::MAX >> (dims % 8);
            let has_more = |row: &[u8]| row.last().is_some_and(|last| last & beyond != 0);
            if !dims.is_multiple_of(8) && rows.any(has_more) {
                return Err("a row has bits beyond its last value");
            }
            true
        }
    };
    if is_finite {
        Ok(())
    } else {
        Err("a vector holds a value that is not finite")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACKED: [Encoding; 4] = [
        Encoding::F32,
        Encoding::F16,
        Encoding::I8,
        Encoding::Ubinary,
    ];

    /// What is read of what is written.
    fn again(encoding: Encoding, dims: usize, values: &[f32]) -> Vec<f32> {
        let bytes = pack(encoding, dims, values);
        assert_eq!(bytes.len(), values.len() / dims * row_bytes(encoding, dims));
        assert_eq!(
            check(encoding, dims, &bytes),
            Ok(()),
            "{encoding:?} {values:?}"
        );
        unpack(encoding, dims, &bytes)
    }

    /// Whole rows of one width.
    fn rows(value: impl Strategy<Value = f32> + Clone) -> impl Strategy<Value = (usize, Vec<f32>)> {
        (1_usize..40, 0_usize..6).prop_flat_map(move |(dims, count)| {
            (
                Just(dims),
                prop::collection::vec(value.clone(), dims * count),
            )
        })
    }

    /// Any value that is finite.
    fn finite() -> impl Strategy<Value = f32> + Clone {
        use proptest::num::f32::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
        POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
    }

    proptest! {
        #[test]
        fn f32_gives_back_the_same_bits((dims, values) in rows(finite())) {
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&again(Encoding::F32, dims, &values)), bits(&values));
        }

        #[test]
        fn f16_is_within_half_of_its_last_place((dims, values) in rows(-65_504.0_f32..65_504.0)) {
            for (got, value) in again(Encoding::F16, dims, &values).iter().zip(&values) {
                // Below 2^-14 places have a fixed width of 2^-24.
                let most = (value.abs() * 2_f32.powi(-11)).max(2_f32.powi(-25));
                prop_assert!((got - value).abs() <= most, "{} for {}", got, value);
            }
        }

        #[test]
        fn i8_is_within_half_a_step((dims, values) in rows(-1e6_f32..1e6)) {
            let got = again(Encoding::I8, dims, &values);
            for (got, values) in got.chunks_exact(dims).zip(values.chunks_exact(dims)) {
                let largest = values.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
                for (got, value) in got.iter().zip(values) {
                    // Some places more for the division and the product.
                    let most = largest / 127.0 / 2.0 + largest * 1e-6;
                    prop_assert!((got - value).abs() <= most, "{} for {}", got, value);
                }
            }
        }

        #[test]
        fn ubinary_keeps_every_sign((dims, values) in rows(finite())) {
            let signs: Vec<f32> = values.iter().map(|v| if *v > 0.0 { 1.0 } else { -1.0 }).collect();
            prop_assert_eq!(again(Encoding::Ubinary, dims, &values), signs);
        }

        #[test]
        fn whatever_is_finite_stays_so((dims, values) in rows(finite())) {
            for encoding in PACKED {
                let got = again(encoding, dims, &values);
                prop_assert_eq!(got.len(), values.len());
                prop_assert!(got.iter().all(|value| value.is_finite()), "{:?}", encoding);
            }
        }

        #[test]
        fn what_is_checked_has_finite_values(dims in 0_usize..20, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for encoding in PACKED {
                let width = row_bytes(encoding, dims).max(1);
                let whole = &bytes[..bytes.len() / width * width];
                if check(encoding, dims, whole).is_ok() {
                    prop_assert!(unpack(encoding, dims, whole).iter().all(|v| v.is_finite()));
                }
            }
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_contract() {
        let values = [1.0, -2.0, 0.5];
        assert_eq!(
            pack(Encoding::F16, 3, &values),
            [0x00, 0x3c, 0x00, 0xc0, 0x00, 0x38]
        );
        let mut i8 = (2.0_f32 / 127.0).to_le_bytes().to_vec();
        // 1.0 is 63.5 steps, away from 0.
        i8.extend([64, 129, 32]);
        assert_eq!(pack(Encoding::I8, 3, &values), i8);
        assert_eq!(pack(Encoding::Ubinary, 3, &values), [0b1010_0000]);
        let nine = [1.0, 0.0, -0.0, 1e-45, -1.0, 2.0, 3.0, -4.0, 5.0];
        assert_eq!(
            pack(Encoding::Ubinary, 9, &nine),
            [0b1001_0110, 0b1000_0000]
        );
    }

    #[test]
    fn a_row_of_zeros_has_scale_zero() {
        assert_eq!(pack(Encoding::I8, 2, &[0.0, -0.0]), [0; 6]);
    }

    #[test]
    fn infinity_nan_and_bits_of_nothing_are_refused() {
        let largest = f32::MAX.to_le_bytes();
        let row = |scale: [u8; 4], step: u8| [&scale[..], &[step]].concat();
        for (encoding, bytes) in [
            (Encoding::F16, vec![0x00, 0x7c]),
            (Encoding::F16, vec![0x01, 0xfc]),
            (Encoding::I8, row(f32::NAN.to_le_bytes(), 0)),
            (Encoding::I8, row(f32::INFINITY.to_le_bytes(), 1)),
            (Encoding::I8, row(largest, 2)),
            (Encoding::Ubinary, vec![0b1100_0000]),
        ] {
            assert!(
                check(encoding, 1, &bytes).is_err(),
                "{encoding:?} {bytes:?}"
            );
        }
        assert_eq!(check(Encoding::I8, 1, &row(largest, 1)), Ok(()));
    }
}
