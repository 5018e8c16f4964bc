//! Documents whose form in memory would be many times their size.

use serde_json::json;

/// Bytes of each: as much as a server passes on by default.
const SIZE: usize = 1 << 20;

/// Where a value may stand: in every document that some reader knows.
const PLACES: [&[&str]; 15] = [
    &["inputs"],
    &["attempts"],
    &["meta"],
    &["normalize"],
    &["prompt"],
    &["encoding"],
    &["dimensions"],
    &["unknown"],
    &["embeddings"],
    &["embeddings", "rows"],
    &["embeddings", "data"],
    &["tokens"],
    &["errors"],
    &["aliases"],
    &["message"],
];

/// Name and bytes of each.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for place in PLACES {
        let leads_to = place.join(".");
        for (name, value) in packed_values() {
            let mut bytes = Vec::new();
            for key in place {
                bytes.push(0x81);
                bytes.push(0xa0 + key.len() as u8);
                bytes.extend(key.bytes());
            }
            bytes.extend(value);
            all.push((format!("{leads_to}: {name}"), bytes));
        }
        for (name, value) in json_values() {
            let (before, after) = (place.join("\":{\""), "}".repeat(place.len()));
            let bytes = format!("{{\"{before}\":{value}{after}").into_bytes();
            all.push((format!("{leads_to}: {name}, JSON"), bytes));
        }
    }
    all.extend(documents());
    all
}

/// An array of `entry` over and over.
fn array(entry: &[u8]) -> Vec<u8> {
    repeated(0xdd, entry, SIZE / entry.len())
}

fn repeated(marker: u8, entry: &[u8], count: usize) -> Vec<u8> {
    let mut bytes = vec![marker];
    bytes.extend((count as u32).to_be_bytes());
    bytes.extend(entry.repeat(count));
    bytes
}

/// A map of keys that differ, as short as can be, each with nil.
fn keys() -> Vec<u8> {
    let count = SIZE as u32 / 5;
    let mut bytes = vec![0xdf];
    bytes.extend(count.to_be_bytes());
    for key in 0..count {
        // Three bytes of ASCII.
        let letters = [key & 0x7f, key >> 7 & 0x7f, key >> 14].map(|letter| letter as u8);
        bytes.push(0xa3);
        bytes.extend(letters);
        bytes.push(0x01);
    }
    bytes
}

fn text(letter: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xdb];
    let count = SIZE / letter.len();
    bytes.extend(((letter.len() * count) as u32).to_be_bytes());
    bytes.extend(letter.repeat(count));
    bytes
}

fn packed_values() -> Vec<(&'static str, Vec<u8>)> {
    // Fifteen levels, each of which claims all that is left.
    let mut nested = Vec::new();
    for _ in 0..14 {
        nested.extend(b"\xdf\x00\x07\x00\x00\xa1a");
    }
    nested.extend(vec![0x01; SIZE]);
    let mut bin = vec![0xc6];
    bin.extend((SIZE as u32).to_be_bytes());
    bin.extend(vec![0; SIZE]);
    vec![
        ("empty strings", array(b"\xa0")),
        ("strings of one letter", array(b"\xa1a")),
        ("4,096 strings", repeated(0xdd, b"\xa1a", 4096)),
        ("numbers", array(b"\x01")),
        ("marks", array(b"\xc2")),
        ("empty lists", array(b"\x90")),
        ("empty maps", array(b"\x80")),
        ("lists of one float", array(b"\x91\xca\x00\x00\x00\x00")),
        (
            "one list of floats",
            [b"\x91".to_vec(), array(b"\xca\x00\x00\x00\x00")].concat(),
        ),
        (
            "item errors",
            array(b"\x84\xa5index\x00\xa4code\x00\xa4name\xa0\xa7message\xa0"),
        ),
        ("keys that differ", keys()),
        ("equal keys", repeated(0xdf, b"\xa0\x01", SIZE / 2)),
        ("nested claims", nested),
        ("a long claim", b"\xdd\xff\xff\xff\xff".to_vec()),
        ("one long text", text(b"a")),
        ("text of control characters", text(b"\x01")),
        ("text of combining characters", text("\u{301}".as_bytes())),
        ("bytes", bin),
    ]
}

fn json_values() -> Vec<(&'static str, String)> {
    let list = |entry: &str| {
        format!(
            "[{}{entry}]",
            format!("{entry},").repeat(SIZE / (entry.len() + 1))
        )
    };
    let keys: Vec<String> = (0..SIZE / 10).map(|key| format!("\"{key:x}\":0")).collect();
    vec![
        ("empty strings", list("\"\"")),
        ("numbers", list("0")),
        ("large numbers", list("1e300")),
        ("empty lists", list("[]")),
        ("empty maps", list("{}")),
        ("keys that differ", format!("{{{}}}", keys.join(","))),
        ("one long text", json!("a".repeat(SIZE)).to_string()),
        ("escaped text", format!("\"{}\"", "\\n".repeat(SIZE / 2))),
        (
            "text escaped at its end",
            format!("\"{}\\n\"", "a".repeat(SIZE)),
        ),
        ("a number of many digits", "1".repeat(SIZE)),
        (
            "a fraction of many digits",
            format!("0.{}", "1".repeat(SIZE)),
        ),
        ("nested lists", "[".repeat(SIZE)),
    ]
}

/// Whole documents, read to their ends.
fn documents() -> Vec<(String, Vec<u8>)> {
    let key = [b"\x81".to_vec(), text(b"\x01"), vec![1]].concat();
    let mut keys_first = b"\x82\xa1k".to_vec();
    keys_first.extend(keys());
    keys_first.extend(b"\xa6tokens");
    keys_first.extend(array(b"\x01"));
    let inputs = vec!["\u{1}".repeat(200); 4096];
    vec![
        ("a key as long as the document".to_owned(), key),
        ("keys, and a list behind them".to_owned(), keys_first),
        (
            "4,096 texts of escapes, JSON".to_owned(),
            json!({ "inputs": inputs }).to_string().into_bytes(),
        ),
        (
            "an unknown key as long as the document, JSON".to_owned(),
            json!({ "\u{1}".repeat(SIZE / 6): 1 })
                .to_string()
                .into_bytes(),
        ),
        ("no map at all".to_owned(), vec![b' '; SIZE]),
    ]
}
