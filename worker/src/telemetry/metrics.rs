//! Every metric, in one table: what `/metrics` serves and what the README lists.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

use super::labels::{CodeLabel, LoadLabels, LookupLabels, ModelLabel, RequestLabels, UnloadLabels};
use crate::batch::admission::Load;

pub use super::of_model::ModelMetrics;

/// One row of the table.
pub struct Row {
    /// Name as it is scraped.
    pub name: &'static str,
    /// Prometheus type.
    pub kind: &'static str,
    /// Label names, comma separated.
    pub labels: &'static str,
    /// What it counts, units included.
    pub help: &'static str,
}

/// Declares the table and an index into it for each name.
macro_rules! table {
    ($($id:ident: $kind:literal, $name:literal, $labels:literal, $help:literal;)*) => {
        /// Every metric.
        pub const TABLE: &[Row] = &[$($id),*];
        $(const $id: Row = Row { name: $name, kind: $kind, labels: $labels, help: $help };)*
    };
}

table! {
    REQUESTS: "counter", "fastembed_requests_total", "op, model, code",
        "Requests answered, by result: `ok` or the error's name; op and model are empty for what is not served";
    TEXTS: "counter", "fastembed_texts_total", "op, model", "Texts computed; equal ones that shared a computation count once";
    TRUNCATED: "counter", "fastembed_truncated_texts_total", "op, model", "Texts cut at the model's maximum";
    TOKENS: "counter", "fastembed_tokens_total", "op, model", "Tokens embedded, special ones included, padding not";
    NOT_FINITE: "counter", "fastembed_not_finite_total", "op, model",
        "Texts and images whose result held a value that is not finite: item errors `internal`";
    EXPIRED: "counter", "fastembed_expired_texts_total", "op, model",
        "Texts dropped in the queue: their caller's deadline had passed, the caller had cancelled or gone, or another text of the request had failed";
    EXPIRED_REQUESTS: "counter", "fastembed_expired_requests_total", "op, model",
        "Requests dropped before their texts were counted: their deadline had passed, or their caller had cancelled or gone";
    DEDUPLICATED: "counter", "fastembed_deduplicated_texts_total", "op, model",
        "Texts that were not computed: an equal one was waiting or running, and its vector served for both";
    CACHE: "counter", "fastembed_vector_cache_lookups_total", "op, model, result",
        "Texts looked up among remembered vectors, by result: `hit` or `miss`; none while the cache is off";
    CACHE_BYTES: "gauge", "fastembed_vector_cache_bytes", "op, model", "Bytes of vectors that are remembered";
    QUEUE_REQUESTS: "gauge", "fastembed_queue_requests", "op, model", "Requests admitted and not yet answered";
    QUEUE_TOKENS: "gauge", "fastembed_queue_tokens", "op, model",
        "Tokens admitted and not yet answered; an upper estimate until a request is tokenized";
    LOADED: "gauge", "fastembed_model_loaded", "op, model", "1 while the model is loaded, 0 while it is not";
    MEMORY: "gauge", "fastembed_model_memory_bytes", "op, model",
        "Memory that the model takes while it is loaded, as it counts for `runtime.memory_budget_bytes`; 0 while it is not loaded";
    LOADS: "counter", "fastembed_model_loads_total", "op, model, result", "Loads of the model after the start, by result: `ok` or `failed`";
    UNLOADS: "counter", "fastembed_model_unloads_total", "op, model, reason",
        "Unloads of the model, by reason: `room` for another model, or `admin`";
    WAIT: "histogram", "fastembed_wait_seconds", "op, model", "Time a text waits in the queue until its batch runs";
    INFER: "histogram", "fastembed_infer_seconds", "op, model", "Time of one batch on the model";
    BATCH_TEXTS: "histogram", "fastembed_batch_texts", "op, model", "Texts in one batch";
    CANCELS: "counter", "fastembed_cancels_total", "code",
        "Cancel messages heard, which every worker does: `ok`, or the error's name where one could not be read";
    REFUSED_REPLIES: "counter", "fastembed_refused_replies_total", "",
        "Requests dropped because their reply subject is not an allowed one";
    BUS_DROPS: "counter", "fastembed_bus_drops_total", "",
        "Messages lost because the receive loop fell behind; must stay 0";
    READY: "gauge", "fastembed_ready", "", "1 while this worker takes requests";
}

/// The table as Markdown, for the README.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for row in TABLE {
        let Row {
            name,
            kind,
            labels,
            help,
        } = row;
        out += &format!("| `{name}` | {kind} | {labels} | {help} |\n");
    }
    out
}

type PerModel<M> = Family<ModelLabel, M>;
type Histograms = Family<ModelLabel, Histogram, fn() -> Histogram>;

/// The process's metrics.
pub struct Metrics {
    registry: RwLock<Registry>,
    requests: Family<RequestLabels, Counter>,
    texts: PerModel<Counter>,
    truncated: PerModel<Counter>,
    tokens: PerModel<Counter>,
    not_finite: PerModel<Counter>,
    expired: PerModel<Counter>,
    expired_requests: PerModel<Counter>,
    deduplicated: PerModel<Counter>,
    lookups: Family<LookupLabels, Counter>,
    remembered: PerModel<Gauge>,
    queue_requests: PerModel<Gauge>,
    queue_tokens: PerModel<Gauge>,
    loaded: PerModel<Gauge>,
    memory: PerModel<Gauge>,
    loads: Family<LoadLabels, Counter>,
    unloads: Family<UnloadLabels, Counter>,
    wait: Histograms,
    infer: Histograms,
    batch_texts: Histograms,
    cancels: Family<CodeLabel, Counter>,
    refused_replies: Counter,
    bus_drops: Counter,
    ready: Gauge,
}

/// 100 µs to 105 s, each bucket four times the last.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(1e-4, 4.0, 11))
}

/// 1 to 512 texts.
fn counts() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 10))
}

impl Metrics {
    /// Fresh metrics, all zero.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::default();
        let metrics = Self {
            requests: add(&mut registry, &REQUESTS, Family::default()),
            texts: add(&mut registry, &TEXTS, Family::default()),
            truncated: add(&mut registry, &TRUNCATED, Family::default()),
            tokens: add(&mut registry, &TOKENS, Family::default()),
            not_finite: add(&mut registry, &NOT_FINITE, Family::default()),
            expired: add(&mut registry, &EXPIRED, Family::default()),
            expired_requests: add(&mut registry, &EXPIRED_REQUESTS, Family::default()),
            deduplicated: add(&mut registry, &DEDUPLICATED, Family::default()),
            lookups: add(&mut registry, &CACHE, Family::default()),
            remembered: add(&mut registry, &CACHE_BYTES, Family::default()),
            queue_requests: add(&mut registry, &QUEUE_REQUESTS, Family::default()),
            queue_tokens: add(&mut registry, &QUEUE_TOKENS, Family::default()),
            loaded: add(&mut registry, &LOADED, Family::default()),
            memory: add(&mut registry, &MEMORY, Family::default()),
            loads: add(&mut registry, &LOADS, Family::default()),
            unloads: add(&mut registry, &UNLOADS, Family::default()),
            wait: add(&mut registry, &WAIT, Family::new_with_constructor(seconds)),
            infer: add(&mut registry, &INFER, Family::new_with_constructor(seconds)),
            batch_texts: add(
                &mut registry,
                &BATCH_TEXTS,
                Family::new_with_constructor(counts),
            ),
            cancels: add(&mut registry, &CANCELS, Family::default()),
            refused_replies: add(&mut registry, &REFUSED_REPLIES, Counter::default()),
            bus_drops: add(&mut registry, &BUS_DROPS, Counter::default()),
            ready: add(&mut registry, &READY, Gauge::default()),
            registry: RwLock::default(),
        };
        *metrics
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner) = registry;
        // Served from the start, though most workers hear none for long.
        drop(metrics.cancels.get_or_create(&CodeLabel { code: "ok" }));
        Arc::new(metrics)
    }

    /// The handles of one model, resolved once. Two operations may have a model of
    /// one name.
    #[must_use]
    pub fn of_model(&self, op: &'static str, model: &str) -> ModelMetrics {
        let label = ModelLabel::of(op, model);
        let lookups = |result| {
            let model = model.to_owned();
            let labels = LookupLabels { op, model, result };
            self.lookups.get_or_create_owned(&labels)
        };
        // Served from the start, though most models never come or go.
        for result in ["ok", "failed"] {
            let model = model.to_owned();
            drop(self.loads.get_or_create(&LoadLabels { op, model, result }));
        }
        for reason in ["room", "admin"] {
            let model = model.to_owned();
            drop(
                self.unloads
                    .get_or_create(&UnloadLabels { op, model, reason }),
            );
        }
        ModelMetrics {
            hits: lookups("hit"),
            misses: lookups("miss"),
            texts: self.texts.get_or_create_owned(&label),
            truncated: self.truncated.get_or_create_owned(&label),
            tokens: self.tokens.get_or_create_owned(&label),
            not_finite: self.not_finite.get_or_create_owned(&label),
            expired: self.expired.get_or_create_owned(&label),
            expired_requests: self.expired_requests.get_or_create_owned(&label),
            deduplicated: self.deduplicated.get_or_create_owned(&label),
            counting: Arc::new(AtomicBool::new(true)),
            wait: self.wait.get_or_create_owned(&label),
            infer: self.infer.get_or_create_owned(&label),
            batch_texts: self.batch_texts.get_or_create_owned(&label),
        }
    }

    /// Counts one answered request; `code` is `ok` or an error's name.
    pub fn answered(&self, op: &'static str, model: &str, code: &'static str) {
        let labels = RequestLabels {
            op,
            model: model.to_owned(),
            code,
        };
        self.requests.get_or_create(&labels).inc();
    }

    /// Counts one message about attempts that are given up; `code` is `ok` or an
    /// error's name.
    pub fn cancel_heard(&self, code: &'static str) {
        self.cancels.get_or_create(&CodeLabel { code }).inc();
    }

    /// Counts a request whose reply subject was refused.
    pub fn refused_reply(&self) {
        self.refused_replies.inc();
    }

    /// Counts a message that the bus client dropped.
    pub fn bus_drop(&self) {
        self.bus_drops.inc();
    }

    /// Whether the worker takes requests.
    pub fn set_ready(&self, ready: bool) {
        self.ready.set(i64::from(ready));
    }

    /// Sets what waits for a model, and what it remembers.
    pub fn set_load(&self, op: &'static str, model: &str, load: Load, remembered_bytes: u64) {
        let label = ModelLabel::of(op, model);
        let amount = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.queue_requests
            .get_or_create(&label)
            .set(amount(load.requests));
        self.queue_tokens
            .get_or_create(&label)
            .set(amount(load.tokens));
        let remembered = i64::try_from(remembered_bytes).unwrap_or(i64::MAX);
        self.remembered.get_or_create(&label).set(remembered);
    }

    /// Sets whether a model is loaded, and the memory that it takes.
    pub fn set_loaded(&self, op: &'static str, model: &str, loaded: bool, memory_bytes: u64) {
        let label = ModelLabel::of(op, model);
        self.loaded.get_or_create(&label).set(i64::from(loaded));
        let bytes = i64::try_from(memory_bytes).unwrap_or(i64::MAX);
        self.memory.get_or_create(&label).set(bytes);
    }

    /// Counts a load of a model; `result` is `ok` or `failed`.
    pub fn model_load(&self, op: &'static str, model: &str, result: &'static str) {
        let model = model.to_owned();
        let labels = LoadLabels { op, model, result };
        self.loads.get_or_create(&labels).inc();
    }

    /// Counts an unload of a model; `reason` is `room` or `admin`.
    pub fn model_unload(&self, op: &'static str, model: &str, reason: &'static str) {
        let model = model.to_owned();
        let labels = UnloadLabels { op, model, reason };
        self.unloads.get_or_create(&labels).inc();
    }

    /// The text that `/metrics` serves (OpenMetrics 1.0).
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        // Writing into a string cannot fail.
        let _ = text::encode(&mut out, &registry);
        out
    }
}

fn add<M: Metric + Clone>(registry: &mut Registry, row: &Row, metric: M) -> M {
    // The library itself appends the suffix of counters.
    let name = row.name.strip_suffix("_total").unwrap_or(row.name);
    registry.register(name, row.help, metric.clone());
    metric
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_readme_lists_this_table() {
        assert!(include_str!("../../../README.md").contains(&markdown()));
    }

    #[test]
    fn what_is_served_is_what_the_table_says() {
        let metrics = Metrics::new();
        metrics.answered("text", "M", "ok");
        metrics.set_load("text", "M", Load::default(), 0);
        metrics.set_loaded("text", "M", true, 1);
        metrics.model_load("text", "M", "ok");
        metrics.model_unload("text", "M", "room");
        metrics.of_model("text", "M").ran(1, 1, Duration::ZERO);
        metrics.of_model("text", "M").waited(Duration::ZERO);
        let served = metrics.render();
        for row in TABLE {
            let family = row.name.strip_suffix("_total").unwrap_or(row.name);
            assert!(
                served.contains(&format!("# TYPE {family} {}\n", row.kind)),
                "{}",
                row.name
            );
        }
        assert_eq!(served.matches("# TYPE").count(), TABLE.len());
        assert!(served.contains(r#"fastembed_requests_total{op="text",model="M",code="ok"} 1"#));
    }
}
