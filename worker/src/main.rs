//! The process: configuration, telemetry, models, bus, signal, drain.
//!
//! Exit status: 0 drained, 1 cannot start or did not drain, 64 bad configuration
//! or usage (EX_USAGE of sysexits.h).

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use fastembed_worker::bus::{self, Worker};
use fastembed_worker::cli::{self, Cli, Command, Generate};
use fastembed_worker::config::{self, Config};
use fastembed_worker::telemetry::health::{Health, Phase};
use fastembed_worker::telemetry::http::{self, Sources};
use fastembed_worker::telemetry::logs;
use fastembed_worker::telemetry::metrics::{self, Metrics};
use fastembed_worker::{bench, hub, instance, start};
use tokio::signal::unix::{SignalKind, signal};

const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(fault) => {
            let code = if fault.use_stderr() { EXIT_USAGE } else { 0 };
            // Nowhere is left to report to where the terminal itself fails.
            let _ = fault.print();
            return ExitCode::from(code);
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("fastembed-worker: {fault:#}");
            ExitCode::from(if fault.is::<config::Error>() {
                EXIT_USAGE
            } else {
                1
            })
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(serving) => {
            let config = serving.load(config::variables())?;
            logs::init(&config.log)
                .map_err(|fault| config::Error::new("log.filter", fault.to_string()))?;
            runtime()?.block_on(serve(config))
        }
        Command::Check(settings) => {
            let config = settings.load(config::variables())?;
            hub::Pins::load(&config.runtime)?;
            Ok(())
        }
        Command::Pull(pull) => runtime()?.block_on(cli::models::pull(&pull, config::variables())),
        Command::Import(import) => {
            runtime()?.block_on(cli::models::import(&import, config::variables()))
        }
        Command::Bench(settings) => runtime()?.block_on(bench::run(&settings)),
        Command::Generate { what } => {
            let text = match what {
                Generate::Config => config::template()?,
                Generate::Metrics => metrics::markdown(),
            };
            std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
            Ok(())
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // The processors belong to the executors; the bus needs little.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    Ok(runtime)
}

async fn serve(config: Config) -> anyhow::Result<()> {
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
    let pipelines = tokio::task::block_in_place(|| start::pipelines(&config, &metrics))?;
    let sources = Sources {
        health: Arc::clone(&health),
        metrics: Arc::clone(&metrics),
        pipelines: pipelines.clone().into(),
    };
    let (http, server) = http::serve(&config.http.listen, sources)
        .await
        .with_context(|| format!("http.listen {}", config.http.listen))?;
    start::first_inference(&pipelines).await?;

    let name = format!("fastembed-worker/{}/{instance}", env!("CARGO_PKG_VERSION"));
    let client = bus::connect(
        &config.nats,
        name,
        Arc::clone(&health),
        Arc::clone(&metrics),
    )
    .await?;
    let worker = Worker::start(
        client,
        &config,
        &instance,
        &pipelines,
        Arc::clone(&health),
        metrics,
    )
    .await?;
    health.enter(Phase::Ready);
    if health.is_ready() {
        tracing::info!(instance, http = %http, "ready");
    }

    let signal = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(signal, deadline_ms = config.drain.deadline_ms, "draining");
    health.enter(Phase::Draining);
    let unanswered = worker
        .drain(Duration::from_millis(config.drain.deadline_ms))
        .await;
    server.abort();
    anyhow::ensure!(
        unanswered == 0,
        "{unanswered} requests were not answered within drain.deadline_ms"
    );
    tracing::info!("drained");
    Ok(())
}
