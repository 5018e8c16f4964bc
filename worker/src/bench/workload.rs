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

const MIN_WORDS: u64 = 4;
const MAX_WORDS: u64 = 102;

/// `count` distinct texts of 4 to 102 words, most of them short.
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
    // A product of uniform draws has the long tail that lengths of texts have.
    let share = random.unit() * random.unit() * random.unit();
    let words = MIN_WORDS + (share * (MAX_WORDS - MIN_WORDS + 1) as f64) as u64;
    let words: Vec<String> = (0..words).map(|_| word(random)).collect();
    words.join(" ")
}

fn word(random: &mut SplitMix) -> String {
    if random.below(10) < 4 {
        return COMMON[random.below(COMMON.len())].to_owned();
    }
    (0..2 + random.below(3))
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
        for text in &one {
            let words = text.split(' ').count() as u64;
            assert!((MIN_WORDS..=MAX_WORDS).contains(&words), "{words} words");
        }
    }
}
