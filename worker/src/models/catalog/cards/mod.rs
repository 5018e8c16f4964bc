//! What fastembed's lists leave out, as the models' authors say it. A fact that
//! is not certain is absent.

mod alibaba;
mod baai;
mod google;
mod intfloat;
mod jinaai;
mod mixedbread;
mod nomic;
mod qwen;
mod sentence_transformers;
mod snowflake;
mod sparse;
mod vision;

use super::{Entry, Op};

/// A model, as its authors describe it, and the variants of fastembed that it is.
#[derive(Debug)]
pub struct Card {
    /// Hub repository of the authors.
    pub page: &'static str,
    /// The page that says what stands here, where that is another one.
    pub said_by: Option<&'static str>,
    /// Variants that hold the weights as they were published.
    pub exports: &'static [(Op, &'static str)],
    /// Variants with weights made smaller.
    pub smaller: &'static [(Op, &'static str)],
    /// SPDX identifier of the weights' licence.
    pub license: Option<&'static str>,
    /// Tokens that it was made for at most, special ones included.
    pub context: Option<usize>,
    /// What goes before a text, by the name of what the text is.
    pub prompts: &'static [(&'static str, &'static str)],
    /// Lengths to which its vectors can be cut, the longest first.
    pub matryoshka: &'static [usize],
}

/// A card with nothing on it.
const BLANK: Card = Card {
    page: "",
    said_by: None,
    exports: &[],
    smaller: &[],
    license: None,
    context: None,
    prompts: &[],
    matryoshka: &[],
};

/// Name of the prompt for a text that asks.
const QUERY: &str = "query";
/// Name of the prompt for a text that is searched.
const PASSAGE: &str = "passage";

const APACHE: Option<&str> = Some("Apache-2.0");
const MIT: Option<&str> = Some("MIT");

/// An instruction that several models of English retrieval were trained with.
const REPRESENT: &[(&str, &str)] = &[(
    QUERY,
    "Represent this sentence for searching relevant passages: ",
)];

impl Card {
    /// Every card.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        const ALL: [&[Card]; 12] = [
            alibaba::CARDS,
            baai::CARDS,
            google::CARDS,
            intfloat::CARDS,
            jinaai::CARDS,
            mixedbread::CARDS,
            nomic::CARDS,
            qwen::CARDS,
            sentence_transformers::CARDS,
            snowflake::CARDS,
            sparse::CARDS,
            vision::CARDS,
        ];
        ALL.into_iter().flatten()
    }

    /// The card of a variant.
    #[must_use]
    pub fn of(op: Op, name: &str) -> Option<&'static Self> {
        Self::all().find(|card| card.variants().any(|variant| variant == (op, name)))
    }

    /// The variants that it describes.
    pub fn variants(&self) -> impl Iterator<Item = (Op, &'static str)> {
        self.exports.iter().chain(self.smaller).copied()
    }

    /// Whether an entry holds its weights as they were published.
    #[must_use]
    pub fn is_exported_by(&self, entry: &Entry) -> bool {
        self.exports.contains(&(entry.op, entry.name.as_str()))
    }

    /// The page that says what stands here.
    #[must_use]
    pub fn source(&self) -> String {
        match self.said_by {
            Some(page) => page.to_owned(),
            None => format!("https://huggingface.co/{}", self.page),
        }
    }
}
