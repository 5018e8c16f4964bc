//! Words planted wherever somebody may write one, looked for in everything that
//! a worker says, at every level and in both formats.

use std::path::Path;

use serde_json::json;

use super::certificates::write;
use super::jwt::Operator;
use crate::harness::raw::Raw;
use crate::harness::worker::binary;
use crate::harness::{Ask, Caller, FAKE, Launch, MINILM, Server};

/// Stands in whatever a caller sends.
const TEXT: &str = "xyzzyplugh";

/// Stands in whatever lets somebody in.
const SECRET: &str = "hunter2correcthorse";

const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error"];

const FORMATS: &[&str] = &["json", "pretty"];

/// Two users whose password is the secret, beside those of the file.
const USERS: &str = "{ user: keeper, password: hunter2correcthorse }, \
    { user: outcast, password: hunter2correcthorse, permissions: { publish: 'x', subscribe: 'x' } }";

fn search(lines: &[String], words: &[&str]) {
    let told: Vec<&String> = lines
        .iter()
        .filter(|line| words.iter().any(|word| line.contains(word)))
        .collect();
    assert!(told.is_empty(), "{told:#?}");
}

/// Everything that a caller can write, in every place where it can.
async fn plant(server: &Server) {
    let caller = Caller::connect(server).await;
    let info = caller.call(Ask::info("Fake")).await.value();
    let instance = info["instance"].as_str().expect("an instance").to_owned();
    let long = format!("{TEXT} ").repeat(20);
    let huge = TEXT.repeat(20_000);
    for document in [
        json!({"inputs": [TEXT], "meta": {TEXT: TEXT}}),
        json!({"inputs": [TEXT], TEXT: 1}),
        json!({"inputs": TEXT}),
        json!({"inputs": [TEXT], "encoding": TEXT}),
        json!({"inputs": [TEXT], "prompt": TEXT}),
        json!({"inputs": [TEXT], "space": TEXT}),
        json!({"inputs": [TEXT], "truncate": TEXT}),
        json!({"inputs": [long], "truncate": false}),
        json!({"inputs": [huge]}),
        json!({"inputs": [format!("{TEXT}panic")]}),
        json!({"inputs": [format!("{TEXT}nan")]}),
        json!(TEXT),
    ] {
        caller.call(Ask::text("Fake").json(&document)).await;
        caller.call(Ask::text("Fake").msgpack(&document)).await;
        caller
            .call_in_parts(Ask::text("Fake").json(&document))
            .await;
        caller.call(Ask::info("Fake").json(&document)).await;
    }
    caller.call(Ask::text("Fake").body(TEXT)).await;
    caller
        .call(Ask::text("Fake").body(format!("{{{TEXT}")))
        .await;
    for header in [
        "Content-Type",
        "Fastembed-Timeout-Ms",
        "Fastembed-Lane",
        "Fastembed-Accept",
        "Fastembed-Request-Id",
        "Fastembed-Attempt-Id",
        "traceparent",
        TEXT,
    ] {
        let ask = Ask::texts("Fake", &[TEXT]).header(header, TEXT);
        caller.call(ask).await;
    }
    let target = format!("fastembed.ctl.v1.inst.{instance}.text");
    caller.call(Ask::on(format!("{target}.{TEXT}"))).await;
    caller
        .call(Ask::on(format!("{target}.{TEXT}.{TEXT}")))
        .await;
    for reply in [
        format!("_INBOX.client.{TEXT}"),
        format!("_INBOX.client.{TEXT}.*"),
        format!("$JS.API.{TEXT}"),
        format!("$JS.API.STREAM.DELETE.{TEXT}"),
        format!("orders.new.{TEXT}"),
    ] {
        caller.publish(Ask::texts("Fake", &[TEXT]), &reply).await;
    }
    // What no library reads: the connection breaks and comes back.
    let mut raw = Raw::as_user("client", server).await;
    let head = format!("NATS/1.0\r\n{TEXT}\r\n\r\n");
    let size = head.len();
    let line = format!("HPUB fastembed.v1.text.Fake _INBOX.client.{TEXT} {size} {size}");
    raw.send(format!("{line}\r\n{head}\r\n")).await;
    raw.fence().await;
}

#[tokio::test]
async fn no_log_line_holds_what_callers_send_or_what_lets_us_in() {
    let config = format!(
        "[[models]]\nname = 'Fake'\nkind = 'fake'\nmax_length = 8\n\
         panic_on = '{TEXT}panic'\nnan_on = '{TEXT}nan'\n"
    );
    let server = Server::with_users(USERS).await;
    for level in LEVELS {
        for format in FORMATS {
            let http = free_address();
            let mut worker = Launch::new(&server.url(), &config)
                .env("NATS_USER", "keeper")
                .env("NATS_PASSWORD", SECRET)
                .env("HF_TOKEN", SECRET)
                .env("FASTEMBED_LOG_FILTER", level)
                .env("FASTEMBED_LOG_FORMAT", format)
                .env("FASTEMBED_HTTP_LISTEN", &http)
                .spawn();
            worker.become_ready_in_silence(&http).await;
            plant(&server).await;
            worker.signal("TERM").await;
            let exit = worker.exit().await;
            assert_eq!(exit.code, Some(0), "{level} {format}: {exit:?}");
            search(&exit.lines, &[TEXT, SECRET]);
            assert_eq!(
                exit.lines
                    .iter()
                    .any(|line| line.contains("first inference")),
                ["trace", "debug", "info"].contains(level),
                "{level} {format}: {exit:?}"
            );
        }
    }
}

#[tokio::test]
async fn no_log_line_of_the_real_model_holds_a_text() {
    let server = Server::start().await;
    let launch = Launch::new(&server.url(), MINILM).env("FASTEMBED_LOG_FILTER", "trace");
    let worker = launch.ready().await;
    let caller = Caller::connect(&server).await;
    let long = format!("{TEXT} ").repeat(600);
    let texts = [TEXT, &long];
    let ask = Ask::texts("AllMiniLML6V2", &texts);
    assert_eq!(caller.call(ask).await.vectors().tokens.len(), texts.len());
    let document = json!({"inputs": [long], "truncate": false});
    let ask = Ask::text("AllMiniLML6V2").json(&document);
    caller.call(ask).await.refused("input_too_long");
    search(&worker.stop().await.lines, &[TEXT]);
}

/// Where a worker that logs nothing can be told to listen.
fn free_address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("a bound socket").to_string()
}

#[tokio::test]
async fn no_line_of_a_worker_that_is_not_let_in_holds_a_secret() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let creds = Operator::new().user(json!({}));
    let seed = creds
        .lines()
        .find(|line| line.starts_with("SU"))
        .expect("a seed");
    let jwt = creds
        .lines()
        .find(|line| line.starts_with("ey"))
        .expect("a JWT");
    let file = |name: &str, text: &str| write(folder.path(), name, text).display().to_string();
    let (creds, nkey) = (file("creds", &creds), file("nkey", seed));
    let server = Server::with_users(USERS).await;
    let words = [SECRET, seed, jwt, &seed[2..20], &jwt[..40]];
    for format in FORMATS {
        for settings in [
            &[("NATS_USER", "worker"), ("NATS_PASSWORD", SECRET)][..],
            &[("NATS_USER", SECRET), ("NATS_PASSWORD", SECRET)],
            &[
                ("NATS_USER", ""),
                ("NATS_PASSWORD", ""),
                ("NATS_TOKEN", SECRET),
            ],
            &[
                ("NATS_USER", ""),
                ("NATS_PASSWORD", ""),
                ("NATS_CREDS", &creds),
            ],
            &[
                ("NATS_USER", ""),
                ("NATS_PASSWORD", ""),
                ("NATS_NKEY", &nkey),
            ],
        ] {
            let launch = Launch::new(&server.url(), FAKE)
                .env("FASTEMBED_LOG_FILTER", "trace")
                .env("FASTEMBED_LOG_FORMAT", format);
            let launch = settings
                .iter()
                .fold(launch, |launch, (name, value)| launch.env(name, value));
            let exit = launch.exit().await;
            assert_eq!(exit.code, Some(1), "{settings:?}: {exit:?}");
            search(&exit.lines, &words);
        }
        for url in [
            format!("nats://keeper:{SECRET}@127.0.0.1:1"),
            format!("nats://{SECRET}@127.0.0.1:1"),
            format!("nats://keeper:{SECRET}@"),
            format!("nats://keeper:{SECRET}@127.0.0.1:port"),
            format!("keeper:{SECRET}@127.0.0.1:1,nats://u:{SECRET}@127.0.0.1:1"),
            format!("http://keeper:{SECRET}@127.0.0.1:1"),
        ] {
            let launch = Launch::new(&url, FAKE)
                .env("FASTEMBED_LOG_FILTER", "trace")
                .env("FASTEMBED_LOG_FORMAT", format);
            let exit = launch.exit().await;
            assert!(matches!(exit.code, Some(1 | 64)), "{url}: {exit:?}");
            search(&exit.lines, &words);
        }
    }
    // A worker that is let in and may do nothing.
    let mut worker = Launch::new(&server.url(), FAKE)
        .env("NATS_USER", "outcast")
        .env("NATS_PASSWORD", SECRET)
        .env("FASTEMBED_LOG_FILTER", "trace")
        .spawn();
    worker.line_with("refused a subscription").await;
    worker.signal("TERM").await;
    search(&worker.exit().await.lines, &words);
}

#[tokio::test]
async fn what_check_prints_and_refuses_holds_no_secret() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = |text: &str| write(folder.path(), "worker.toml", text);
    let url = format!("nats://keeper:{SECRET}@127.0.0.1:1,nats://{SECRET}@127.0.0.1:2");
    for who in [
        format!("user = 'keeper'\npassword = '{SECRET}'"),
        format!("token = '{SECRET}'"),
    ] {
        let whole = format!("[nats]\nurl = '{url}'\n{who}\n[hub]\ntoken = '{SECRET}'\n");
        let exit = check(&config(&whole), &["--print"]).await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert!(exit.lines.concat().contains("127.0.0.1:2"), "{exit:?}");
        search(&exit.lines, &[SECRET]);
    }
    for broken in [
        format!("[nats]\nuser = 'keeper'\npassword = '{SECRET}\n"),
        format!("[nats]\npassword = {SECRET}\n"),
        format!("[nats]\npassword = ['{SECRET}']\n"),
        format!("[nats]\npassword = {{ '{SECRET}' = 1 }}\n"),
        format!("[nats]\npassword = '{SECRET}'\n"),
        format!("[nats]\ntoken = '{SECRET}'\nurl = ''\n"),
        format!("[nats]\nurl = ['nats://u:{SECRET}@h']\n"),
        format!("[hub]\ntoken = '{SECRET} {SECRET}'\n"),
        format!("[hub]\nendpoint = 'https://u:{SECRET}@h'\n"),
        format!("nats = '{SECRET}'\n"),
    ] {
        let exit = check(&config(&broken), &["--print"]).await;
        assert_eq!(exit.code, Some(64), "{broken}: {exit:?}");
        search(&exit.lines, &[SECRET]);
    }
    for flags in [
        &["--password", SECRET][..],
        &["--set", &format!("nats.password{SECRET}")],
        &["--set", &format!("nats.password={SECRET}")],
        &["--set", &format!("hub.endpoint=https://u:{SECRET}@h")],
        &["--set", &format!("hub.token={SECRET} x")],
    ] {
        let exit = check(&config(""), flags).await;
        assert_eq!(exit.code, Some(64), "{flags:?}: {exit:?}");
        search(&exit.lines, &[SECRET]);
    }
}

async fn check(config: &Path, flags: &[&str]) -> crate::harness::process::Exit {
    let mut command = tokio::process::Command::new(binary());
    command
        .env_clear()
        .arg("check")
        .arg("--config")
        .arg(config)
        .args(flags);
    crate::harness::process::Process::run(command).await
}
