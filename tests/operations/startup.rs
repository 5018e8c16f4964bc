//! A signal before requests are taken: nothing was admitted, so the worker ends
//! at once and as if drained.

use std::net::TcpListener;

use crate::harness::worker::Worker;
use crate::harness::{FAKE, Launch, MINILM, Server};

/// Its first inference would outlast every patience.
const SLOW: &str = "[[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 600000\n";

async fn ends_on(signal: &str, mut worker: Worker) {
    worker.signal(signal).await;
    let exit = worker.exit().await;
    assert_eq!(exit.code, Some(0), "{}", exit.lines.join("\n"));
    let stopped = exit.lines.iter().any(|line| {
        line.contains("stopped before it was ready") && line.contains(&format!("SIG{signal}"))
    });
    assert!(stopped, "{}", exit.lines.join("\n"));
}

#[tokio::test]
async fn a_signal_while_a_model_is_loaded_ends_the_worker() {
    let server = Server::start().await;
    for signal in ["TERM", "INT"] {
        let worker = Launch::new(&server.url(), MINILM).spawn();
        // Of the files; the next one comes when the model is loaded.
        worker.line_with(r#""message":"files are "#).await;
        ends_on(signal, worker).await;
    }
}

#[tokio::test]
async fn a_signal_during_the_first_inference_ends_the_worker() {
    let server = Server::start().await;
    for signal in ["TERM", "INT"] {
        let worker = Launch::new(&server.url(), SLOW).spawn();
        worker.line_with(r#""message":"model loaded""#).await;
        ends_on(signal, worker).await;
    }
}

#[tokio::test]
async fn a_signal_while_the_server_does_not_answer_ends_the_worker() {
    // Takes connections and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let config = format!("[nats]\nconnect_timeout_ms = 60000\n{FAKE}");
    for signal in ["TERM", "INT"] {
        let worker = Launch::new(&format!("nats://{address}"), &config).spawn();
        let listener = listener.try_clone().expect("a socket");
        let accepted = tokio::task::spawn_blocking(move || listener.accept());
        let silent = crate::harness::within("a connection", accepted).await;
        let _silent = silent.expect("no panic").expect("a connection");
        ends_on(signal, worker).await;
    }
}

#[tokio::test]
async fn a_run_that_hangs_at_the_start_ends_the_worker_with_one_line() {
    let server = Server::start().await;
    let config = "[runtime]\nrun_limit_ms = 100\n\
                  [[models]]\nname = 'Fake'\nkind = 'fake'\nhang_on = 'vector'\n";
    let exit = Launch::new(&server.url(), config).exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.lines.join("\n"));
    let plain = exit.lines.iter().filter(|line| !line.starts_with('{'));
    assert_eq!(plain.count(), 1, "{}", exit.lines.join("\n"));
}
