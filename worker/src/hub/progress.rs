//! How far a transfer is: a bar on a terminal, plain lines elsewhere, and one
//! line of the log for each file where a worker fetches for itself.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

/// Time between two drawings of the bar.
const REDRAW: Duration = Duration::from_millis(100);

/// Cells of the bar.
const WIDTH: u64 = 30;

/// Where progress is shown.
pub enum Progress {
    /// To a person, on standard error.
    Bar(Bar),
    /// To whoever reads standard error later.
    Lines,
    /// In the worker's log.
    Log,
}

/// What the bar shows.
#[derive(Debug, Default)]
pub struct Bar {
    file: String,
    bytes: u64,
    size: Option<u64>,
    drawn: Option<Instant>,
}

impl Progress {
    /// A bar where standard error is a terminal, else lines.
    #[must_use]
    pub fn to_stderr() -> Self {
        if stderr().is_terminal() {
            Self::Bar(Bar::default())
        } else {
            Self::Lines
        }
    }

    /// A transfer begins, or goes on behind the first `from` bytes.
    pub(super) fn begin(&mut self, file: &str, size: Option<u64>, from: u64) {
        match self {
            Self::Bar(bar) => {
                *bar = Bar {
                    file: file.to_owned(),
                    bytes: from,
                    size,
                    drawn: None,
                };
                bar.draw();
            }
            Self::Lines if from > 0 => line(&format!("{file}: going on at byte {from}")),
            Self::Lines => {
                let size = size.map_or("unknown size".to_owned(), |size| format!("{size} bytes"));
                line(&format!("{file}: fetching, {size}"));
            }
            Self::Log => {}
        }
    }

    /// So many bytes more.
    pub(super) fn advance(&mut self, bytes: u64) {
        if let Self::Bar(bar) = self {
            bar.bytes += bytes;
            if bar.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
                bar.draw();
            }
        }
    }

    /// A file is whole and checked.
    pub(super) fn end(&mut self, file: &str, bytes: u64, sha256: &str) {
        match self {
            Self::Log => tracing::info!(file, bytes, sha256, "fetched"),
            _ => self.note(&format!("{file}: {bytes} bytes, sha256 {sha256}")),
        }
    }

    /// Anything else worth a line.
    pub(super) fn note(&mut self, text: &str) {
        match self {
            Self::Bar(bar) => {
                bar.clear();
                line(text);
            }
            Self::Lines => line(text),
            Self::Log => tracing::info!("{text}"),
        }
    }
}

impl Bar {
    fn draw(&mut self) {
        self.drawn = Some(Instant::now());
        // A terminal that has gone is no reason to stop.
        let _ = write!(stderr(), "\r\x1b[K{}", self.text());
    }

    /// What is written next takes the bar's place.
    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }

    fn text(&self) -> String {
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let done = mebibytes(self.bytes);
        match self.size {
            Some(size) if size > 0 => {
                let cells = (self.bytes.min(size) * WIDTH / size) as usize;
                let bar = format!("{:<1$}", "#".repeat(cells), WIDTH as usize);
                format!(
                    "{} [{bar}] {done:.1} of {:.1} MiB",
                    self.file,
                    mebibytes(size)
                )
            }
            _ => format!("{} {done:.1} MiB", self.file),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}

fn line(text: &str) {
    // As above.
    let _ = writeln!(stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_half_full_at_half_of_the_bytes() {
        let bar = Bar {
            file: "model.onnx".to_owned(),
            bytes: 1 << 20,
            size: Some(2 << 20),
            drawn: None,
        };
        let (full, empty) = ("#".repeat(15), " ".repeat(15));
        assert_eq!(
            bar.text(),
            format!("model.onnx [{full}{empty}] 1.0 of 2.0 MiB")
        );
    }
}
