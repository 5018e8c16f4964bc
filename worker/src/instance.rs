//! Who this worker is among its fleet.

/// Characters of an instance id: 62^22 are more than 2^128.
const LENGTH: usize = 22;

/// A fresh instance id, which is also a subject token.
#[must_use]
pub fn random() -> String {
    let alphabet = rand::distr::Alphanumeric;
    let letters = rand::distr::Distribution::<u8>::sample_iter(alphabet, rand::rng());
    letters.take(LENGTH).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_id_is_a_subject_token_and_never_the_same() {
        let (one, other) = (random(), random());
        assert!(one.len() == LENGTH && one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one, other);
    }
}
