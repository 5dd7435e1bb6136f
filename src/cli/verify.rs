//! `clinic-api table verify`: compares day sheets, links, pointers and search items with what they
//! should be, and repairs them on request.

use std::fmt::Display;

use anyhow::Context as _;
use indicatif::ProgressBar;

use super::{OpenStore, keyring};
use crate::{
    appointments::repo::{
        repair::repair,
        verify::{Verification, verify},
    },
    config::VerifyArgs,
    id::PatientId,
    records::patients::repo as patients,
    scheduling::model::DaySheet,
    store::{Item, Key, Store},
    time::{Clock as _, SystemClock, utc_date},
};

/// The lines about the mismatches.
#[derive(Default)]
struct Lines {
    repaired: Vec<String>,
    left: Vec<String>,
}

/// Runs the verification. Returns `false` if mismatches are left.
pub async fn run(settings: &VerifyArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open_existing(&settings.store).await?;
    open.check_format().await?;
    let search = keyring::find_search_if_set(&settings.search, &settings.store.store)?;
    let bar = ProgressBar::new(open.item_count().await?);
    let today = utc_date(SystemClock.now());
    let from = settings.from.unwrap_or(today).max(DaySheet::first_kept(today));
    let mut searched = search.map(patients::verify::Verification::new);
    let also = async |items: &[Item]| {
        bar.inc(u64::try_from(items.len()).unwrap_or_default());
        match &mut searched {
            Some(searched) => searched.add(&open.store, items).await,
            None => Ok(0),
        }
    };
    let found = verify(&open.store, from, settings.rate.into(), also).await;
    bar.finish_and_clear();
    let found = found.context("reading the table failed")?;
    let sheets = of_appointments(&open.store, &found, settings.repair).await?;
    let items = match &searched {
        Some(searched) => of_patients(&open.store, searched, settings.repair).await?,
        None => Lines::default(),
    };
    for line in sheets.repaired.iter().chain(&items.repaired) {
        println!("repaired: {line}");
    }
    for line in sheets.left.iter().chain(&items.left) {
        println!("{line}");
    }
    let summary = |Lines { repaired, left }: &Lines| {
        let repaired =
            if settings.repair { format!(", {} repaired", repaired.len()) } else { String::new() };
        format!("{} mismatches{repaired} ({})", left.len(), open.place)
    };
    match &searched {
        Some(found) => println!(
            "{} patients with {} search items and identifiers: {}",
            found.patients,
            found.items,
            summary(&items)
        ),
        None => println!("search items were not compared, because there are no --search-keys"),
    }
    println!("{} appointments from {from} on: {}", found.appointments, summary(&sheets));
    open.close().await;
    Ok(sheets.left.is_empty() && items.left.is_empty())
}

async fn of_appointments(
    store: &Store,
    found: &Verification,
    is_repair: bool,
) -> anyhow::Result<Lines> {
    let (repaired, left) = if is_repair {
        let repair = repair(store, found, SystemClock.now()).await;
        let repair = repair.context("the repair was interrupted")?;
        (repair.repaired, repair.left)
    } else {
        (Vec::new(), found.mismatches().collect())
    };
    Ok(Lines { repaired: lines(&repaired, Key::for_people), left: lines(&left, Key::for_people) })
}

async fn of_patients(
    store: &Store,
    found: &patients::verify::Verification,
    is_repair: bool,
) -> anyhow::Result<Lines> {
    let (repaired, left) = if is_repair {
        let repair = patients::repair::repair(store, found, SystemClock.now()).await;
        let repair = repair.context("the repair of the search items was interrupted")?;
        (repair.repaired, repair.left)
    } else {
        (Vec::new(), found.mismatches().collect())
    };
    Ok(Lines {
        repaired: lines(&repaired, PatientId::to_string),
        left: lines(&left, PatientId::to_string),
    })
}

fn lines<O>(list: &[(O, impl Display)], name: impl Fn(&O) -> String) -> Vec<String> {
    list.iter().map(|(of, what)| format!("{}: {what}", name(of))).collect()
}
