//! fastembed itself, as a program beside the worker (tests/rival).

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use fastembed_worker::models::catalog::{self, Op};
use serde_json::{Value, json};

use super::worker::{binary, library};

/// One model in fastembed's own type, out of a hub cache.
pub(crate) struct Rival {
    child: Child,
    calls: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Rival {
    /// Loads it, cut where the catalogue cuts.
    pub(crate) fn load(op: Op, name: &str, hub: &str) -> Self {
        let program = Path::new(binary()).with_file_name("fastembed-rival");
        assert!(program.exists(), "no {}; run make rival", program.display());
        let length = catalog::find(op, name).expect("an entry").max_length;
        let mut child = Command::new(program)
            .args([op.to_string(), name.to_owned()])
            .args(length.map(|tokens| tokens.to_string()))
            .env_clear()
            .env("HF_HOME", hub)
            // What the cache lacks is not looked for elsewhere.
            .env("HF_ENDPOINT", "http://127.0.0.1:9")
            .env("ORT_DYLIB_PATH", library())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the rival starts");
        let calls = child.stdin.take().expect("its input");
        let answers = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut rival = Self {
            child,
            calls,
            answers,
        };
        assert_eq!(rival.answer()["loaded"], name);
        rival
    }

    fn answer(&mut self) -> Value {
        let line = self.answers.next().expect("the rival ended");
        serde_json::from_str(&line.expect("a line")).expect("JSON")
    }

    /// What fastembed gives, each item in a run of its own where `alone`.
    pub(crate) fn call(&mut self, mut call: Value, alone: bool) -> Value {
        if alone {
            call["batch"] = json!(1);
        }
        writeln!(self.calls, "{call}").expect("the rival listens");
        self.answer()["result"].take()
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
