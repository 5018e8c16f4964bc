//! A model without weights: hash vectors, and faults on demand.
//!
//! Its tokens are the text's words, so that plans, queues and the bus can be
//! tested with lengths of choice and no inference.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::catalog::Own;
use super::{
    Error, Facts, Loaded, Model, Outputs, Pooling, Row, Shape, Terminate, Tokenize, Tokens,
};
use crate::random::SplitMix;
use crate::wire;

/// Ids that stand before and after every text.
const BEGIN: u32 = 1;
const END: u32 = 2;

/// Tokens of a text when the configuration sets none, special ones included.
pub const MAX_TOKENS: usize = 256;

/// What may go before a text: a word.
const PROMPTS: [(&str, &str); 2] = [("query", "query: "), ("passage", "passage: ")];

/// How the fake behaves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Values in a vector; 8 when 0. A model's own key.
    #[serde(skip)]
    pub dimensions: usize,
    /// Time that each run takes, in milliseconds.
    pub delay_ms: u64,
    /// Time that loading takes, in milliseconds.
    pub load_ms: u64,
    /// Bytes of memory that it takes while it is loaded.
    pub memory_bytes: usize,
    /// A run panics when a text of its batch has this word.
    pub panic_on: Option<String>,
    /// A run with this word takes until it is terminated.
    pub stall_on: Option<String>,
    /// A run with this word never returns.
    pub hang_on: Option<String>,
    /// The vector of a text with this word holds NaN.
    pub nan_on: Option<String>,
}

impl Behaviour {
    /// Every key, with a value of its type.
    #[must_use]
    pub fn sample() -> Self {
        let text = || Some(String::new());
        Self {
            panic_on: text(),
            stall_on: text(),
            hang_on: text(),
            nan_on: text(),
            ..Self::default()
        }
    }
}

/// Makes a fake model of `instances` executors.
#[must_use]
pub fn load(name: &str, max_tokens: usize, instances: usize, behaviour: &Behaviour) -> Loaded {
    let dimensions = if behaviour.dimensions == 0 {
        8
    } else {
        behaviour.dimensions
    };
    let own = Own {
        // No repository: that would be another name for it.
        directory: Some("fake".into()),
        prompts: PROMPTS
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        matryoshka: vec![dimensions.div_ceil(2)],
        license: Some("Apache-2.0".to_owned()),
        ..Own::default()
    };
    let (entry, shape) = (
        own.entry(name, None, None),
        Shape {
            dense: dimensions,
            ..Shape::default()
        },
    );
    let terms = format!("fake {dimensions} {max_tokens}");
    let facts = Arc::new(Facts {
        max_tokens,
        pooling: Some(Pooling::Mean),
        batch_invariant: true,
        executors: instances,
        threads: 1,
        ..Facts::of(&entry, "fake".to_owned(), shape, &[], &terms)
    });
    // Not zeros, which a system need not give memory for.
    let weights = Arc::new(vec![1; behaviour.memory_bytes]);
    let instance = || {
        Box::new(Fake {
            dimensions,
            delay: Duration::from_millis(behaviour.delay_ms),
            panic_on: behaviour.panic_on.as_deref().map(word_id),
            stall_on: behaviour.stall_on.as_deref().map(word_id),
            hang_on: behaviour.hang_on.as_deref().map(word_id),
            nan_on: behaviour.nan_on.as_deref().map(word_id),
            stall: Arc::default(),
            _weights: Arc::clone(&weights),
        }) as Box<dyn Model>
    };
    Loaded {
        facts,
        tokenizer: Arc::new(Words { max_tokens }),
        instances: (0..instances).map(|_| instance()).collect(),
    }
}

struct Words {
    max_tokens: usize,
}

impl Tokenize for Words {
    fn tokenize(&self, text: &str) -> Result<Tokens, wire::Error> {
        let room = self.max_tokens.saturating_sub(2);
        let mut words = text.split_whitespace().map(word_id);
        let mut ids = vec![BEGIN];
        ids.extend(words.by_ref().take(room));
        ids.push(END);
        let truncated = words.next().is_some();
        Ok(Tokens::of_text(ids, truncated))
    }
}

fn word_id(word: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    // 0 would read as padding.
    (hasher.finish() as u32).max(END + 1)
}

struct Fake {
    dimensions: usize,
    delay: Duration,
    panic_on: Option<u32>,
    stall_on: Option<u32>,
    hang_on: Option<u32>,
    nan_on: Option<u32>,
    stall: Arc<Stall>,
    _weights: Arc<Vec<u8>>,
}

/// A run that waits for its end.
#[derive(Default)]
struct Stall {
    terminated: Mutex<bool>,
    changed: Condvar,
}

impl Stall {
    fn wait(&self) -> Error {
        let terminated = self
            .terminated
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_while(terminated, |terminated| !*terminated);
        *waited.unwrap_or_else(PoisonError::into_inner) = false;
        Error::run("terminated")
    }
}

impl Terminate for Stall {
    fn terminate(&self) {
        *self
            .terminated
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}

impl Model for Fake {
    #[expect(clippy::panic, reason = "a model that panics is what this one plays")]
    fn run(&mut self, rows: &[Row<'_>], outputs: &mut Outputs) -> Result<(), Error> {
        if !self.delay.is_zero() {
            std::thread::sleep(self.delay);
        }
        for row in rows {
            let has = |word: Option<u32>| word.is_some_and(|id| row.ids().contains(&id));
            if has(self.stall_on) {
                return Err(self.stall.wait());
            }
            while has(self.hang_on) {
                std::thread::park();
            }
            if has(self.panic_on) {
                panic!("the fake model was asked to panic");
            }
            let states: Vec<f32> = hashed(row.ids()).take(self.dimensions).collect();
            let normalize = row.options.normalize;
            Pooling::Cls.pool(&states, self.dimensions, normalize, &mut outputs.dense);
            if has(self.nan_on)
                && let Some(last) = outputs.dense.last_mut()
            {
                *last = f32::NAN;
            }
        }
        Ok(())
    }

    fn terminator(&self) -> Arc<dyn Terminate> {
        Arc::clone(&self.stall) as Arc<dyn Terminate>
    }
}

/// Values between -1 and 1 that depend on every id: a hash of them, spread by
/// SplitMix (Steele, Lea and Flood, OOPSLA 2014).
fn hashed(ids: &[u32]) -> impl Iterator<Item = f32> {
    let mut hasher = DefaultHasher::new();
    ids.hash(&mut hasher);
    let mut random = SplitMix::new(hasher.finish());
    std::iter::repeat_with(move || (random.unit() * 2.0 - 1.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fake_gives_a_text_the_same_vector_in_any_company() {
        let mut loaded = load("Fake", 16, 1, &Behaviour::default());
        let one = loaded.tokenizer.tokenize("a b c").unwrap().ids;
        let two = loaded.tokenizer.tokenize("d").unwrap().ids;
        let (mut alone, mut together) = (Outputs::default(), Outputs::default());
        let model = &mut loaded.instances[0];
        model.run(&[Row::text(&one)], &mut alone).unwrap();
        let company = [Row::text(&two), Row::text(&one)];
        model.run(&company, &mut together).unwrap();
        assert_eq!(alone.dense, together.dense[8..]);
    }

    #[test]
    fn the_fakes_tokens_are_words_cut_at_the_maximum() {
        let tokenizer = Words { max_tokens: 4 };
        let exact = tokenizer.tokenize("one two").unwrap();
        assert_eq!((exact.ids.len(), exact.truncated), (4, false));
        let cut = tokenizer.tokenize("one two three").unwrap();
        assert_eq!((cut.ids.len(), cut.truncated), (4, true));
    }
}
