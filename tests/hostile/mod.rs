//! Documents made from the shared vectors, to hurt whoever reads them.

pub(crate) mod mutate;

use std::path::Path;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _};
use rmpv::Value;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/vectors");

/// Vectors to start from, as bytes and as the values they hold.
pub(crate) struct Vectors {
    /// Requests that keep the contract.
    pub(crate) requests: Vec<Value>,
    /// Good and bad documents of every kind.
    pub(crate) bytes: Vec<Vec<u8>>,
}

impl Vectors {
    pub(crate) fn read() -> Self {
        let requests = files("valid/text-request");
        let requests = requests
            .iter()
            .map(|bytes| rmpv::decode::read_value(&mut &bytes[..]).expect("a valid vector"));
        let folders = [
            "valid/text-request",
            "rejecting/text-request",
            "valid/info-request",
            "rejecting/info-request",
            "valid/text-reply",
            "rejecting/text-reply",
            "valid/info-reply",
            "valid/error-reply",
        ];
        let vectors = Self {
            requests: requests.collect(),
            bytes: folders.into_iter().flat_map(files).collect(),
        };
        assert!(vectors.requests.len() > 30 && vectors.bytes.len() > 200);
        vectors
    }
}

/// Every vector of a folder, in order of name.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(VECTORS).join(folder);
    let paths = std::fs::read_dir(folder).expect("schemas/vectors");
    let mut paths: Vec<_> = paths.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension() == Some("msgpack".as_ref()));
    paths.sort();
    let read = |path: &Path| std::fs::read(path).expect("a vector");
    paths.iter().map(|path| read(path)).collect()
}

/// One document: of the contract, almost of it, or none at all.
pub(crate) fn body(random: &mut SmallRng, vectors: &Vectors) -> Vec<u8> {
    let request = |random: &mut SmallRng| {
        let mut request = vectors.requests.choose(random).expect("vectors").clone();
        mutate::within_the_contract(random, &mut request);
        request
    };
    match random.random_range(0..100) {
        0..40 => mutate::packed(&request(random)),
        40..60 => {
            let mut request = request(random);
            mutate::out_of_the_contract(random, &mut request);
            mutate::packed(&request)
        }
        60..70 => mutate::json(&request(random)),
        70..75 => {
            let mut bytes = mutate::json(&request(random));
            mutate::bytes(random, &mut bytes, &vectors.bytes);
            bytes
        }
        75..80 => {
            let mut bytes = vec![0; random.random_range(0..300)];
            random.fill_bytes(&mut bytes);
            bytes
        }
        _ => {
            let mut bytes = vectors.bytes.choose(random).expect("vectors").clone();
            mutate::bytes(random, &mut bytes, &vectors.bytes);
            bytes
        }
    }
}
