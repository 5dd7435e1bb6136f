//! `clinic-api patients`: imports and exports patients, and shows the progress.

mod columns;
pub mod export;
pub mod fault;
pub mod import;
pub mod lines;
mod output;
mod rows;
mod seen;

use std::io::{self, Write as _};

use anyhow::{Context as _, ensure};

use self::{
    export::{Export, Exported},
    import::{Import, Tally},
    lines::Source,
    output::Output,
};
use super::{OpenStore, keyring, progress::Progress};
use crate::{
    config::{Engine, ExportArgs, ImportArgs, PatientsAction},
    id::OrgId,
    records::clinics,
    store::{Store, read::PageRequest, scan::patiently},
    time::SystemClock,
};

const IMPORT_BAR: &str = "{bar:30} {pos}/{len} lines, {elapsed}, {eta} left, {msg}";
const EXPORT_BAR: &str = "{bar:30} {pos}/about {len} items, {per_sec}, {elapsed}, {msg}";

/// Runs the action. Returns `false` if some lines are invalid, if some patients could not be read,
/// or if there are none.
pub async fn run(action: PatientsAction) -> anyhow::Result<bool> {
    match action {
        PatientsAction::Import(settings) => import_file(&settings).await,
        PatientsAction::Export(settings) => export_to(&settings).await,
    }
}

async fn import_file(settings: &ImportArgs) -> anyhow::Result<bool> {
    ensure!(
        settings.store.store != Engine::Memory,
        "--store memory is not supported: the data would be lost when the command ends"
    );
    let source = Source::open(&settings.file)?;
    let open = OpenStore::open_existing(&settings.store).await?;
    if settings.dry_run {
        open.check_format().await?;
    } else {
        open.ensure_format().await?;
    }
    let search = keyring::find_search(&settings.search, &settings.store.store)?;
    if !settings.new_org {
        ensure_clinic(&open.store, &settings.org).await?;
    }
    let import = Import {
        store: &open.store,
        search: &search,
        clock: &SystemClock,
        org: settings.org.clone(),
        subject: settings.subject.clone(),
        rate: settings.rate.into(),
        dry_run: settings.dry_run,
        ignore_unsupported: settings.ignore_unsupported,
    };
    let mut progress = Progress::new(source.length, IMPORT_BAR);
    let imported = import.run(source.lines, |tally, problems| {
        for problem in problems {
            let line = format!("line {}: {}", problem.line, problem.fault);
            progress.bar.suspend(|| print(&line))?;
        }
        let Tally { line, created, invalid, .. } = tally;
        let message = format!("{created} new, {invalid} invalid");
        progress.advance(line, message.clone(), || format!("{line} lines read, {message}"));
        Ok(())
    });
    let imported = imported.await;
    progress.bar.finish_and_clear();
    let imported = imported.and_then(|tally| {
        print(&format!("{}: {} ({})", settings.org, summary(settings, &tally), open.place))?;
        Ok(tally)
    });
    open.close().await;
    let tally = imported.context(
        "the import was interrupted; run it again with the same file and flags to complete it",
    )?;
    Ok(tally.invalid == 0)
}

/// Refuses an organisation without a clinic: its id may be misspelt.
async fn ensure_clinic(store: &Store, org: &OrgId) -> anyhow::Result<()> {
    let page = || PageRequest { after: None, limit: 1, consistent: false };
    let clinics = patiently(|| clinics::repo::list(store, org, page())).await;
    ensure!(
        !clinics.context("the clinics can't be read")?.items.is_empty(),
        "{org} has no clinic; if --org is right, add --new-org"
    );
    Ok(())
}

/// Prints a line. Whoever reads the output may have closed it.
fn print(line: &str) -> anyhow::Result<()> {
    let written = writeln!(io::stdout(), "{line}");
    written.map_err(|error| anyhow::anyhow!("the output can't be written: {}", error.kind()))
}

fn summary(settings: &ImportArgs, tally: &Tally) -> String {
    let Tally { created, existed, invalid, possible_duplicates, left_out, .. } = tally;
    let imported = if settings.dry_run { "would be imported" } else { "imported" };
    let mut parts = vec![
        format!("{created} patients {imported}"),
        format!("{existed} already imported"),
        format!("{invalid} lines invalid"),
    ];
    if settings.ignore_unsupported {
        parts.push(format!("{left_out} members left out"));
    }
    parts.push(format!("{possible_duplicates} possible duplicates"));
    parts.join(", ")
}

async fn export_to(settings: &ExportArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open_existing(&settings.store).await?;
    open.check_format().await?;
    let mut progress = Progress::new(open.item_count().await?, EXPORT_BAR);
    let export = Export {
        store: &open.store,
        clock: &SystemClock,
        org: settings.org.clone(),
        subject: settings.subject.clone(),
        format: settings.format,
        rate: settings.rate.into(),
    };
    let mut output = Output::open(settings.output.as_deref())?;
    let exported = export.run(&mut *output.writer, |exported, failures| {
        for failure in failures {
            progress.bar.suspend(|| eprintln!("{failure}"));
        }
        let Exported { examined, patients, .. } = exported;
        let message = format!("{patients} patients");
        progress.advance(examined, message, || format!("{examined} items, {patients} patients"));
    });
    let exported = exported.await;
    progress.bar.finish_and_clear();
    let complete = exported.as_ref().is_ok_and(|exported| exported.patients > 0);
    let exported = output.close(complete).and(exported);
    if let Ok(Exported { patients, failed, .. }) = &exported {
        // Standard output may hold the patients.
        eprintln!(
            "{}: {patients} patients exported, {failed} failed ({})",
            settings.org, open.place
        );
    }
    open.close().await;
    let exported = exported.context("the export is incomplete; run it again from the start")?;
    if exported.patients == 0 {
        eprintln!("nothing was exported: check --org");
    }
    Ok(exported.failed == 0 && exported.patients > 0)
}
