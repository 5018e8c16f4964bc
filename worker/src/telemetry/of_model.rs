//! What one model counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

/// The metrics of one model.
#[derive(Clone)]
pub struct ModelMetrics {
    pub(super) texts: Counter,
    pub(super) truncated: Counter,
    pub(super) tokens: Counter,
    pub(super) not_finite: Counter,
    pub(super) expired: Counter,
    pub(super) expired_requests: Counter,
    pub(super) deduplicated: Counter,
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) counting: Arc<AtomicBool>,
    pub(super) wait: Histogram,
    pub(super) infer: Histogram,
    pub(super) batch_texts: Histogram,
}

impl ModelMetrics {
    /// Whether what the model does is counted. The first inference of a load is
    /// not: nobody asked for it.
    pub fn count(&self, counting: bool) {
        self.counting.store(counting, Ordering::Relaxed);
    }

    /// Rows that gave a value that is not finite.
    pub fn not_finite(&self, rows: usize) {
        self.not_finite.inc_by(rows as u64);
    }

    /// Texts whose callers were gone before they ran.
    pub fn expired(&self, texts: usize) {
        self.expired.inc_by(texts as u64);
    }

    /// Texts that joined an equal one.
    pub fn deduplicated(&self, texts: usize) {
        self.deduplicated.inc_by(texts as u64);
    }

    /// Texts that were looked up among remembered vectors.
    pub fn looked_up(&self, hits: usize, misses: usize) {
        if self.counts() {
            self.hits.inc_by(hits as u64);
            self.misses.inc_by(misses as u64);
        }
    }

    /// A request whose caller was gone before its texts were counted.
    pub fn expired_request(&self) {
        self.expired_requests.inc();
    }

    /// A text was cut.
    pub fn truncated(&self) {
        if self.counts() {
            self.truncated.inc();
        }
    }

    /// One text's time in the queue.
    pub fn waited(&self, time: Duration) {
        if self.counts() {
            self.wait.observe(time.as_secs_f64());
        }
    }

    /// One batch.
    pub fn ran(&self, tokens: usize, texts: usize, time: Duration) {
        if !self.counts() {
            return;
        }
        self.tokens.inc_by(tokens as u64);
        self.texts.inc_by(texts as u64);
        self.infer.observe(time.as_secs_f64());
        self.batch_texts.observe(texts as f64);
    }

    fn counts(&self) -> bool {
        self.counting.load(Ordering::Relaxed)
    }
}
