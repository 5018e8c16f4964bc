//! From token states to one vector.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the states of a text's tokens become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The first token's state.
    Cls,
    /// The mean over the text's tokens, padding left out (Sentence-BERT,
    /// arXiv:1908.10084).
    Mean,
    /// The last token's state, as decoders are pooled: it alone has seen all others
    /// (E5-Mistral, arXiv:2401.00368). Padding is none of them, on either side.
    Last,
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
            Self::Last => "last",
        })
    }
}

impl Pooling {
    /// Appends the vector of one text to `vectors`. `states` is row-major,
    /// tokens × dimensions, the text's own tokens only and at least one.
    pub fn pool(self, states: &[f32], dimensions: usize, normalize: bool, vectors: &mut Vec<f32>) {
        let start = vectors.len();
        let first = match self {
            Self::Cls | Self::Mean => 0,
            Self::Last => states.len() - dimensions,
        };
        vectors.extend_from_slice(&states[first..][..dimensions]);
        let vector = &mut vectors[start..];
        if self == Self::Mean {
            for state in states.chunks_exact(dimensions).skip(1) {
                for (sum, value) in vector.iter_mut().zip(state) {
                    *sum += value;
                }
            }
            let tokens = (states.len() / dimensions) as f32;
            vector.iter_mut().for_each(|sum| *sum /= tokens);
        }
        if normalize {
            unit_length(vector);
        }
    }
}

/// Scales to unit Euclidean length; a zero vector stays zero.
pub(crate) fn unit_length(vector: &mut [f32]) {
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value /= norm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_pooling_averages_the_tokens_it_is_given() {
        let mut vectors = vec![9.0];
        Pooling::Mean.pool(&[1.0, 2.0, 3.0, 6.0], 2, false, &mut vectors);
        assert_eq!(vectors, [9.0, 2.0, 4.0]);
    }

    #[test]
    fn cls_pooling_takes_the_first_token() {
        let mut vectors = Vec::new();
        Pooling::Cls.pool(&[3.0, 4.0, 9.0, 9.0], 2, true, &mut vectors);
        assert_eq!(vectors, [0.6, 0.8]);
    }

    #[test]
    fn last_pooling_takes_the_last_token() {
        let mut vectors = Vec::new();
        Pooling::Last.pool(&[9.0, 9.0, 1.0, 1.0, 3.0, 4.0], 2, true, &mut vectors);
        Pooling::Last.pool(&[5.0, 6.0], 2, false, &mut vectors);
        assert_eq!(vectors, [0.6, 0.8, 5.0, 6.0]);
    }

    #[test]
    fn a_zero_vector_stays_zero_when_normalised() {
        let mut vectors = Vec::new();
        Pooling::Mean.pool(&[0.0, 0.0], 2, true, &mut vectors);
        assert_eq!(vectors, [0.0, 0.0]);
    }
}
