//! A model that costs nothing, against an echo that answers with as many bytes.

use std::time::Duration;

use super::bus::{self, Caller};
use super::figures::{Figures, Latencies};
use super::process::Process;
use super::{EACH_TEXT, SHORT_TEXT, echo};

/// Calls that are outstanding at a time.
const OUTSTANDING: usize = 64;

/// How long each rate is measured.
const SPAN: Duration = Duration::from_secs(3);

const MODEL: &str = "Fake";

/// As many dimensions as the real model has, so that replies are as large.
const CONFIGURATION: &str = "[[models]]\nname = 'Fake'\nkind = 'fake'\ndimensions = 384\n";

pub(super) async fn measure(url: &str, rounds: usize, figures: &mut Figures) -> anyhow::Result<()> {
    let worker = Process::worker_of(url, CONFIGURATION, &[EACH_TEXT]).await?;
    let caller = &Caller::of_model(url, MODEL).await?;
    let text = &[SHORT_TEXT.to_owned()];
    let answer = caller.ask(text).await?;
    let echo = Process::echo(url, answer.payload.len()).await?;
    let echoed = &Caller::of_subject(url, echo::SUBJECT.to_owned()).await?;
    let body = &Caller::body(text)?;
    for _ in 0..rounds {
        let fake = bus::rate(OUTSTANDING, SPAN, || caller.echo(body)).await?;
        figures.add("fake_requests_per_second", fake);
        let echo = bus::rate(OUTSTANDING, SPAN, || echoed.echo(body)).await?;
        figures.add("echo_requests_per_second", echo);
        let mut bare = Latencies::new()?;
        bus::one_at_a_time(500, &mut bare, || echoed.echo(body)).await?;
        figures.add("idle_echo_p50_seconds", bare.percentile(50.0));
    }
    let drops = worker.metric("fastembed_bus_drops_total").await?;
    figures.add("fake_bus_drops", drops);
    worker.stop().await?;
    echo.stop().await
}
