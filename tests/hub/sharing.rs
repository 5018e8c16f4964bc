//! Several processes, one cache.

use crate::fake_hub::{Conduct, FakeHub, layout};
use crate::program::Program;
use crate::{MINILM, found};

#[tokio::test]
async fn three_processes_on_one_empty_cache_fetch_each_file_once() {
    let hub = FakeHub::with(&[MINILM]).await;
    // The first file comes only when all three are at work.
    hub.conduct("tokenizer.json", Conduct::WaitsForRevisions(3), 1);
    let cache = tempfile::tempdir().unwrap();
    let pull = || {
        Program::new("pull", cache.path(), hub.url())
            .arg(MINILM)
            .succeed()
    };
    tokio::join!(pull(), pull(), pull());
    for file in layout(MINILM).1 {
        assert_eq!(hub.asked_for(&file).len(), 1, "{file}");
    }
    assert!(found(cache.path(), MINILM).is_some());
}
