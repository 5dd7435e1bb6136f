//! `clinic-api table seed`: writes sample data and shows the progress.

use anyhow::bail;
use tokio::time::Instant;

use super::{OpenStore, is_on_this_machine, keyring, progress::Progress};
use crate::{
    config::{Engine, SeedArgs},
    seed::{Filled, Plan, fill},
    store::StoreError,
};

const BAR: &str = "{bar:30} {percent} %, {elapsed}, {eta} left, {msg}";
/// The bar units per clinic.
const PARTS: u64 = 1000;

/// Writes the organisation of the plan.
pub async fn run(settings: &SeedArgs) -> anyhow::Result<()> {
    let plan = &settings.plan;
    plan.check()?;
    refuse_unconfirmed(settings)?;
    let open = OpenStore::open(&settings.store).await?;
    if settings.store.store != Engine::DynamoDb {
        open.ensure_table().await?;
    }
    open.ensure_format().await?;
    let search = keyring::find_search(&settings.search, &settings.store.store)?;
    open.wait_less()?;
    let began = Instant::now();
    let mut progress = Progress::new(u64::from(plan.clinics) * PARTS, BAR);
    let report = |filled: Filled| {
        let (done, all) = units(plan, &filled);
        progress.bar.set_length(all);
        let message = totals(plan, &filled);
        progress
            .advance(done, message.clone(), || format!("{} %: {message}", done * 100 / all.max(1)));
    };
    let filled = fill(&open.store, &search, plan, settings.at_once.into(), report).await;
    progress.bar.finish_and_clear();
    if let Ok(filled) = &filled {
        println!("{} ({})", summary(plan, filled, began.elapsed().as_secs_f64()), open.place);
    }
    open.close().await;
    match filled {
        Ok(_) => Ok(()),
        Err(error) if error.is::<StoreError>() => Err(error.context(format!(
            "the seed was interrupted; run it again with the same flags and --today {} to complete it",
            plan.today
        ))),
        Err(other) => Err(other),
    }
}

/// Asks for confirmation for a remote table: the service can't tell sample data from real data, and
/// a leftover environment variable must not be enough to write it.
fn refuse_unconfirmed(settings: &SeedArgs) -> anyhow::Result<()> {
    let table = &settings.store.table;
    if settings.store.store == Engine::Memory {
        bail!("--store memory is not supported: the data would be lost when the command ends");
    }
    if is_on_this_machine(&settings.store.store) || settings.confirm_table.as_ref() == Some(table) {
        return Ok(());
    }
    bail!(
        "the table {table} is not on this machine, and sample data can't be removed again. To confirm, add \
         --confirm-table {table}"
    )
}

/// Returns the units done and the units to do. Existing clinics count in neither, because they
/// would distort the time estimate.
fn units(plan: &Plan, filled: &Filled) -> (u64, u64) {
    let to_make = u64::from(plan.clinics.saturating_sub(filled.there)) * PARTS;
    (u64::from(filled.clinics) * PARTS + u64::from(filled.of_next), to_make)
}

fn totals(plan: &Plan, filled: &Filled) -> String {
    let clinics = filled.clinics + filled.there;
    format!(
        "{clinics} of {} clinics, {} appointments, {} items",
        plan.clinics, filled.appointments, filled.items
    )
}

fn summary(plan: &Plan, filled: &Filled, seconds: f64) -> String {
    if filled.clinics == 0 {
        return format!("all {} clinics of {} already exist", filled.there, plan.org);
    }
    #[expect(clippy::cast_precision_loss, reason = "the rate is only printed")]
    let rate = filled.items as f64 / seconds;
    let there = match filled.there {
        0 => String::new(),
        there => format!(" ({there} already existed)"),
    };
    format!(
        "seeded {} as of {}: {} clinics{there}, {} appointments, {} items in {seconds:.1} s, {rate:.0} per second",
        plan.org, plan.today, filled.clinics, filled.appointments, filled.items
    )
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn existing_clinics_do_not_count_as_work() {
        let plan = Plan {
            org: "ORG-DEMO".parse().unwrap(),
            clinics: 10,
            staff: 1,
            patients: 1,
            appointments: 4,
            today: date(2035, 1, 15),
            seed: 1,
        };
        let filled = Filled { clinics: 1, there: 6, items: 30, appointments: 6, of_next: 500 };
        assert_eq!(units(&plan, &filled), (1500, 4000));
        assert_eq!(totals(&plan, &filled), "7 of 10 clinics, 6 appointments, 30 items");
        let all = Filled { there: 10, ..Filled::default() };
        assert_eq!(units(&plan, &all), (0, 0));
    }
}
