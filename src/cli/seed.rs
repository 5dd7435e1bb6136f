//! `clinic-api table seed`: a made-up organisation, with a progress bar.

use anyhow::{Context as _, bail};
use tokio::time::Instant;

use super::{OpenStore, is_on_this_machine, progress::Progress};
use crate::{
    config::{Engine, SeedArgs},
    seed::{FillError, Filled, Plan, fill},
    time::{Clock as _, SystemClock, utc_date},
};

const BAR: &str = "{bar:30} {pos}/{len} appointments, {elapsed}, {eta} to go, {msg}";

/// Makes up what is asked for.
///
/// # Errors
/// What can't be made up, where it may not be written, and what the engine or the database said.
pub async fn run(settings: &SeedArgs) -> anyhow::Result<()> {
    let plan = plan_of(settings);
    plan.check()?;
    refuse_unconfirmed(settings)?;
    let open = OpenStore::open(&settings.store).await?;
    if settings.store.store != Engine::DynamoDb {
        open.ensure_table().await?;
    }
    open.wait_less()?;
    let began = Instant::now();
    let mut progress = Progress::new(plan.all_appointments(), BAR);
    let tell = |filled: Filled| {
        let done = filled.appointments + u64::from(filled.there) * u64::from(plan.appointments);
        let message = format!("{} items", filled.items);
        progress.tell(done, message, || format!("{done} appointments, {} items", filled.items));
    };
    let filled = fill(&open.store, &plan, settings.at_once.into(), tell).await;
    progress.finish();
    if let Ok(filled) = &filled {
        println!("{} ({})", summary(&plan, filled, began.elapsed().as_secs_f64()), open.place);
    }
    open.close().await;
    match filled {
        Ok(_) => Ok(()),
        Err(error @ FillError::Store(_)) => Err(error).with_context(|| {
            format!(
                "it did not come to its end; the same flags and --today {} complete it",
                plan.today
            )
        }),
        Err(other) => Err(other.into()),
    }
}

fn plan_of(settings: &SeedArgs) -> Plan {
    Plan {
        org: settings.org.clone(),
        clinics: settings.clinics,
        staff: settings.staff,
        patients: settings.patients,
        appointments: settings.appointments,
        today: settings.today.unwrap_or_else(|| utc_date(SystemClock.now())),
        seed: settings.seed,
    }
}

/// Made-up data in a table of real ones can't be told apart by the service: nobody writes them by an environment left over.
fn refuse_unconfirmed(settings: &SeedArgs) -> anyhow::Result<()> {
    let table = &settings.store.table;
    if settings.store.store == Engine::Memory {
        bail!("nothing would be left of it: memory is gone when the command ends");
    }
    if is_on_this_machine(&settings.store.store) || settings.confirm_table.as_ref() == Some(table) {
        return Ok(());
    }
    bail!(
        "the table {table} is not on this machine, and what is made up can't be taken out again; if that is meant, add \
         --confirm-table {table}"
    )
}

fn summary(plan: &Plan, filled: &Filled, seconds: f64) -> String {
    if filled.clinics == 0 {
        return format!("all {} clinics of {} are there already", filled.there, plan.org);
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate is for people to read")]
    let rate = filled.items as f64 / seconds;
    let there = match filled.there {
        0 => String::new(),
        there => format!(", {there} were there already"),
    };
    format!(
        "made up for {}, as of {}: {} clinics{there}, {} appointments, {} items in {seconds:.1} s, {rate:.0} a second",
        plan.org, plan.today, filled.clinics, filled.appointments, filled.items
    )
}
