//! How long models are loaded: from the first request on, until another needs the
//! room, or as an operator says.

mod admin;
mod lazy;
mod room;

use serde_json::Value;

use crate::harness::{Ask, Caller, Worker, eventually};

/// Whether `/metrics` shows the model as loaded.
async fn is_loaded(worker: &Worker, model: &str) -> bool {
    sample(worker, "fastembed_model_loaded", &[("model", model)]).await == Some(1.0)
}

/// How often the model was loaded since the start, with this result.
async fn loads(worker: &Worker, model: &str, result: &str) -> f64 {
    let labels = [("model", model), ("result", result)];
    let loads = sample(worker, "fastembed_model_loads_total", &labels).await;
    loads.unwrap_or(0.0)
}

/// The value of the one series with these labels, whatever others it has; none
/// while its metric has no series at all.
async fn sample(worker: &Worker, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let (_, text) = worker.get("/metrics").await;
    let is_of = |line: &&str| line.starts_with(&format!("{metric}{{"));
    let all: Vec<&str> = text.lines().filter(is_of).collect();
    if all.is_empty() {
        return None;
    }
    let has = |line: &&&str| {
        let mut labels = labels.iter();
        labels.all(|(name, value)| line.contains(&format!("{name}=\"{value}\"")))
    };
    // A name that nothing has would make every look come out the same.
    let [line] = all.iter().filter(has).collect::<Vec<_>>()[..] else {
        panic!("not one series of {metric} has {labels:?}: {all:#?}");
    };
    let value = line.rsplit(' ').next().expect("a value");
    Some(value.parse().expect("a number"))
}

/// Waits until a request waits for this model, admitted and not answered.
async fn someone_waits(worker: &Worker, model: &str) {
    eventually("a request that waits", || async {
        sample(worker, "fastembed_queue_requests", &[("model", model)]).await >= Some(1.0)
    })
    .await;
}

/// Names of the endpoints that discovery lists of this worker, with their metadata.
async fn listed(caller: &Caller, worker: &Worker) -> Vec<(String, Value)> {
    let asked = Ask::on(format!("$SRV.INFO.fastembed.{}", worker.instance));
    let info = caller.call(asked).await;
    let info: Value = serde_json::from_slice(&info.body).expect("JSON");
    let endpoints = info["endpoints"].as_array().expect("a list").iter();
    let named = |endpoint: &Value| {
        let name = endpoint["name"].as_str().expect("a name").to_owned();
        (name, endpoint["metadata"].clone())
    };
    endpoints.map(named).collect()
}
