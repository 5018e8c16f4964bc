//! Each way in which a worker can show who it is: with the right secret it
//! serves, with a wrong one it ends with one line, and that line shows neither.

use std::path::Path;

use async_nats::ConnectOptions;
use nkeys::KeyPair;
use serde_json::json;
use tempfile::TempDir;

use super::certificates::{Authority, write};
use super::jwt::Operator;
use crate::harness::{Ask, Caller, FAKE, Launch, Server};

/// Settings by their variables.
type Settings = Vec<(&'static str, String)>;

/// One way in.
struct Way {
    /// The server's configuration.
    server: String,
    /// What lets a worker in.
    right: Settings,
    /// What does not, and a word of the line that says so.
    wrong: Vec<(Settings, &'static str)>,
    /// No line may show these.
    secrets: Vec<String>,
    /// What lets a caller in.
    caller: ConnectOptions,
}

impl Way {
    async fn holds(self) {
        let server = Server::configured(&self.server).await;
        let launch = |settings: &Settings| {
            let bare = Launch::new(&server.url(), FAKE)
                .env("NATS_USER", "")
                .env("NATS_PASSWORD", "")
                .env("FASTEMBED_LOG_FILTER", "trace");
            settings
                .iter()
                .fold(bare, |launch, (name, value)| launch.env(name, value))
        };
        let mut said = Vec::new();
        for (settings, word) in &self.wrong {
            let exit = launch(settings).exit().await;
            // A file that is none is bad configuration; a secret is not.
            let code = if word.starts_with("nats.") {
                1..=64
            } else {
                1..=1
            };
            assert!(code.contains(&exit.code.unwrap_or(0)), "{exit:?}");
            let complaint = exit.lines.last().cloned().unwrap_or_default();
            let plain = exit.lines.iter().filter(|line| !line.starts_with('{'));
            assert_eq!(plain.count(), 1, "{exit:?}");
            assert!(complaint.starts_with("fastembed-worker: "), "{exit:?}");
            assert!(complaint.contains(word), "{word}: {complaint}");
            said.extend(exit.lines);
        }
        let worker = launch(&self.right).ready().await;
        let options = self.caller.custom_inbox_prefix("_INBOX.client");
        let client = options.connect(server.url()).await.expect("a caller");
        let caller = Caller { client };
        caller.call(Ask::texts("Fake", &["a"])).await.vectors();
        said.extend(worker.stop().await.lines);
        for secret in &self.secrets {
            let told: Vec<&String> = said.iter().filter(|line| line.contains(secret)).collect();
            assert!(told.is_empty(), "{told:#?}");
        }
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn path(file: &Path) -> String {
    file.display().to_string()
}

#[tokio::test]
async fn a_worker_shows_a_user_and_a_password() {
    let user = |password: &str| {
        vec![
            ("NATS_USER", "w".to_owned()),
            ("NATS_PASSWORD", password.to_owned()),
        ]
    };
    let way = Way {
        server: "authorization { users: [{ user: w, password: rightpass }] }".into(),
        right: user("rightpass"),
        wrong: vec![
            (user("wrongpass"), "authorization violation"),
            (vec![], "authorization violation"),
        ],
        secrets: vec!["rightpass".into(), "wrongpass".into()],
        caller: ConnectOptions::with_user_and_password("w".into(), "rightpass".into()),
    };
    way.holds().await;
}

#[tokio::test]
async fn a_worker_shows_a_token() {
    let token = |token: &str| vec![("NATS_TOKEN", token.to_owned())];
    let way = Way {
        server: "authorization { token: righttoken }".into(),
        right: token("righttoken"),
        wrong: vec![(token("wrongtoken"), "authorization violation")],
        secrets: vec!["righttoken".into(), "wrongtoken".into()],
        caller: ConnectOptions::with_token("righttoken".into()),
    };
    way.holds().await;
}

#[tokio::test]
async fn a_worker_shows_an_nkey() {
    let (folder, key, other) = (folder(), KeyPair::new_user(), KeyPair::new_user());
    let seed = |key: &KeyPair| key.seed().expect("a key of our own");
    let file =
        |name: &str, text: &str| vec![("NATS_NKEY", path(&write(folder.path(), name, text)))];
    // As `nsc` writes it, and as `nk` does.
    let decorated = format!(
        "-----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        seed(&key)
    );
    let user = key.public_key();
    for right in [decorated, seed(&key)] {
        let way = Way {
            server: format!("authorization {{ users: [{{ nkey: {user} }}] }}"),
            right: file("right", &right),
            wrong: vec![
                (file("wrong", &seed(&other)), "authorization violation"),
                (file("empty", "\n"), "nats.nkey"),
                (file("short", &seed(&key)[..30]), "nats.nkey"),
                (
                    vec![("NATS_NKEY", path(&folder.path().join("none")))],
                    "nats.nkey",
                ),
            ],
            secrets: vec![seed(&key), seed(&other), seed(&key)[..30].into()],
            caller: ConnectOptions::with_nkey(seed(&key)),
        };
        way.holds().await;
    }
}

#[tokio::test]
async fn a_worker_shows_credentials() {
    let (folder, operator, other) = (folder(), Operator::new(), Operator::new());
    let creds =
        |name: &str, text: &str| vec![("NATS_CREDS", path(&write(folder.path(), name, text)))];
    // The rights of `worker` in config/nats.conf.
    let worker = operator.user(json!({
        "sub": {"allow": ["fastembed.v1.> q", "fastembed.ctl.v1.>", "$SRV.>", "_INBOX.worker.>"]},
        "pub": {"allow": ["_INBOX.worker.>"]},
        "resp": {"max": -1, "ttl": 660_000_000_000_u64},
    }));
    let (caller, stranger) = (operator.user(json!({})), other.user(json!({})));
    let secret = |creds: &str| {
        let lines = creds
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('-'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let way = Way {
        server: operator.server(),
        right: creds("right", &worker),
        wrong: vec![
            (creds("wrong", &stranger), "authorization violation"),
            (creds("cut", &worker[..worker.len() / 2]), "nats.creds"),
            (
                vec![("NATS_CREDS", path(&folder.path().join("none")))],
                "nats.creds",
            ),
        ],
        secrets: [secret(&worker), secret(&stranger)].concat(),
        caller: ConnectOptions::with_credentials(&caller).expect("credentials"),
    };
    way.holds().await;
}

#[tokio::test]
async fn a_worker_trusts_the_servers_of_its_authority_alone() {
    let (folder, ours, theirs) = (
        folder(),
        Authority::named("ours"),
        Authority::named("theirs"),
    );
    let server = ours.sign(folder.path(), "server");
    let trusting = |authority: &Authority, name: &str| {
        let file = authority.write(folder.path(), name);
        vec![("NATS_CA", path(&file))]
    };
    let way = Way {
        server: format!(
            "tls {{ cert_file: {:?}, key_file: {:?} }}",
            server.cert, server.key
        ),
        right: trusting(&ours, "ours"),
        wrong: vec![
            (trusting(&theirs, "theirs"), "UnknownIssuer"),
            (vec![], "UnknownIssuer"),
            (
                vec![("NATS_CA", path(&folder.path().join("none")))],
                "nats.ca",
            ),
        ],
        secrets: vec!["PRIVATE KEY".into()],
        caller: ConnectOptions::new().add_root_certificates(folder.path().join("ours.pem")),
    };
    way.holds().await;
}

#[tokio::test]
async fn a_worker_shows_a_certificate() {
    let (folder, ours, theirs) = (
        folder(),
        Authority::named("ours"),
        Authority::named("theirs"),
    );
    let (server, known) = (
        ours.sign(folder.path(), "server"),
        ours.sign(folder.path(), "known"),
    );
    let stranger = theirs.sign(folder.path(), "stranger");
    let ca = ours.write(folder.path(), "ours");
    let showing = |cert: &Path, key: &Path| {
        vec![
            ("NATS_CA", path(&ca)),
            ("NATS_CERT", path(cert)),
            ("NATS_KEY", path(key)),
        ]
    };
    let key = std::fs::read_to_string(&known.key).expect("a file of this test");
    let way = Way {
        server: format!(
            "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {ca:?}, verify: true }}",
            server.cert, server.key
        ),
        right: showing(&known.cert, &known.key),
        wrong: vec![
            (showing(&stranger.cert, &stranger.key), "UnknownCA"),
            (vec![("NATS_CA", path(&ca))], "CertificateRequired"),
            (showing(&known.cert, &stranger.key), "TLS"),
            (
                showing(&known.cert, &folder.path().join("none")),
                "nats.key",
            ),
        ],
        secrets: key.lines().skip(1).take(1).map(str::to_owned).collect(),
        caller: ConnectOptions::new()
            .add_root_certificates(ca.clone())
            .add_client_certificate(known.cert.clone(), known.key.clone()),
    };
    way.holds().await;
}

#[tokio::test]
async fn a_worker_does_not_speak_to_a_server_without_tls_when_it_is_to_check_one() {
    let (folder, authority) = (folder(), Authority::named("ours"));
    let client = authority.sign(folder.path(), "client");
    let ca = path(&authority.write(folder.path(), "ca"));
    let server = Server::start().await;
    for settings in [
        vec![("NATS_CA", ca)],
        vec![
            ("NATS_CERT", path(&client.cert)),
            ("NATS_KEY", path(&client.key)),
        ],
    ] {
        let launch = Launch::new(&server.url(), FAKE);
        let launch = settings
            .iter()
            .fold(launch, |launch, (name, value)| launch.env(name, value));
        let exit = launch.exit().await;
        assert_eq!(exit.code, Some(1), "{exit:?}");
    }
}

#[tokio::test]
async fn a_context_of_the_nats_cli_is_an_identity_too() {
    let (home, operator) = (folder(), Operator::new());
    let contexts = home.path().join("nats/context");
    std::fs::create_dir_all(&contexts).expect("the temporary folder can be written");
    let creds = write(home.path(), "w.creds", &operator.user(json!({})));
    let server = Server::configured(&operator.server()).await;
    let context = json!({"url": server.url(), "creds": creds, "inbox_prefix": "_INBOX.ctx"});
    write(&contexts, "prod.json", &context.to_string());
    let launch = || {
        Launch::new("", FAKE)
            .env("NATS_USER", "")
            .env("NATS_PASSWORD", "")
            .env("XDG_CONFIG_HOME", &path(home.path()))
    };
    launch()
        .env("NATS_CONTEXT", "prod")
        .ready()
        .await
        .stop()
        .await;
    let worker = launch().arg("--context").arg("prod").ready().await;
    let caller = ConnectOptions::with_credentials(&operator.user(json!({})));
    let caller = caller.expect("credentials").connect(server.url()).await;
    let caller = Caller {
        client: caller.expect("a caller"),
    };
    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
    drop(worker);
    let exit = launch().arg("--context").arg("prdo").exit().await;
    assert_eq!(exit.code, Some(64), "{exit:?}");
    assert!(exit.lines.concat().contains("prdo.json"), "{exit:?}");
}
