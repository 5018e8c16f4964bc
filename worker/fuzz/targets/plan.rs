//! A queue, four bytes an item, that must come to its end.

#![no_main]

use fastembed_fuzz::plan::{Budget, Budgets, View, next_batch};
use fastembed_fuzz::wire::call::Lane;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [budget, items @ ..] = bytes else { return };
    let padded_tokens = usize::from(*budget) * 8;
    let budget = Budget {
        padded_tokens,
        squared_tokens: padded_tokens * 64,
    };
    let budgets = Budgets {
        queries: budget,
        bulk: budget.at_most(padded_tokens / 2),
    };
    let (items, _) = items.as_chunks::<4>();
    let mut queries = 0;
    let mut waiting = Vec::new();
    for (arrival, [tokens_high, tokens_low, lane, gap]) in items.iter().take(512).enumerate() {
        let lane = if lane & 1 == 0 {
            Lane::Interactive
        } else {
            Lane::Bulk
        };
        waiting.push(View {
            tokens: usize::from(u16::from_be_bytes([*tokens_high, *tokens_low])),
            arrival: arrival as u64,
            queries,
            lane,
        });
        queries += u64::from(*gap) * 32;
    }
    while !waiting.is_empty() {
        let mut batch = next_batch(&waiting, budgets);
        assert!(!batch.is_empty());
        if batch.len() > 1 {
            let widest = batch
                .iter()
                .map(|at| waiting[*at].tokens)
                .max()
                .unwrap_or(0);
            assert!(batch.len() * widest <= budget.padded_tokens);
            assert!(batch.len() * widest * widest <= budget.squared_tokens);
        }
        batch.sort_unstable();
        assert!(
            batch.windows(2).all(|pair| pair[0] < pair[1]),
            "an item runs twice"
        );
        for at in batch.into_iter().rev() {
            waiting.swap_remove(at);
        }
    }
});
