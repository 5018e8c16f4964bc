use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::batch::processors::Processors;

/// Long past all that is waited for here.
const PATIENCE: Duration = Duration::from_secs(20);

fn roster(models: &str) -> Roster {
    let config: Config = toml::from_str(models).expect("a configuration");
    let company = Company {
        processors: Processors::new(1),
        on_hang: Arc::new(|| {}),
    };
    Roster::load(&config, company, &Metrics::new()).expect("models")
}

fn lazy(budget: u64, more: &str) -> Roster {
    roster(&format!(
        "[runtime]\nmemory_budget_bytes = {budget}\n\
         [[models]]\nname = 'A'\nkind = 'fake'\nlazy = true\nmemory_bytes = 64\n{more}\n"
    ))
}

/// Has a model loaded, and goes on while it is.
async fn loading(slot: &Arc<Slot>) {
    let wanted = Arc::clone(slot);
    tokio::spawn(async move { drop(wanted.loaded().await) });
    while slot.state() != "loading" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_measurement_that_leaves_no_room_is_forgotten_where_the_rule_of_thumb_leaves_some() {
    let roster = lazy(1 << 30, "");
    let slot = &roster.slots()[0];
    slot.measured(2 << 30);
    slot.loaded().await.expect("room");
    assert!(slot.memory() < 1 << 30);
}

#[tokio::test]
async fn memory_that_is_being_given_back_counts_and_its_end_is_told() {
    let roster = lazy(1 << 30, "");
    let slot = &roster.slots()[0];
    assert!(slot.held().is_none());
    drop(slot.loaded().await.expect("a model"));
    assert!(slot.held().expect("memory").is_idle);
    slot.leave().expect("a model without work");
    let leaving = slot.held().expect("memory");
    assert!(leaving.may_leave && !leaving.is_idle);
    let idle = roster.keeper.idle.notified();
    slot.left();
    tokio::time::timeout(PATIENCE, idle).await.expect("a word");
    assert!(slot.held().is_none());
}

#[tokio::test]
async fn a_model_that_loads_is_unloaded_when_it_has_come_though_nobody_asks_it() {
    let roster = lazy(0, "load_ms = 100");
    let slot = &roster.slots()[0];
    loading(slot).await;
    let unloaded = tokio::time::timeout(PATIENCE, roster.unload(slot));
    unloaded.await.expect("an end");
    assert_eq!(slot.state(), "unloaded");
}

#[tokio::test]
async fn a_load_that_is_under_way_ends_before_the_roster_has_closed() {
    let roster = lazy(0, "load_ms = 300");
    let slot = &roster.slots()[0];
    loading(slot).await;
    roster.close().await;
    assert!(slot.pipeline().is_none());
    assert_ne!(slot.state(), "loading");
}

#[tokio::test]
async fn turns_come_in_the_order_in_which_they_were_asked_for() {
    use futures_util::FutureExt as _;
    let roster = lazy(0, "");
    let first = roster.turn().now_or_never().expect("a free turn");
    let (mut second, mut third) = (Box::pin(roster.turn()), Box::pin(roster.turn()));
    assert!((&mut second).now_or_never().is_none());
    assert!((&mut third).now_or_never().is_none());
    drop(first);
    assert!((&mut third).now_or_never().is_none());
    drop(second.await);
    third.await;
}
