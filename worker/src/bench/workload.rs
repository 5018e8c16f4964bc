//! Texts of mixed lengths, the same on every machine.

use crate::random::SplitMix;

/// Syllables of made-up words: what a tokenizer splits much as it splits names
/// and terms, so that tokens run ahead of words.
const SYLLABLES: &[&str] = &[
    "ba", "cor", "dan", "el", "fi", "gra", "hu", "in", "ju", "kel", "lo", "mar", "ne", "or", "pra",
    "qui", "ro", "sta", "tu", "ul", "ver", "wi", "xen", "ya", "zo",
];

/// Words that every vocabulary has.
const COMMON: &[&str] = &[
    "the", "a", "of", "and", "to", "in", "for", "with", "on", "is", "by", "as", "not", "from",
];

/// One word in so many is a common one; with the syllables of the others a word
/// is three tokens, as terms and names are.
const COMMON_SHARE: f64 = 0.3;
const MIN_SYLLABLES: usize = 2;
const MAX_SYLLABLES: usize = 5;

const MIN_WORDS: f64 = 4.0;
const MAX_WORDS: f64 = 102.0;

/// Lengths are log-normal, as those of sentences and passages are: most are
/// short, and a few reach the longest that a model reads.
const MEDIAN_WORDS: f64 = 10.0;
const SPREAD: f64 = 0.75;

/// `count` distinct texts of 4 to 102 words, 13 in the mean, and some 39 tokens
/// in the mean.
#[must_use]
pub fn texts(seed: u64, count: usize) -> Vec<String> {
    let mut random = SplitMix::new(seed);
    let mut seen = std::collections::HashSet::new();
    std::iter::repeat_with(|| text(&mut random))
        .filter(|text| seen.insert(text.clone()))
        .take(count)
        .collect()
}

fn text(random: &mut SplitMix) -> String {
    let words = MEDIAN_WORDS * (SPREAD * normal(random)).exp();
    let words = words.clamp(MIN_WORDS, MAX_WORDS) as usize;
    let words: Vec<String> = (0..words).map(|_| word(random)).collect();
    words.join(" ")
}

/// A draw of the normal distribution (Box and Muller, 1958).
fn normal(random: &mut SplitMix) -> f64 {
    let (radius, angle) = (1.0 - random.unit(), random.unit());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn word(random: &mut SplitMix) -> String {
    if random.unit() < COMMON_SHARE {
        return COMMON[random.below(COMMON.len())].to_owned();
    }
    (0..MIN_SYLLABLES + random.below(MAX_SYLLABLES - MIN_SYLLABLES + 1))
        .map(|_| SYLLABLES[random.below(SYLLABLES.len())])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_distinct_texts_within_the_bounds() {
        let one = texts(1, 1024);
        assert_eq!(one, texts(1, 1024));
        assert_ne!(one, texts(2, 1024));
        let distinct: std::collections::HashSet<&String> = one.iter().collect();
        assert_eq!(distinct.len(), 1024);
        let words: Vec<usize> = one.iter().map(|text| text.split(' ').count()).collect();
        assert_eq!(words.iter().min(), Some(&4));
        assert_eq!(words.iter().max(), Some(&102));
        let mean = words.iter().sum::<usize>() as f64 / 1024.0;
        assert!((12.0..14.0).contains(&mean), "{mean} words");
    }
}
