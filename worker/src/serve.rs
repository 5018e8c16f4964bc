//! `serve`, as phases: models, bus, signal, drain.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::bus::Station;
use crate::config::Config;
use crate::telemetry::health::{Health, Phase};
use crate::telemetry::http::{self, Sources};
use crate::telemetry::metrics::Metrics;
use crate::{hub, instance, start};

/// What stops a worker that nobody told to stop.
const HANG: &str = "hang";

/// How long the models' threads may take to end once all is answered.
const THREADS_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves until a signal, then drains.
///
/// # Errors
/// Where the worker cannot start, leaves requests unanswered, or stops because a
/// run of the model does not return.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let metrics = Metrics::new();
    let health = Health::new(Arc::clone(&metrics));
    let instance = instance::random();

    tokio::select! {
        provided = hub::provide(&config) => provided?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    }
    let hung = Arc::new(Notify::new());
    let on_hang: Arc<dyn Fn() + Send + Sync> = {
        let (hung, health) = (Arc::clone(&hung), Arc::clone(&health));
        Arc::new(move || {
            health.enter(Phase::Hung);
            hung.notify_one();
        })
    };
    let pipelines = tokio::task::block_in_place(|| start::pipelines(&config, &metrics, &on_hang))?;
    let sources = Sources {
        health: Arc::clone(&health),
        metrics: Arc::clone(&metrics),
        pipelines: pipelines.clone().into(),
    };
    let (http, server) = http::serve(&config.http.listen, sources)
        .await
        .with_context(|| format!("http.listen {}", config.http.listen))?;
    start::first_inference(&pipelines).await?;

    let station = Station {
        config: &config,
        instance: &instance,
        pipelines: &pipelines,
        health: Arc::clone(&health),
        metrics,
    };
    let mut worker = Some(station.open().await?);
    health.enter(Phase::Ready);
    if health.is_ready() {
        tracing::info!(instance, http = %http, "ready");
    }

    let signal = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        () = hung.notified() => HANG,
        never = station.keep(&mut worker) => match never {},
    };
    health.enter(Phase::Draining);
    tracing::info!(signal, deadline_ms = config.drain.deadline_ms, "draining");
    let deadline = Duration::from_millis(config.drain.deadline_ms);
    let unanswered = match worker {
        Some(worker) => worker.drain(deadline).await,
        None => 0,
    };
    server.abort();
    // A run that nobody waits for any more ends now, or with the process.
    let ended = tokio::task::spawn_blocking(move || drop(pipelines));
    let _ = tokio::time::timeout(THREADS_TIMEOUT, ended).await;
    ensure!(
        unanswered == 0,
        "{unanswered} requests were not answered within drain.deadline_ms"
    );
    ensure!(signal != HANG, "a run of the model does not return");
    tracing::info!("drained");
    Ok(())
}
