//! `clinic-api table seed`: a made-up organisation, with a progress bar.

use anyhow::bail;
use tokio::time::Instant;

use super::{OpenStore, is_on_this_machine, progress::Progress};
use crate::{
    config::{Engine, SeedArgs},
    seed::{Filled, Plan, fill},
    store::StoreError,
};

const BAR: &str = "{bar:30} {percent} %, {elapsed}, {eta} to go, {msg}";
/// The units of a clinic in the bar.
const PARTS: u64 = 1000;

/// Writes the organisation of a plan.
pub async fn run(settings: &SeedArgs) -> anyhow::Result<()> {
    let plan = &settings.plan;
    plan.check()?;
    refuse_unconfirmed(settings)?;
    let open = OpenStore::open(&settings.store).await?;
    if settings.store.store != Engine::DynamoDb {
        open.ensure_table().await?;
    }
    open.wait_less()?;
    let began = Instant::now();
    let mut progress = Progress::new(u64::from(plan.clinics) * PARTS, BAR);
    let tell = |filled: Filled| {
        let (done, all) = how_far(plan, &filled);
        progress.bar.set_length(all);
        let message = so_far(plan, &filled);
        progress
            .advance(done, message.clone(), || format!("{} %: {message}", done * 100 / all.max(1)));
    };
    let filled = fill(&open.store, plan, settings.at_once.into(), tell).await;
    progress.bar.finish_and_clear();
    if let Ok(filled) = &filled {
        println!("{} ({})", summary(plan, filled, began.elapsed().as_secs_f64()), open.place);
    }
    open.close().await;
    match filled {
        Ok(_) => Ok(()),
        Err(error) if error.is::<StoreError>() => Err(error.context(format!(
            "it did not come to its end; the same flags and --today {} complete it",
            plan.today
        ))),
        Err(other) => Err(other),
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

/// The units done, and those to do. Existing clinics count as neither: they would make the rest look shorter than it is.
fn how_far(plan: &Plan, filled: &Filled) -> (u64, u64) {
    let to_make = u64::from(plan.clinics.saturating_sub(filled.there)) * PARTS;
    (u64::from(filled.clinics) * PARTS + u64::from(filled.of_next), to_make)
}

fn so_far(plan: &Plan, filled: &Filled) -> String {
    let clinics = filled.clinics + filled.there;
    format!(
        "{clinics} of {} clinics, {} appointments, {} items",
        plan.clinics, filled.appointments, filled.items
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

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn clinics_that_were_there_are_not_among_what_is_to_do() {
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
        assert_eq!(how_far(&plan, &filled), (1500, 4000));
        assert_eq!(so_far(&plan, &filled), "7 of 10 clinics, 6 appointments, 30 items");
        let all = Filled { there: 10, ..Filled::default() };
        assert_eq!(how_far(&plan, &all), (0, 0));
    }
}
