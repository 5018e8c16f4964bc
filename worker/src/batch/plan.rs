//! Which items run together: a pure function.
//!
//! Padding is arithmetic thrown away, so a batch holds texts of like length.
//! It starts from the item that has waited longest in the first lane that has
//! any, and takes the nearest lengths of that lane up to a budget, as many as make
//! the run do most text for its cost. Bulk beside a query would make it wait for
//! the whole run. Whatever waits longest runs next,
//! however odd its length, so nothing starves; an item beyond the budget runs
//! alone.

use std::cmp::Reverse;

use crate::wire::call::Lane;

/// What the plan knows of one waiting item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Tokens, special ones included.
    pub tokens: usize,
    /// Order of arrival.
    pub arrival: u64,
    /// Interactive items that had come before it.
    pub queries: u64,
    /// Who goes first.
    pub lane: Lane,
}

/// How much one run may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Rows × widest row, in tokens: what the matrix products cost.
    pub padded_tokens: usize,
    /// Rows × widest row squared: what attention costs.
    pub squared_tokens: usize,
}

impl Budget {
    /// The same for runs of at most `tokens`.
    #[must_use]
    pub fn at_most(self, tokens: usize) -> Self {
        Self {
            padded_tokens: self.padded_tokens.min(tokens),
            ..self
        }
    }
}

/// What runs may hold, by who goes first in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Runs of queries, and of bulk that waited for too many of them.
    pub queries: Budget,
    /// Runs of bulk; less while queries come, since one that has started is not
    /// overtaken.
    pub bulk: Budget,
}

/// What a run costs besides its tokens, in tokens: all weights are read once.
/// Measured with all-MiniLM-L6-v2 on one thread: 2.7 ms a run and 0.16 ms a padded
/// token. A longer row joins where the run then does more text for its cost.
const RUN_OVERHEAD_TOKENS: usize = 16;

/// Queries that may overtake a bulk item; after these it is as good as
/// interactive, so that no stream of queries starves it.
const MAX_OVERTAKEN: u64 = 4096;

/// Positions in `waiting` of the items that run next; empty only where
/// `waiting` is.
#[must_use]
pub fn next_batch(waiting: &[View], budgets: Budgets) -> Vec<usize> {
    let queries = waiting.iter().map(|view| view.queries).max().unwrap_or(0);
    let yields = |view: &View| view.lane == Lane::Bulk && queries - view.queries <= MAX_OVERTAKEN;
    let first = (0..waiting.len()).min_by_key(|at| {
        let view = &waiting[*at];
        (yields(view), view.arrival)
    });
    let Some(first) = first else {
        return Vec::new();
    };
    let anchor = waiting[first];
    let is_bulk = yields(&anchor);
    let budget = if is_bulk {
        budgets.bulk
    } else {
        budgets.queries
    };
    let mut others: Vec<usize> = (0..waiting.len())
        .filter(|at| *at != first && yields(&waiting[*at]) == is_bulk)
        .collect();
    // Nearest length first; a longer one before a shorter one as near, since
    // widening late would pad everything taken before.
    let distance = |at: &usize| {
        let view = &waiting[*at];
        let apart = view.tokens.abs_diff(anchor.tokens);
        (apart, Reverse(view.tokens), view.arrival)
    };
    let most = budget.padded_tokens / anchor.tokens.max(1);
    if others.len() > most {
        // No batch holds more than `most`; as many again leave a choice where the
        // nearest ones do not fit.
        let keep = most * 2;
        if keep < others.len() {
            others.select_nth_unstable_by_key(keep, distance);
            others.truncate(keep);
        }
    }
    others.sort_unstable_by_key(distance);

    let mut batch = vec![first];
    let (mut widest, mut text) = (anchor.tokens, anchor.tokens);
    let mut best = Yield::of(1, widest, text);
    let mut rows_of_best = 1;
    for at in others {
        let tokens = waiting[at].tokens;
        let (rows, width) = (batch.len() + 1, widest.max(tokens));
        if rows * width > budget.padded_tokens || rows * width * width > budget.squared_tokens {
            continue;
        }
        batch.push(at);
        (widest, text) = (width, text + tokens);
        let with_it = Yield::of(rows, widest, text);
        if with_it.is_at_least(best) {
            (best, rows_of_best) = (with_it, rows);
        }
    }
    batch.truncate(rows_of_best);
    batch
}

/// How much text a run does for what it costs.
#[derive(Clone, Copy)]
struct Yield {
    text: usize,
    cost: usize,
}

impl Yield {
    fn of(rows: usize, width: usize, text: usize) -> Self {
        Self {
            text,
            cost: RUN_OVERHEAD_TOKENS + rows * width,
        }
    }

    /// Whether it is as good as `other`: text / cost compared, without division.
    fn is_at_least(self, other: Self) -> bool {
        self.text * other.cost >= other.text * self.cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUDGET: Budget = Budget {
        padded_tokens: 256,
        squared_tokens: 256 * 256,
    };

    const BUDGETS: Budgets = Budgets {
        queries: BUDGET,
        bulk: BUDGET,
    };

    fn view(tokens: usize, arrival: u64, lane: Lane) -> View {
        View {
            tokens,
            arrival,
            // As if all before it had been queries.
            queries: arrival,
            lane,
        }
    }

    fn waiting() -> impl Strategy<Value = Vec<View>> {
        let lane = prop_oneof![Just(Lane::Interactive), Just(Lane::Bulk)];
        prop::collection::vec((1_usize..600, lane), 0..80).prop_map(|items| {
            let numbered = items.into_iter().enumerate();
            numbered
                .map(|(at, (tokens, lane))| view(tokens, at as u64, lane))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn every_input_runs_in_finite_steps_each_item_once(mut items in waiting()) {
            let mut steps = 0;
            while !items.is_empty() {
                let mut batch = next_batch(&items, BUDGETS);
                prop_assert!(!batch.is_empty());
                batch.sort_unstable();
                let taken = batch.len();
                batch.dedup();
                prop_assert_eq!(taken, batch.len());
                for at in batch.into_iter().rev() {
                    items.swap_remove(at);
                }
                steps += 1;
                prop_assert!(steps <= 80);
            }
        }

        #[test]
        fn a_batch_of_two_or_more_keeps_both_budgets(items in waiting()) {
            let batch = next_batch(&items, BUDGETS);
            if batch.len() > 1 {
                let width = batch.iter().map(|at| items[*at].tokens).max().unwrap_or(0);
                prop_assert!(batch.len() * width <= BUDGET.padded_tokens);
                prop_assert!(batch.len() * width * width <= BUDGET.squared_tokens);
            }
        }

        #[test]
        fn the_item_that_waited_longest_in_the_first_lane_runs_next(items in waiting()) {
            let batch = next_batch(&items, BUDGETS);
            let oldest = |lane| {
                let of_lane = (0..items.len()).filter(|at| items[*at].lane == lane);
                of_lane.min_by_key(|at| items[*at].arrival)
            };
            if let Some(due) = oldest(Lane::Interactive).or_else(|| oldest(Lane::Bulk)) {
                prop_assert!(batch.contains(&due));
            }
        }

        #[test]
        fn the_plan_depends_on_what_waits_not_on_its_order(items in waiting()) {
            let arrivals = |items: &[View]| {
                let mut seen: Vec<u64> = next_batch(items, BUDGETS).iter().map(|at| items[*at].arrival).collect();
                seen.sort_unstable();
                seen
            };
            let reversed: Vec<View> = items.iter().rev().copied().collect();
            prop_assert_eq!(arrivals(&items), arrivals(&reversed));
        }
    }

    #[test]
    fn like_lengths_run_together_and_others_wait() {
        let items: Vec<View> = [10, 200, 11, 9, 180]
            .into_iter()
            .enumerate()
            .map(|(at, tokens)| view(tokens, at as u64, Lane::Interactive))
            .collect();
        let mut batch = next_batch(&items, BUDGETS);
        batch.sort_unstable();
        assert_eq!(batch, [0, 2, 3]);
    }

    #[test]
    fn an_item_beyond_the_budget_runs_alone() {
        let items = [
            view(500, 0, Lane::Interactive),
            view(500, 1, Lane::Interactive),
        ];
        assert_eq!(next_batch(&items, BUDGETS), [0]);
    }

    #[test]
    fn no_stream_of_queries_starves_bulk() {
        let mut items = vec![view(8, 0, Lane::Bulk)];
        let mut arrival = 1;
        while items.iter().any(|item| item.lane == Lane::Bulk) {
            items.push(view(200, arrival, Lane::Interactive));
            for at in next_batch(&items, BUDGETS) {
                items.swap_remove(at);
            }
            arrival += 1;
            assert!(arrival <= MAX_OVERTAKEN + 2);
        }
    }

    #[test]
    fn no_backlog_of_bulk_overtakes_a_query() {
        let bulk = |arrival| View {
            queries: 0,
            ..view(8, arrival, Lane::Bulk)
        };
        let mut items: Vec<View> = (0..9000).map(bulk).collect();
        items.push(View {
            queries: 0,
            ..view(8, 9000, Lane::Interactive)
        });
        assert!(next_batch(&items, BUDGETS).contains(&9000));
    }

    #[test]
    fn a_query_runs_before_older_bulk_and_without_it() {
        let items = [view(8, 0, Lane::Bulk), view(8, 1, Lane::Interactive)];
        assert_eq!(next_batch(&items, BUDGETS), [1]);
    }

    #[test]
    fn bulk_has_a_budget_of_its_own() {
        let budgets = Budgets {
            bulk: BUDGET.at_most(64),
            ..BUDGETS
        };
        let of = |lane: Lane| {
            let items: Vec<View> = (0..20).map(|at| view(16, at, lane)).collect();
            next_batch(&items, budgets).len()
        };
        assert_eq!((of(Lane::Interactive), of(Lane::Bulk)), (16, 4));
    }
}
