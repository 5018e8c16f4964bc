//! How long models are loaded: from the first request on, until another needs the
//! room, or as an operator says.

mod admin;
mod lazy;
mod room;

use serde_json::Value;

use crate::harness::{Ask, Caller, Worker, eventually};

/// Whether `/metrics` shows the model as loaded.
async fn is_loaded(worker: &Worker, model: &str) -> bool {
    sample(
        worker,
        &format!("fastembed_model_loaded{{model=\"{model}\"}}"),
    )
    .await
        == Some(1.0)
}

/// How often the model was loaded since the start, with this result.
async fn loads(worker: &Worker, model: &str, result: &str) -> f64 {
    let labels = format!("{{model=\"{model}\",result=\"{result}\"}}");
    let loads = sample(worker, &format!("fastembed_model_loads_total{labels}")).await;
    loads.unwrap_or(0.0)
}

/// The value of one series.
async fn sample(worker: &Worker, series: &str) -> Option<f64> {
    let (_, text) = worker.get("/metrics").await;
    let value = text.lines().find_map(|line| line.strip_prefix(series))?;
    value.trim().parse().ok()
}

/// Waits until a request waits for this model, admitted and not answered.
async fn someone_waits(worker: &Worker, model: &str) {
    let series = format!("fastembed_queue_requests{{model=\"{model}\"}}");
    eventually("a request that waits", || async {
        sample(worker, &series).await >= Some(1.0)
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
