//! What executors take beyond the first.

use super::bus::{self, Caller};
use super::figures::Figures;
use super::process::Process;
use crate::config::Model;

/// One executor, and twice as many as processors, each after all texts once.
pub(super) async fn measure(
    url: &str,
    texts: &[String],
    processors: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let caller = &Caller::of_model(url, Model::DEFAULT).await?;
    let resident = async |executors: usize| {
        let executors = format!("--set=runtime.executors={executors}");
        let flags = [super::EACH_TEXT, "--set=runtime.threads=1", &executors];
        let worker = Process::worker(url, &flags, None).await?;
        bus::one_caller(caller, texts).await?;
        let bytes = worker.resident_bytes();
        worker.stop().await?;
        anyhow::Ok(bytes)
    };
    let (one, many) = (resident(1).await?, resident(2 * processors).await?);
    if let (Some(one), Some(many)) = (one, many) {
        figures.add("rss_one_executor_bytes", one);
        figures.add("memory_of_executors_over_one", many / one);
    }
    Ok(())
}
