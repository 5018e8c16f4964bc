//! The process: what was asked for, and how it ended.
//!
//! Exit status: 0 drained, 1 cannot start or did not drain, 64 bad configuration
//! or usage (EX_USAGE of sysexits.h).

use std::process::ExitCode;

use clap::Parser as _;
use fastembed_worker::cli::{self, Cli, Command, Generate};
use fastembed_worker::telemetry::{logs, metrics};
use fastembed_worker::{anew, bench, config, hub, serve};

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
    let loads_runtime = matches!(cli.command, Command::Serve(_) | Command::Bench(_));
    if loads_runtime && let Err(fault) = anew::with_settings_of_libraries() {
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

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(serving) => {
            let config = serving.load(config::variables())?;
            config::readable(&config)?;
            hub::Pins::load(&config.runtime)?;
            logs::init(&config.log)
                .map_err(|fault| config::Error::new("log.filter", fault.to_string()))?;
            block_on(serve::run(config))
        }
        Command::Check {
            print: wanted,
            settings,
        } => {
            let config = settings.load(config::variables())?;
            config::readable(&config)?;
            hub::Pins::load(&config.runtime)?;
            if wanted {
                print(&config::effective(&config)?)
            } else {
                Ok(())
            }
        }
        Command::Models(models) => print(&models.print()?),
        Command::Pull(pull) => block_on(cli::models::pull(&pull, config::variables())),
        Command::Import(import) => block_on(cli::models::import(&import, config::variables())),
        Command::Bench(settings) => block_on(bench::run(&settings)),
        Command::Echo(settings) => block_on(bench::echo::run(&settings)),
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
