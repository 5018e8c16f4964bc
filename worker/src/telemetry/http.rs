//! `/livez`, `/readyz` and `/metrics`, on a local port.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::health::Health;
use super::metrics::Metrics;
use crate::roster::Slot;

/// Media type of OpenMetrics text (github.com/prometheus/OpenMetrics).
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the port tells.
#[derive(Clone)]
pub struct Sources {
    /// For `/readyz`.
    pub health: Arc<Health>,
    /// For `/metrics`.
    pub metrics: Arc<Metrics>,
    /// The models that `/metrics` shows.
    pub slots: Arc<[Arc<Slot>]>,
}

/// Opens the port and serves it from a task of its own, until that is aborted.
///
/// # Errors
/// Where the address cannot be had.
pub async fn serve(
    listen: &str,
    sources: Sources,
) -> std::io::Result<(SocketAddr, JoinHandle<std::io::Result<()>>)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/livez", get(|| async { "live" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(sources);
    let server = tokio::spawn(axum::serve(listener, router).into_future());
    Ok((address, server))
}

async fn ready(State(sources): State<Sources>) -> impl IntoResponse {
    let word = sources.health.word();
    let status = if sources.health.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, word)
}

async fn metrics(State(sources): State<Sources>) -> impl IntoResponse {
    for slot in sources.slots.iter() {
        slot.show(&sources.metrics);
    }
    (
        [(header::CONTENT_TYPE, OPENMETRICS)],
        sources.metrics.render(),
    )
}
