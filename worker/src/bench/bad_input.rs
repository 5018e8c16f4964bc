//! Input that is meant to hurt, and callers beside it who should not feel it.
//!
//! What must be answered follows from the limits (`schemas/limits.json`); another
//! answer fails the bench.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::bus::{Caller, reply, service_error};
use super::figures::Figures;
use super::lanes;
use super::oracle::Oracle;
use crate::config::Model;
use crate::wire::{ErrorCode, ErrorReply, Format, protocol};

/// A text of bad input, in bytes: what one request can bring to a server as it
/// comes.
const LARGE: usize = 1_000_000;

/// Tokens after which the model cuts, special ones included.
const MAX_TOKENS: usize = 256;

/// One request, and its figure: the time from sending to the answer.
struct Bad {
    name: &'static str,
    inputs: Vec<String>,
    /// Whether each of its texts is cut, where it is not refused.
    is_cut: bool,
}

fn requests() -> Vec<Bad> {
    let bad = |name, inputs, is_cut| Bad {
        name,
        inputs,
        is_cut,
    };
    let filled = |character: char, bytes: usize| {
        let text = character.to_string();
        vec![text.repeat(bytes / text.len())]
    };
    let limit = protocol::MAX_INPUT_BYTES;
    let (mark, ideograph) = ('\u{301}', '\u{6f22}');
    vec![
        bad("bad_one_character_seconds", filled('a', LARGE), true),
        // A million of them, two bytes each.
        bad("bad_marks_seconds", filled(mark, 2 * LARGE), true),
        bad("bad_cjk_seconds", filled(ideograph, LARGE), true),
        bad(
            "bad_inputs_10000_seconds",
            vec!["a".to_owned(); 10_000],
            false,
        ),
        bad("bad_lengths_seconds", lengths(), false),
        // The same as long as they may be, so that they are tokenized.
        bad("bad_longest_character_seconds", filled('a', limit), false),
        bad("bad_longest_marks_seconds", filled(mark, limit), false),
        bad("bad_longest_cjk_seconds", filled(ideograph, limit), true),
    ]
}

/// A text that the model just takes whole.
fn longest() -> String {
    vec!["the"; MAX_TOKENS - 2].join(" ")
}

/// Among texts of one word some of the longest: side by side they would be
/// padding for the most part.
fn lengths() -> Vec<String> {
    let text = |at: usize| {
        if at.is_multiple_of(32) {
            longest()
        } else {
            "a".to_owned()
        }
    };
    (0..256).map(text).collect()
}

impl Bad {
    /// What the limits say of it.
    fn refusal(&self) -> Option<ErrorCode> {
        let too_long = |text: &String| text.len() > protocol::MAX_INPUT_BYTES;
        if self.inputs.len() > protocol::MAX_INPUTS {
            return Some(ErrorCode::InvalidRequest);
        }
        // Where every text fails, so does the request.
        let all = self.inputs.iter().all(too_long);
        all.then_some(ErrorCode::PayloadTooLarge)
    }

    /// Sends it until it is not refused for want of room, as callers do, and looks
    /// whether the answer is the right one. What counts as more tokens than may
    /// wait is admitted to an empty queue alone.
    async fn ask(&self, caller: &Caller, figures: &RefCell<&mut Figures>) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut tries = 1.0;
        let message = loop {
            let message = caller.ask(&self.inputs).await?;
            if service_error(&message) != Some(ErrorCode::Overloaded.name()) {
                break message;
            }
            let refusal: ErrorReply = Format::MsgPack.decode(&message.payload)?;
            let pause = refusal.retry_after_ms.context("no time to come back")?;
            tokio::time::sleep(Duration::from_millis(u64::from(pause))).await;
            tries += 1.0;
        };
        let mut figures = figures.borrow_mut();
        figures.add(self.name, start.elapsed().as_secs_f64());
        figures.add("bad_input_tries", tries);
        let (refused, expected) = (service_error(&message), self.refusal().map(ErrorCode::name));
        ensure!(
            refused == expected,
            "{}: answered {refused:?}, and the limits say {expected:?}",
            self.name
        );
        if refused.is_none() {
            let reply = reply(&message, self.inputs.len())?;
            ensure!(reply.errors.is_empty(), "{}: a text failed", self.name);
            let as_said = reply.truncated.iter().all(|cut| *cut == self.is_cut);
            ensure!(
                as_said,
                "{}: a text that is cut is not reported, or one is that is not",
                self.name
            );
        }
        Ok(())
    }
}

/// The same queries with and without bad input beside them.
pub(super) async fn measure(
    url: &str,
    caller: &Caller,
    oracle: &mut Oracle,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    // Its own connection: a megabyte ahead of a query on one line is no matter of
    // the worker's.
    let stranger = &Caller::of_model(url, Model::DEFAULT).await?.in_bulk();
    let requests = requests();
    figures.add(
        "bad_longest_run_seconds",
        oracle.single(&longest())?.as_secs_f64(),
    );
    let alone = lanes::queries(caller).await?;
    figures.add("neighbours_p50_seconds", alone.latencies.percentile(50.0));
    figures.add("neighbours_p99_seconds", alone.latencies.percentile(99.0));
    ensure!(alone.refused == 0, "the worker is overloaded");
    let is_over = &AtomicBool::new(false);
    let of_bad = RefCell::new(&mut *figures);
    let bad = async {
        while !is_over.load(Ordering::Relaxed) {
            for request in &requests {
                request.ask(stranger, &of_bad).await?;
            }
        }
        anyhow::Ok(())
    };
    let ((), beside) = tokio::try_join!(bad, async {
        let beside = lanes::queries(caller).await;
        is_over.store(true, Ordering::Relaxed);
        beside
    })?;
    figures.add(
        "neighbours_refused_beside_bad_input",
        f64::from(beside.refused),
    );
    figures.add(
        "neighbours_p50_beside_bad_input_seconds",
        beside.latencies.percentile(50.0),
    );
    figures.add(
        "neighbours_p99_beside_bad_input_seconds",
        beside.latencies.percentile(99.0),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_decide_what_is_refused() {
        let refused: Vec<Option<ErrorCode>> = requests().iter().map(Bad::refusal).collect();
        let (too_large, invalid) = (ErrorCode::PayloadTooLarge, ErrorCode::InvalidRequest);
        let [too_large, invalid] = [too_large, invalid].map(Some);
        assert_eq!(refused[..4], [too_large, too_large, too_large, invalid]);
        assert_eq!(refused[4..], [None; 4]);
    }
}
