//! What the process says before it gives up, and with which status.

use crate::harness::process::Exit;
use crate::harness::worker::{binary, library};
use crate::harness::{FAKE, Launch, MINILM, Server};

/// A port that nobody listens on; 1 is reserved (tcpmux).
const NOBODY: &str = "nats://127.0.0.1:1";

/// The one line of complaint: all else is JSON.
fn complaint(exit: &Exit) -> &str {
    let plain = exit.lines.iter().filter(|line| !line.starts_with('{'));
    let [line] = plain.collect::<Vec<_>>()[..] else {
        panic!("not one line:\n{}", exit.lines.join("\n"))
    };
    line.strip_prefix("fastembed-worker: ")
        .unwrap_or_else(|| panic!("{line}"))
}

#[tokio::test]
async fn a_flag_or_a_file_that_is_not_there_exits_64() {
    let exit = Launch::new(NOBODY, "").arg("--srever").exit().await;
    assert_eq!(exit.code, Some(64));
    assert!(exit.lines[0].contains("--srever"), "{exit:?}");

    let missing = Launch::new(NOBODY, "").arg("--config").arg("nowhere.toml");
    assert_eq!(missing.exit().await.code, Some(64));
}

#[tokio::test]
async fn a_missing_model_exits_1_with_one_line_on_what_to_do() {
    let empty = tempfile::tempdir().expect("a temporary folder");
    let launch = Launch::new(NOBODY, MINILM).env("HF_HOME", &empty.path().display().to_string());
    let exit = launch.exit().await;
    assert_eq!(exit.code, Some(1));
    let line = complaint(&exit);
    for word in ["AllMiniLML6V2", "HF_HOME", "make setup"] {
        assert!(line.contains(word), "{line}");
    }
}

#[tokio::test]
async fn a_missing_runtime_exits_1_with_one_line_that_names_its_variable() {
    let launch = Launch::new(NOBODY, MINILM).env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so");
    let exit = launch.exit().await;
    assert_eq!(exit.code, Some(1));
    let line = complaint(&exit);
    assert!(
        line.contains("ORT_DYLIB_PATH") && line.contains("/nowhere"),
        "{line}"
    );
    assert!(library().is_file());
}

#[tokio::test]
async fn an_unpacked_worker_finds_the_runtime_in_lib_beside_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (bin, lib) = (folder.path().join("bin"), folder.path().join("lib"));
    let packed = lib.join(library().file_name().expect("the library has a name"));
    let program = bin.join("fastembed-worker");
    for made in [&bin, &lib] {
        std::fs::create_dir(made).expect("the temporary folder can be written");
    }
    std::fs::copy(binary(), &program).expect("the worker can be copied");
    std::os::unix::fs::symlink(library(), packed).expect("the library can be linked to");
    let launch = Launch::of(&program, NOBODY, MINILM).without_env("ORT_DYLIB_PATH");
    // It got as far as the bus, so the runtime has loaded the model.
    assert!(complaint(&launch.exit().await).contains("cannot connect"));
}

#[tokio::test]
async fn the_runtime_keeps_no_file_and_reports_to_nobody() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let exit = Launch::new(NOBODY, MINILM)
        .env("HOME", &home.path().display().to_string())
        .exit()
        .await;
    // The model was loaded, so its runtime had its chance.
    assert!(complaint(&exit).contains("cannot connect"));
    let mut left = std::fs::read_dir(home.path()).expect("the home can be read");
    assert!(left.next().is_none(), "something was written to the home");
}

#[tokio::test]
async fn without_a_server_it_exits_1_with_one_line_that_names_it() {
    let exit = Launch::new("nats://u:secret@127.0.0.1:1", FAKE)
        .exit()
        .await;
    assert_eq!(exit.code, Some(1));
    let line = complaint(&exit);
    assert!(line.contains("127.0.0.1:1"), "{line}");
    assert!(!exit.lines.concat().contains("secret"));
}

#[tokio::test]
async fn a_server_that_refuses_the_password_is_named_and_the_password_is_not() {
    let server = Server::start().await;
    let exit = Launch::new(&server.url(), FAKE)
        .env("NATS_PASSWORD", "hunter2")
        .exit()
        .await;
    assert_eq!(exit.code, Some(1));
    assert!(complaint(&exit).contains(&server.url()), "{exit:?}");
    assert!(!exit.lines.concat().contains("hunter2"));
}

#[tokio::test]
async fn a_port_that_is_taken_exits_1_and_is_named() {
    let server = Server::start().await;
    let taken = server.url().replace("nats://", "");
    let launch = Launch::new(&server.url(), FAKE).env("FASTEMBED_HTTP_LISTEN", &taken);
    let exit = launch.exit().await;
    assert_eq!(exit.code, Some(1));
    let line = complaint(&exit);
    assert!(
        line.contains("http.listen") && line.contains(&taken),
        "{line}"
    );
}
