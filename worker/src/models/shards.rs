//! Weights in several safetensors files, and the index that names them, as Hugging
//! Face's transformers writes both
//! (huggingface.co/docs/transformers/big_models).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The index's file (fastembed 7.5, `common.rs`, `safetensors_weight_files`).
pub(super) const INDEX: &str = "model.safetensors.index.json";

#[derive(Deserialize)]
struct Index {
    /// The file of each tensor.
    weight_map: BTreeMap<String, String>,
}

/// The files that an index names, each of them once.
///
/// # Errors
/// The reason, as text.
pub(super) fn named(index: &[u8]) -> Result<BTreeSet<String>, String> {
    let index: Index = serde_json::from_slice(index)
        .map_err(|fault| format!("is not an index of weights: {fault}"))?;
    if index.weight_map.is_empty() {
        return Err("is an index of no weights".to_owned());
    }
    Ok(index.weight_map.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_names_each_file_once_and_anything_else_is_none() {
        let index = br#"{"metadata":{},"weight_map":{"a":"2.st","b":"1.st","c":"2.st"}}"#;
        let files: Vec<String> = named(index).unwrap().into_iter().collect();
        assert_eq!(files, ["1.st", "2.st"]);
        for other in [
            &b"{}"[..],
            b"",
            br#"{"weight_map":{}}"#,
            br#"{"weight_map":["1.st"]}"#,
        ] {
            assert!(named(other).is_err());
        }
    }
}
