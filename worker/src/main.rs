//! The process: configuration, telemetry, models, bus, signal, drain.
//!
//! Exit status: 0 drained, 1 cannot start or did not drain, 64 bad configuration
//! or usage (EX_USAGE of sysexits.h).

use std::os::unix::process::CommandExt as _;
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
use tokio::sync::Notify;

const EXIT_USAGE: u8 = 64;

/// Read by ONNX Runtime, core/platform/telemetry_1ds.cc.
const DISABLE_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// What stops a worker that nobody told to stop.
const HANG: &str = "hang";

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
    if let Err(fault) = without_runtime_telemetry(&cli.command) {
        eprintln!("fastembed-worker: cannot start itself anew: {fault}");
        return ExitCode::FAILURE;
    }
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

/// ONNX Runtime's official builds write a file below the user's cache and report
/// to their maker as soon as an environment is made, before it can be told not
/// to. Only a variable of the environment keeps them from it, and a process may
/// not soundly change its own: it starts itself anew, under the same id. Where
/// the variable is set, whoever set it has decided.
fn without_runtime_telemetry(command: &Command) -> std::io::Result<()> {
    let loads_runtime = matches!(command, Command::Serve(_) | Command::Bench(_));
    if !loads_runtime || std::env::var_os(DISABLE_TELEMETRY).is_some() {
        return Ok(());
    }
    let mut anew = std::process::Command::new(std::env::current_exe()?);
    Err(anew
        .args(std::env::args_os().skip(1))
        .env(DISABLE_TELEMETRY, "1")
        .exec())
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(serving) => {
            let config = serving.load(config::variables())?;
            logs::init(&config.log)
                .map_err(|fault| config::Error::new("log.filter", fault.to_string()))?;
            block_on(serve(config))
        }
        Command::Check {
            print: wanted,
            settings,
        } => {
            let config = settings.load(config::variables())?;
            hub::Pins::load(&config.runtime)?;
            if wanted {
                print(&config::effective(&config)?)
            } else {
                Ok(())
            }
        }
        Command::Pull(pull) => block_on(cli::models::pull(&pull, config::variables())),
        Command::Import(import) => block_on(cli::models::import(&import, config::variables())),
        Command::Bench(settings) => block_on(bench::run(&settings)),
        Command::Generate {
            what: Generate::Config,
        } => print(&config::template()?),
        Command::Generate {
            what: Generate::Metrics,
        } => print(&metrics::markdown()),
    }
}

/// Output that was asked for, which is no log.
fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::Write::write_all(
        &mut std::io::stdout(),
        text.as_bytes(),
    )?)
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    // The processors belong to the executors; the bus needs little.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let done = runtime.block_on(work);
    // A name lookup that hangs would be waited for.
    runtime.shutdown_background();
    done
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
        () = hung.notified() => HANG,
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
    if signal == HANG {
        // The thread that hangs cannot be joined, so nothing is dropped in order.
        tracing::error!("drained, and stopping because a run of the model does not return");
        std::process::exit(1);
    }
    tracing::info!("drained");
    Ok(())
}
