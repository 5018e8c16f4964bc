//! Every setting and every relation between settings: what is not allowed ends
//! the worker with 64 and one line, before it opens a socket.

mod lifecycle;
mod own;
mod rows;

use std::collections::BTreeSet;
use std::net::TcpListener;

use fastembed_worker::config;
use tokio::process::Command;

use crate::harness::process::{Exit, Process};
use crate::harness::root;
use crate::harness::worker::binary;
use rows::From::{self, File, Flags, Variable};
use rows::ROWS;

fn all_rows() -> impl Iterator<Item = &'static (From, &'static str)> {
    ROWS.iter().chain(lifecycle::ROWS).chain(own::ROWS)
}

/// A run of the program with nothing but this set, and its exit.
async fn run(command: &str, setting: &From, url: &str) -> Exit {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut program = Command::new(binary());
    program
        .env_clear()
        .env("ORT_DISABLE_TELEMETRY", "1")
        .env("NATS_URL", url)
        .env("HF_ENDPOINT", url.replace("nats", "http"))
        .env("FASTEMBED_HTTP_LISTEN", "127.0.0.1:0")
        .current_dir(folder.path())
        .arg(command);
    match setting {
        File(text) => {
            // The file is what is tested, so nothing stands above it.
            if text.contains("url =") {
                program.env_remove("NATS_URL");
            }
            if text.contains("[http]") {
                program.env_remove("FASTEMBED_HTTP_LISTEN");
            }
            let file = folder.path().join("worker.toml");
            std::fs::write(&file, text).expect("the temporary folder can be written");
            program.arg("--config").arg(file);
        }
        Variable(name, value) => drop(program.env(name, value)),
        Flags(flags) => drop(program.args(*flags)),
    }
    Process::run(program).await
}

#[tokio::test]
async fn every_setting_that_cannot_be_used_exits_64_with_its_line_and_opens_no_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let url = format!("nats://{}", listener.local_addr().expect("a bound socket"));
    let mut wrong = Vec::new();
    for (setting, line) in all_rows() {
        for command in ["check", "serve"] {
            let exit = run(command, setting, &url).await;
            let expected = format!("fastembed-worker: {line}");
            if exit.code != Some(64) || exit.lines != [expected] {
                wrong.push(format!(
                    "{command}: {line}\n  {:?} {:?}",
                    exit.code, exit.lines
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let connection = listener.accept().map_err(|fault| fault.kind());
    assert_eq!(connection.err(), Some(std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn a_file_that_is_no_toml_exits_64_and_names_the_line_without_quoting_it() {
    let text = File("[nats]\nuser = 'a'\npassword = hunter2");
    for command in ["check", "serve"] {
        let exit = run(command, &text, "nats://127.0.0.1:1").await;
        let output = exit.lines.join("\n");
        assert_eq!(exit.code, Some(64), "{output}");
        assert!(output.contains("worker.toml: line 3: "), "{output}");
        assert!(!output.contains("hunter2"), "{output}");
    }
}

#[test]
fn every_key_has_a_row() {
    let template = std::fs::read_to_string(root().join("config/worker.toml"));
    let template: toml::Table = template.expect("a file").parse().expect("TOML");
    let mut keys = BTreeSet::new();
    for (section, entries) in &template {
        let entries = entries.as_table().expect("a section");
        keys.extend(entries.keys().map(|key| format!("{section}.{key}")));
    }
    keys.extend(
        config::model_keys()
            .iter()
            .map(|key| format!("models.{key}")),
    );
    let told: BTreeSet<String> = all_rows()
        .map(|(_, line)| line.split([':', ' ']).next().expect("a word").to_owned())
        .collect();
    let without: Vec<&String> = keys.difference(&told).collect();
    assert!(without.is_empty(), "keys without a row: {without:?}");
}

#[tokio::test]
async fn check_prints_the_settings_as_they_take_effect_and_no_secret() {
    let text = "[nats]\nurl = 'nats://u:hunter2@a:1, hunter2@b'\ntoken = 'hunter2'\n[hub]\ntoken = 'hunter2'\n\
         [queue]\nmax_tokens = 4711\n";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("worker.toml");
    std::fs::write(&file, text).expect("the temporary folder can be written");
    let mut program = Command::new(binary());
    program
        .env_clear()
        .env("FASTEMBED_DRAIN_DEADLINE_MS", "31000")
        .args(["check", "--print", "--config"])
        .arg(file);
    let exit = Process::run(program).await;
    let output = exit.lines.join("\n");
    assert_eq!(exit.code, Some(0), "{output}");
    assert!(!output.contains("hunter2"), "{output}");
    for line in [
        "url = \"nats://a:1,b\"",
        "token = \"***\"",
        "max_tokens = 4711",
        "deadline_ms = 31000",
    ] {
        assert!(
            exit.lines.iter().any(|printed| printed == line),
            "{line}\n{output}"
        );
    }
}
