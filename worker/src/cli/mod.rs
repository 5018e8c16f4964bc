//! The command line. Flags that concern NATS are spelled as the nats CLI
//! spells them.

pub mod list;
pub mod models;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Error, Layers, context};

/// Embedding worker on a NATS bus.
#[derive(Debug, Parser)]
#[command(name = "fastembed-worker", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve models until SIGTERM or SIGINT.
    Serve(Serve),
    /// Validate the configuration, and do nothing else.
    Check {
        /// Print the configuration as it takes effect, secrets masked.
        #[arg(long)]
        print: bool,
        /// Where it comes from.
        #[command(flatten)]
        settings: Settings,
    },
    /// List the models that there are.
    Models(list::Models),
    /// Fetch models from the hub into the cache.
    Pull(models::Pull),
    /// Put a model's files from a folder into the cache.
    Import(models::Import),
    /// Measure throughput and latency, in process and through a bus of its own.
    Bench(Bench),
    /// Answer every request on `echo` with as many bytes: what a bus costs.
    #[command(hide = true)]
    Echo(Echo),
    /// Print what other files are generated from.
    #[command(hide = true)]
    Generate {
        /// What to print.
        what: Generate,
    },
}

/// What can be generated.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Generate {
    /// `config/worker.toml`.
    Config,
    /// The README's table of metrics.
    Metrics,
}

/// Settings from a file and from flags. A flag wins over a variable of the
/// environment, that over the context, that over the file, and the file over
/// the default.
#[derive(Clone, Debug, Default, Args)]
pub struct Settings {
    /// Configuration file (TOML); see config/worker.toml.
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// NATS servers, comma separated [env: NATS_URL].
    #[arg(long, short, value_name = "URL")]
    server: Option<String>,
    /// User name [env: NATS_USER].
    #[arg(long)]
    user: Option<String>,
    /// Password [env: NATS_PASSWORD].
    #[arg(long)]
    password: Option<String>,
    /// Token [env: NATS_TOKEN].
    #[arg(long)]
    token: Option<String>,
    /// Credentials file [env: NATS_CREDS].
    #[arg(long, value_name = "FILE")]
    creds: Option<String>,
    /// File with an nkey seed [env: NATS_NKEY].
    #[arg(long, value_name = "FILE")]
    nkey: Option<String>,
    /// Client certificate [env: NATS_CERT].
    #[arg(long, value_name = "FILE")]
    tlscert: Option<String>,
    /// Private key of the certificate [env: NATS_KEY].
    #[arg(long, value_name = "FILE")]
    tlskey: Option<String>,
    /// Certificate authority of the servers [env: NATS_CA].
    #[arg(long, value_name = "FILE")]
    tlsca: Option<String>,
    /// Prefix of this worker's own inboxes.
    #[arg(long, value_name = "PREFIX")]
    inbox_prefix: Option<String>,
    /// Context of the nats CLI to take all these from [env: NATS_CONTEXT].
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Any other setting, such as queue.max_tokens=100000; may be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    assignments: Vec<String>,
}

impl Settings {
    /// As a `--set` after all others.
    fn assign(&mut self, assignment: &str) {
        self.assignments.push(assignment.to_owned());
    }

    /// The configuration that these flags, `variables` and the file make.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(
        &self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, Error> {
        let mut layers = Layers::default();
        if let Some(file) = &self.config {
            layers = layers.file(file)?;
        }
        let variables: Vec<(String, String)> = variables.into_iter().collect();
        let variable = |wanted: &str| {
            variables
                .iter()
                .find(|(name, value)| name == wanted && !value.is_empty())
        };
        let context = self
            .context
            .as_ref()
            .or_else(|| variable("NATS_CONTEXT").map(|(_, value)| value));
        if let Some(name) = context {
            layers = layers.context(&context::file(name, |wanted| {
                variable(wanted).map(|(_, value)| value.clone())
            })?)?;
        }
        layers = layers.environment(variables)?;
        for (key, flag) in [
            ("url", &self.server),
            ("user", &self.user),
            ("password", &self.password),
            ("token", &self.token),
            ("creds", &self.creds),
            ("nkey", &self.nkey),
            ("cert", &self.tlscert),
            ("key", &self.tlskey),
            ("ca", &self.tlsca),
            ("inbox_prefix", &self.inbox_prefix),
        ] {
            if let Some(value) = flag {
                layers.set("nats", key, value)?;
            }
        }
        for assignment in &self.assignments {
            layers = layers.assignment(assignment)?;
        }
        layers.build()
    }
}

/// What serving needs.
#[derive(Clone, Debug, Default, Args)]
pub struct Serve {
    /// Never ask the hub: every file of every model must be in the cache
    /// [env: HF_HUB_OFFLINE].
    #[arg(long)]
    offline: bool,
    /// Load only what models.lock pins, with the sha256 of every file.
    #[arg(long)]
    locked: bool,
    /// models.lock to read.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Everything else.
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    /// As [`Settings::load`].
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(
        &self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, Error> {
        let mut settings = self.settings.clone();
        for (flag, key) in [(self.offline, "offline"), (self.locked, "locked")] {
            if flag {
                settings.assign(&format!("runtime.{key}=true"));
            }
        }
        if let Some(file) = &self.lock {
            settings.assign(&format!("runtime.lock={}", file.display()));
        }
        settings.load(variables)
    }
}

/// What the benchmark needs.
#[derive(Clone, Debug, Args)]
pub struct Bench {
    /// nats-server to start.
    #[arg(long, value_name = "PROGRAM")]
    pub nats_server: PathBuf,
    /// fastembed as a program (`make rival`).
    #[arg(long, value_name = "PROGRAM")]
    pub rival: PathBuf,
    /// Models of real size, photographs and bad images (tests/models/full_size.py).
    #[arg(long, value_name = "FOLDER")]
    pub models: PathBuf,
    /// Where the figures go, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: PathBuf,
    /// Where they are drawn, as SVG.
    #[arg(long, value_name = "FILE")]
    pub chart: Option<PathBuf>,
    /// Rounds of each measurement; the median is reported.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Measure only these, comma separated.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Scene>,
}

/// What the bench measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scene {
    /// Texts per second and idle latency, against what the machine can do.
    Throughput,
    /// fastembed's own call, in the same rounds.
    Rival,
    /// Queries while bulk saturates.
    Lanes,
    /// Ten times as many calls as can be answered.
    Overload,
    /// Queries beside input that is meant to hurt.
    BadInput,
    /// A worker that nobody calls.
    Idle,
    /// A model that costs nothing against a bare echo.
    Bare,
    /// One-core workers.
    Processors,
    /// The dynamically quantised model.
    Int8,
    /// What executors beyond the first take.
    Memory,
    /// Sparse vectors, ranked documents and images, against fastembed's own call.
    Kinds,
    /// Requests of all kinds that are refused.
    Refusals,
}

/// `echo`
#[derive(Debug, Args)]
pub struct Echo {
    /// NATS server.
    #[arg(long, value_name = "URL")]
    pub server: String,
    /// Bytes of each answer.
    #[arg(long)]
    pub bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_flag_wins_over_its_variable() {
        let cli = Cli::try_parse_from([
            "fastembed-worker",
            "serve",
            "--offline",
            "--server",
            "nats://flag:1",
            "--set",
            "queue.max_requests=9",
        ])
        .unwrap();
        let Command::Serve(settings) = cli.command else {
            panic!("not serve")
        };
        let variables = [("NATS_URL".to_owned(), "nats://env:1".to_owned())];
        let config = settings.load(variables).unwrap();
        assert!(config.runtime.offline);
        assert_eq!(
            (config.nats.url.as_str(), config.queue.max_requests),
            ("nats://flag:1", 9)
        );
    }
}
