//! What the bus itself costs: an answer without a worker behind it.

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::StreamExt as _;

use crate::cli::Echo;

/// The line that says that requests are taken.
pub(super) const READY: &str = "echoing";

/// The subject that is answered.
pub(super) const SUBJECT: &str = "echo";

/// Answers every request with the same bytes, until the process is ended.
///
/// # Errors
/// Where there is no server, or it goes.
pub async fn run(settings: &Echo) -> anyhow::Result<()> {
    let client = async_nats::connect(&settings.server).await?;
    let mut asked = client.subscribe(SUBJECT).await?;
    client.flush().await?;
    let answer = Bytes::from(vec![0; settings.bytes]);
    std::io::Write::write_all(&mut std::io::stderr(), format!("{READY}\n").as_bytes())?;
    while let Some(message) = asked.next().await {
        let to = message.reply.context("a request without a reply subject")?;
        client.publish(to, answer.clone()).await?;
    }
    Ok(())
}
