//! Writes a plan. A repeated run completes an interrupted one.

use std::{collections::HashSet, iter};

use anyhow::bail;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{clinic::items, plan::Plan};
use crate::{
    appointments::model::Appointment,
    records::{clinics, patients::model::search::PatientSearch},
    store::{
        Item, Record as _, Store, StoreError, bulk::BATCH, codec::is_of_type, read::PageRequest,
        scan::patiently,
    },
};

/// The progress of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    /// Clinics that were created.
    pub clinics: u32,
    /// Complete clinics that existed already.
    pub there: u32,
    /// Items that were written.
    pub items: u64,
    /// Appointments among the items.
    pub appointments: u64,
    /// The progress of the current clinic, in thousandths of its items.
    pub of_next: u16,
}

/// Writes all clinics of a plan that do not exist yet, with at most `at_once` concurrent calls.
/// Reports the progress after each batch.
///
/// Within a clinic, the clinic is written first, then everything that belongs to it, then its staff
/// in order. Nobody can be booked before the clinic is complete, and the last staff member proves
/// that it is. An incomplete clinic belongs to this plan by its id and is written again with the
/// same items.
pub async fn fill(
    store: &Store,
    search: &PatientSearch,
    plan: &Plan,
    at_once: usize,
    mut report: impl FnMut(Filled),
) -> anyhow::Result<Filled> {
    plan.check()?;
    refuse_others(store, plan).await?;
    let mut filled = Filled::default();
    for number in 0..plan.clinics {
        let made = plan.clinic(number, search)?;
        let Some((last, others)) = made.staff.split_last() else { continue };
        let key = last.value.key();
        if patiently(|| store.get_item(&key, true)).await?.is_some() {
            filled.there += 1;
            report(filled);
            continue;
        }
        let (before, all) = (filled.items, made.items() as u64);
        let mut count = |[items, appointments]: [u64; 2]| {
            filled.items += items;
            filled.appointments += appointments;
            let thousandths = (filled.items - before) * 1000 / all;
            filled.of_next = u16::try_from(thousandths).unwrap_or(1000);
            report(filled);
        };
        write_all(store, items([&made.clinic]), at_once, &mut count).await?;
        write_all(store, made.middle(search), at_once, &mut count).await?;
        write_all(store, items(others), at_once, &mut count).await?;
        write_all(store, items([last]), at_once, &mut count).await?;
        (filled.clinics, filled.of_next) = (filled.clinics + 1, 0);
        report(filled);
    }
    Ok(filled)
}

async fn refuse_others(store: &Store, plan: &Plan) -> anyhow::Result<()> {
    let planned: HashSet<_> = (0..plan.clinics).map(|number| plan.clinic_id(number)).collect();
    let mut after = None;
    loop {
        let page = || PageRequest { after: after.clone(), limit: 100, consistent: false };
        let listed = patiently(|| clinics::repo::list(store, &plan.org, page())).await?;
        let ids = listed.items.into_iter().map(|clinic| clinic.value.id);
        if let Some(clinic) = ids.into_iter().find(|id| !planned.contains(id)) {
            bail!(
                "{} has clinics that are not part of this plan, such as {clinic}: nothing was written. Use an organisation \
                 without clinics. To complete an earlier run, use the same --staff, --patients, --appointments, --seed and \
                 --today",
                plan.org
            );
        }
        after = listed.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Writes items in batches. Reports the number of items in each batch and of the appointments among
/// them.
async fn write_all(
    store: &Store,
    mut items: impl Iterator<Item = Result<Item, StoreError>>,
    at_once: usize,
    mut count: impl FnMut([u64; 2]),
) -> Result<(), StoreError> {
    let batches = iter::from_fn(|| {
        let batch: Result<Vec<Item>, _> = items.by_ref().take(BATCH).collect();
        if batch.as_ref().is_ok_and(Vec::is_empty) { None } else { Some(batch) }
    });
    let put = async |batch: Result<Vec<Item>, StoreError>| {
        let batch = batch?;
        let appointments = batch.iter().filter(|item| is_of_type::<Appointment>(item)).count();
        let counts = [batch.len() as u64, appointments as u64];
        store.put_batch(batch).await.map(|()| counts)
    };
    let mut calls = stream::iter(batches).map(put).buffer_unordered(at_once);
    while let Some(counts) = calls.try_next().await? {
        count(counts);
    }
    Ok(())
}
