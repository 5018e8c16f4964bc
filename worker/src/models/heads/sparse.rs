//! Weights of vocabulary ids.

use std::collections::BTreeMap;

use ort::session::SessionOutputs;
use safetensors::SafeTensors;

use super::{Fed, Outputs, at, chosen};
use crate::models::{Error, SparseRow};

/// A masked language model's head (SPLADE, arXiv:2109.10086): of each word of the
/// vocabulary the largest logit over a text's tokens, its logarithm taken after.
/// The maximum comes first: the logarithm rises, so it is the same, and it is
/// taken once a word.
#[derive(Clone, Debug)]
pub(in crate::models) struct Splade {
    /// The output that holds the logits, where one is named.
    pub(in crate::models) output: Option<String>,
    /// Which it is where there are several and none is named.
    pub(in crate::models) preferred: &'static str,
    /// The logarithm is taken twice (the inference-free models, arXiv:2411.04403).
    pub(in crate::models) twice: bool,
    /// Ids that get no weight, rising.
    pub(in crate::models) without: Vec<u32>,
    /// Words that the tokenizer knows: a model of them has no fewer.
    pub(in crate::models) known: usize,
}

impl Splade {
    /// Refuses what are not logits of the tokenizer's words: an encoder's states
    /// would be read as weights of its first words.
    ///
    /// # Errors
    /// [`Error::Run`], also where the output is missing.
    pub(super) fn measure(&self, session: &SessionOutputs<'_>) -> Result<(), Error> {
        let words = chosen(session, self.output.as_deref(), &[self.preferred])?.last();
        if words >= self.known {
            return Ok(());
        }
        Err(Error::run(format!(
            "gives {words} values for each token, and the tokenizer knows {} words: \
             no weights of words",
            self.known
        )))
    }

    pub(super) fn read(
        &self,
        session: &SessionOutputs<'_>,
        fed: Fed<'_>,
        outputs: &mut Outputs,
    ) -> Result<(), Error> {
        let logits = chosen(session, self.output.as_deref(), &[self.preferred])?;
        let words = logits.last();
        logits.expect(&[fed.rows.len(), fed.width, words])?;
        let mut most = vec![0.0_f32; words];
        for (row, states) in fed
            .rows
            .iter()
            .zip(logits.values.chunks_exact((fed.width * words).max(1)))
        {
            most.fill(0.0);
            let own = &states[..row.ids().len() * words];
            for token in own.chunks_exact(words.max(1)) {
                for (most, logit) in most.iter_mut().zip(token) {
                    // Unlike `max`, keeps what is no number, which is told later.
                    if *logit > *most || logit.is_nan() {
                        *most = *logit;
                    }
                }
            }
            outputs.sparse.push(self.weights(&most));
        }
        Ok(())
    }

    fn weights(&self, most: &[f32]) -> SparseRow {
        let mut row = SparseRow::default();
        for (id, logit) in (0_u32..).zip(most) {
            if *logit == 0.0 || self.without.binary_search(&id).is_ok() {
                continue;
            }
            let once = logit.ln_1p();
            let weight = if self.twice { once.ln_1p() } else { once };
            if weight != 0.0 {
                row.indices.push(id);
                row.values.push(weight);
            }
        }
        row
    }
}

/// BGE-M3's lexical weights (arXiv:2402.03216, 3.2): a linear map of each token's
/// state to one number; of an id that comes again, the largest.
#[derive(Clone, Debug)]
pub(in crate::models) struct Linear {
    weights: Vec<f32>,
    bias: f32,
}

/// `sparse_linear.pt` of huggingface.co/BAAI/bge-m3 (MIT), which no ONNX export on
/// the hub holds, as safetensors; sha256 in ARCHITECTURE.md.
const BGE_M3: &[u8] = include_bytes!("bge_m3_sparse_linear.safetensors");

/// `<s>`, `<pad>`, `</s>` and `<unk>` of XLM-RoBERTa's vocabulary.
const NO_WORDS: std::ops::RangeInclusive<u32> = 0..=3;

impl Linear {
    /// The map that BGE-M3 was trained with.
    ///
    /// # Errors
    /// The reason, as text, where it cannot be read.
    pub(in crate::models) fn of_bge_m3() -> Result<Self, String> {
        let file = SafeTensors::deserialize(BGE_M3).map_err(|fault| fault.to_string())?;
        let read = |wanted: &str| {
            let names = file.names();
            let name = names.iter().find(|name| name.ends_with(wanted));
            let name = name.ok_or_else(|| format!("no tensor {wanted}"))?;
            let tensor = file.tensor(name).map_err(|fault| fault.to_string())?;
            if tensor.dtype() != safetensors::Dtype::F32 {
                return Err(format!("{name} is not float32"));
            }
            let (values, _) = tensor.data().as_chunks::<4>();
            Ok::<Vec<f32>, String>(
                values
                    .iter()
                    .map(|bytes| f32::from_le_bytes(*bytes))
                    .collect(),
            )
        };
        let bias = read("bias")?;
        Ok(Self {
            weights: read("weight")?,
            bias: *bias.first().ok_or("no bias")?,
        })
    }

    pub(super) fn read(
        &self,
        session: &SessionOutputs<'_>,
        fed: Fed<'_>,
        outputs: &mut Outputs,
    ) -> Result<(), Error> {
        let states = at(session, 0)?;
        let values = self.weights.len();
        states.expect(&[fed.rows.len(), fed.width, values])?;
        for (row, states) in fed
            .rows
            .iter()
            .zip(states.values.chunks_exact(fed.width * values))
        {
            let weigh = |state: &[f32]| {
                let sum: f32 = state
                    .iter()
                    .zip(&self.weights)
                    .map(|(one, other)| one * other)
                    .sum();
                sum + self.bias
            };
            let weights = states.chunks_exact(values).map(weigh);
            outputs.sparse.push(lexical(row.ids(), weights));
        }
        Ok(())
    }
}

/// The largest weight above zero of each word among `ids`.
pub(super) fn lexical(ids: &[u32], weights: impl Iterator<Item = f32>) -> SparseRow {
    let mut most: BTreeMap<u32, f32> = BTreeMap::new();
    for (id, weight) in ids.iter().zip(weights) {
        // What is no number stays, and is told later.
        if NO_WORDS.contains(id) || weight <= 0.0 {
            continue;
        }
        let known = most.entry(*id).or_insert(weight);
        if weight > *known || weight.is_nan() {
            *known = weight;
        }
    }
    SparseRow {
        indices: most.keys().copied().collect(),
        values: most.into_values().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_comes_again_gets_its_largest_weight_and_special_ones_none() {
        let row = lexical(&[0, 9, 7, 9, 2], [5.0, 0.5, 0.25, 0.75, 5.0].into_iter());
        assert_eq!((row.indices, row.values), (vec![7, 9], vec![0.25, 0.75]));
    }

    #[test]
    fn weights_are_the_logarithms_of_what_is_above_zero_without_special_words() {
        let head = |twice| Splade {
            output: None,
            preferred: "logits",
            twice,
            without: vec![3],
            known: 5,
        };
        let most = [0.0, 1.0, 0.0, 9.0, 3.0];
        let once = head(false).weights(&most);
        assert_eq!(once.indices, [1, 4]);
        assert!((once.values[1] - 4.0_f32.ln()).abs() < 1e-6);
        let twice = head(true).weights(&most).values[1];
        assert!((twice - (1.0 + 4.0_f32.ln()).ln()).abs() < 1e-6);
    }

    #[test]
    fn bge_m3s_map_is_read() {
        let map = Linear::of_bge_m3().unwrap();
        assert_eq!(map.weights.len(), 1024);
        assert!((map.bias - 0.0452).abs() < 1e-3, "{}", map.bias);
    }
}
