//! bench
/// b
pub async fn run(_settings: &crate::cli::Bench) -> anyhow::Result<()> {
    Ok(())
}
