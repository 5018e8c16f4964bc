//! Changes to a document: some that the contract allows, some that it does not,
//! and some that know nothing of documents.

use rand::RngExt as _;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rmpv::Value;

/// Longest document that changes to bytes leave.
const MAX_BYTES: usize = 300_000;

/// The document in MessagePack.
pub(crate) fn packed(document: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, document).expect("a vector can be written to");
    bytes
}

/// The document in JSON; what that cannot say becomes text.
pub(crate) fn json(document: &Value) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_else(|_| document.to_string().into_bytes())
}

fn pairs(document: &mut Value) -> &mut Vec<(Value, Value)> {
    match document {
        Value::Map(pairs) => pairs,
        other => panic!("{other} is no request"),
    }
}

fn set(document: &mut Value, key: &str, value: Value) {
    let pairs = pairs(document);
    pairs.retain(|(known, _)| known.as_str() != Some(key));
    pairs.push((key.into(), value));
}

/// Text of any length up to `most` characters, of any alphabet.
fn text(random: &mut SmallRng, most: usize) -> String {
    let length = random.random_range(0..=most);
    let letter = |_| match random.random_range(0..10) {
        0..2 => ' ',
        2..8 => char::from(random.random_range(b'a'..=b'z')),
        8 => random.random_range('\u{0}'..'\u{800}'),
        _ => random.random::<char>(),
    };
    (0..length).map(letter).collect()
}

/// Changes that leave a request which most often gets its vectors.
pub(crate) fn within_the_contract(random: &mut SmallRng, request: &mut Value) {
    // A demand that one model cannot meet would refuse most requests.
    let meets_demands = random.random_bool(0.9);
    pairs(request).retain(|(key, _)| {
        let demand = ["dimensions", "prompt", "space", "encoding"];
        !(meets_demands && demand.iter().any(|known| key.as_str() == Some(known)))
    });
    match random.random_range(0..100) {
        0..60 => {
            let count = random.random_range(1..6);
            let texts = (0..count).map(|_| text(random, 40).into());
            set(request, "inputs", Value::Array(texts.collect()));
        }
        60..65 => {
            // More tokens than the fake model takes; with `truncate` off, an error.
            let long = "word ".repeat(random.random_range(1..100));
            set(request, "inputs", Value::Array(vec![long.into()]));
            set(request, "truncate", random.random_bool(0.5).into());
        }
        // Longer than any text may be. Rare, as each costs as much as a thousand others.
        65 if random.random_bool(0.2) => {
            let long = "x".repeat(131_073);
            set(request, "inputs", Value::Array(vec![long.into()]));
        }
        66 => set(request, "space", "elsewhere".into()),
        67..70 => {
            let key = ["a", "b", "c"].choose(random).expect("a list");
            let meta = vec![((*key).into(), text(random, 3000).into())];
            set(request, "meta", Value::Map(meta));
        }
        _ => {}
    }
    if random.random_bool(0.1) {
        let encodings = ["f32", "array", "f16", "i8", "ubinary", "f64"];
        let encoding = *encodings.choose(random).expect("a list");
        set(request, "encoding", encoding.into());
    }
}

/// One change that breaks the contract almost always.
pub(crate) fn out_of_the_contract(random: &mut SmallRng, request: &mut Value) {
    let odd = odd(random);
    let pairs = pairs(request);
    let at = random.random_range(0..pairs.len());
    match random.random_range(0..6) {
        0 => pairs[at].1 = odd,
        1 => pairs[at].0 = odd,
        2 => pairs.push((text(random, 20).into(), odd)),
        3 => pairs.push(pairs[at].clone()),
        4 => drop(pairs.remove(at)),
        _ => match &mut pairs[at].1 {
            Value::Array(values) => values.push(odd),
            Value::Map(inner) => inner.push((odd.clone(), odd)),
            value => *value = odd,
        },
    }
}

/// A value that few keys take.
fn odd(random: &mut SmallRng) -> Value {
    match random.random_range(0..11) {
        0 => Value::Nil,
        1 => random.random::<i64>().into(),
        2 => random.random::<u64>().into(),
        3 => Value::F32(f32::from_bits(random.random())),
        4 => Value::F64(f64::from_bits(random.random())),
        5 => Value::Binary(vec![random.random(); random.random_range(0..60)]),
        6 => Value::Ext(random.random(), vec![0; random.random_range(0..20)]),
        7 => Value::Array(vec![Value::Nil; random.random_range(0..5000)]),
        8 => text(random, 400).into(),
        9 => {
            let nest = |inner, _| Value::Array(vec![inner]);
            (0..random.random_range(0..40)).fold(Value::Nil, nest)
        }
        _ => {
            let keys = 0..random.random_range(0..3000_u32);
            Value::Map(
                keys.map(|key| (key.to_string().into(), Value::Nil))
                    .collect(),
            )
        }
    }
}

/// Up to four changes that know nothing of the format.
pub(crate) fn bytes(random: &mut SmallRng, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..random.random_range(0..5) {
        if bytes.is_empty() {
            return;
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..7) {
            0 => bytes[at] = random.random(),
            1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.random()),
            4 => bytes.extend_from_within(at..),
            // A marker with a length behind it, and a length that lies.
            5 => {
                let marker = [0xc6, 0xdb, 0xdd, 0xdf, 0xdc, 0xde, 0xc9];
                let marker = *marker.choose(random).expect("a list");
                let length: u32 = random.random::<u32>() >> random.random_range(0..32);
                let lie = [&[marker][..], &length.to_be_bytes()].concat();
                bytes.splice(at..at, lie);
            }
            // The end of another document.
            _ => {
                let other = others.choose(random).expect("vectors");
                bytes.truncate(at);
                bytes.extend_from_slice(&other[other.len() - at.min(other.len())..]);
            }
        }
    }
    bytes.truncate(MAX_BYTES);
}
