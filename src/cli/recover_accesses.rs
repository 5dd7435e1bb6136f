//! `clinic-api worker recover-accesses`: writes access log entries again after the stream was lost.

use anyhow::Context as _;

use super::{OpenStore, progress::Progress};
use crate::{
    audit::model::AccessRequest,
    config::RecoverArgs,
    store::{
        codec::is_of_type,
        errors::chain,
        scan::{Scan, Segment, patiently},
    },
    worker::accesses::Accesses,
};

const BAR: &str = "{bar:30} {pos}/about {len} items, {per_sec}, {elapsed}, {msg}";

/// Recovers the entries. Returns `false` if some could not be written.
pub async fn run(settings: &RecoverArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open_existing(&settings.store).await?;
    open.check_format().await?;
    let mut progress = Progress::new(open.item_count().await?, BAR);
    let accesses = Accesses::new(open.store.clone(), settings.retention.audit_retention_days);
    let mut scan = Scan::new(Segment::WHOLE, settings.rate.into());
    let (mut examined, mut requests, mut failed) = (0, 0_u64, 0_u64);
    while let Some(items) = scan.next_page(&open.store).await.context("the table can't be read")? {
        examined += u64::try_from(items.len()).unwrap_or_default();
        for shown in items.iter().filter(|item| is_of_type::<AccessRequest>(item)) {
            requests += 1;
            if let Err(error) = patiently(|| accesses.add(shown)).await {
                failed += 1;
                progress.bar.suspend(|| eprintln!("{}", chain(&error)));
            }
        }
        let message = format!("{requests} requests, {failed} failed");
        let line = || format!("{examined} items examined, {requests} requests, {failed} failed");
        progress.advance(examined, message, line);
    }
    progress.bar.finish_and_clear();
    println!("{requests} requests with patient data, {failed} failed ({})", open.place);
    open.close().await;
    Ok(failed == 0)
}
