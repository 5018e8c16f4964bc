//! `serve`, as phases: models, bus, signal, drain.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::batch::Company;
use crate::batch::processors::Processors;
use crate::bus::{self, Station};
use crate::config::Config;
use crate::roster::Roster;
use crate::telemetry::health::{Health, Phase};
use crate::telemetry::http::{self, Sources};
use crate::telemetry::metrics::Metrics;
use crate::{hub, instance};

/// What stops a worker that nobody told to stop.
const HANG: &str = "hang";
const HANGS: &str = "a run of the model does not return";

/// How long the models' threads may take to end once all is answered.
const THREADS_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves until a signal, then drains. A signal that comes before requests are
/// taken ends the process at once: nothing was admitted.
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
    let hung = Arc::new(Notify::new());
    let on_hang: OnHang = {
        let (hung, health) = (Arc::clone(&hung), Arc::clone(&health));
        Arc::new(move || {
            health.enter(Phase::Hung);
            hung.notify_one();
        })
    };

    let mut stopped = pin!(async {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = hung.notified() => HANG,
        }
    });

    let preparation = Preparation {
        config: config.clone(),
        instance: instance.clone(),
        health: Arc::clone(&health),
        metrics: Arc::clone(&metrics),
        on_hang,
    };
    // A task of its own: parts of it block, and a signal is heard meanwhile.
    let mut preparing = tokio::spawn(preparation.run());
    let signal = tokio::select! {
        signal = &mut stopped => signal,
        prepared = &mut preparing => {
            let prepared = prepared??;
            return serve(prepared, &config, &instance, health, metrics, stopped).await;
        }
    };
    ensure!(signal != HANG, HANGS);
    tracing::info!(signal, "stopped before it was ready");
    // A model that is being read is given a moment, so that its library does not
    // end in the middle of it.
    preparing.abort();
    let _ = tokio::time::timeout(THREADS_TIMEOUT, preparing).await;
    Ok(())
}

/// What is called when a run of a model does not return.
type OnHang = Arc<dyn Fn() + Send + Sync>;

/// All that comes before requests are taken.
struct Preparation {
    config: Config,
    instance: String,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    on_hang: OnHang,
}

/// A worker that could take requests.
struct Prepared {
    roster: Arc<Roster>,
    http: SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
    connection: bus::Connection,
}

impl Preparation {
    /// Files, models, the operators' port, the first inference, the bus.
    async fn run(self) -> anyhow::Result<Prepared> {
        let Self {
            config,
            instance,
            health,
            metrics,
            on_hang,
        } = self;
        hub::provide(&config).await?;
        let company = Company {
            processors: Processors::new(config.runtime.processors()),
            on_hang,
        };
        let roster = tokio::task::block_in_place(|| Roster::load(&config, company, &metrics))?;
        let sources = Sources {
            health: Arc::clone(&health),
            metrics: Arc::clone(&metrics),
            slots: Arc::clone(roster.slots()),
        };
        let (http, server) = http::serve(&config.http.listen, sources)
            .await
            .with_context(|| format!("http.listen {}", config.http.listen))?;
        roster.first_inference().await?;
        let connection = bus::connect(&config.nats, &instance, health, metrics).await?;
        Ok(Prepared {
            roster: Arc::new(roster),
            http,
            server,
            connection,
        })
    }
}

/// Takes requests until `stopped` says why no longer, then answers what was
/// admitted.
async fn serve(
    prepared: Prepared,
    config: &Config,
    instance: &str,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    stopped: impl Future<Output = &'static str>,
) -> anyhow::Result<()> {
    let Prepared {
        roster,
        http,
        server,
        connection,
    } = prepared;
    let station = Station {
        config,
        instance,
        roster: &roster,
        health: Arc::clone(&health),
        metrics,
    };
    let mut worker = Some(station.open(connection).await?);
    health.enter(Phase::Ready);
    if health.is_ready() {
        tracing::info!(instance, http = %http, "ready");
    }

    let signal = tokio::select! {
        signal = stopped => signal,
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
    // A run that nobody waits for any more ends now, or with the process; so does a
    // load, whose library is given a moment not to end in the middle of it.
    let _ = tokio::time::timeout(THREADS_TIMEOUT, roster.close()).await;
    ensure!(
        unanswered == 0,
        "{unanswered} requests were not answered within drain.deadline_ms"
    );
    ensure!(signal != HANG, HANGS);
    tracing::info!("drained");
    Ok(())
}
