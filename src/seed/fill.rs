//! Writes what is made up, so that a run that was cut short can be completed.

use std::collections::HashSet;

use tokio::task::JoinSet;

use super::{Plan, PlanError, clinic::items};
use crate::{
    appointments::model::Appointment,
    clinics,
    id::{ClinicId, OrgId},
    sensitive::TaskFailed,
    store::{
        Item, Record as _, Store, StoreError, bulk::BATCH, codec::is_of_type, read::PageRequest,
        scan::patiently,
    },
};

/// What a run has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    /// Clinics that it made.
    pub clinics: u32,
    /// Clinics that were there already, with all that is theirs.
    pub there: u32,
    /// Items that it wrote.
    pub items: u64,
    /// Appointments among them.
    pub appointments: u64,
    /// How much of the clinic that it is at is written, in thousandths of its items.
    pub of_next: u16,
}

/// Why nothing, or not all, was written.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// It can't be made up.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The organisation is somebody's, or another plan's.
    #[error(
        "{org} has clinics that are not of this plan, as {clinic}: nothing was written. Name an organisation that has none; or, \
         to complete what was made up before, give the same --staff, --patients, --appointments, --seed and --today"
    )]
    OtherClinics {
        /// The organisation.
        org: OrgId,
        /// One of its clinics.
        clinic: ClinicId,
    },
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes all clinics of a plan that are not there yet, with at most `at_once` calls under way, and tells after each what has
/// been done so far.
///
/// A clinic is written first, then all that is its, then its staff, the last one last. So nobody can be booked there before
/// all of it stands; whoever finds its last staff member finds it whole; and a clinic that was cut short is known as this
/// plan's, and written anew with the same items.
///
/// # Errors
/// [`FillError`].
pub async fn fill(
    store: &Store,
    plan: &Plan,
    at_once: usize,
    mut tell: impl FnMut(Filled),
) -> Result<Filled, FillError> {
    plan.check()?;
    refuse_others(store, plan).await?;
    let mut filled = Filled::default();
    for number in 0..plan.clinics {
        let made = plan.clinic(number)?;
        let Some((last, others)) = made.staff.split_last() else { continue };
        let key = last.value.key();
        if patiently(|| store.get_item(&key, true)).await?.is_some() {
            filled.there += 1;
            tell(filled);
            continue;
        }
        let (before, all) = (filled.items, made.items() as u64);
        let mut count = |items: &[u64; 2]| {
            filled.items += items[0];
            filled.appointments += items[1];
            let thousandths = (filled.items - before) * 1000 / all;
            filled.of_next = u16::try_from(thousandths).unwrap_or(1000);
            tell(filled);
        };
        write_all(store, items([&made.clinic]), at_once, &mut count).await?;
        write_all(store, made.middle(), at_once, &mut count).await?;
        write_all(store, items(others), at_once, &mut count).await?;
        write_all(store, items([last]), at_once, &mut count).await?;
        (filled.clinics, filled.of_next) = (filled.clinics + 1, 0);
        tell(filled);
    }
    Ok(filled)
}

/// Refuses an organisation with clinics of others.
async fn refuse_others(store: &Store, plan: &Plan) -> Result<(), FillError> {
    let planned: HashSet<_> = (0..plan.clinics).map(|number| plan.clinic_id(number)).collect();
    let mut after = None;
    loop {
        let page = || PageRequest { after: after.clone(), limit: 100, consistent: false };
        let listed = patiently(|| clinics::repo::list(store, &plan.org, page())).await?;
        let ids = listed.items.into_iter().map(|clinic| clinic.value.id);
        if let Some(clinic) = ids.into_iter().find(|id| !planned.contains(id)) {
            return Err(FillError::OtherClinics { org: plan.org.clone(), clinic });
        }
        after = listed.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Writes items in batches, and tells of each batch how many items it had, and how many appointments among them.
async fn write_all(
    store: &Store,
    items: impl Iterator<Item = Result<Item, StoreError>>,
    at_once: usize,
    mut tell: impl FnMut(&[u64; 2]),
) -> Result<(), StoreError> {
    let mut items = items.peekable();
    let mut running = JoinSet::new();
    loop {
        while running.len() < at_once && items.peek().is_some() {
            let batch: Vec<Item> = items.by_ref().take(BATCH).collect::<Result<_, _>>()?;
            let appointments = batch.iter().filter(|item| is_of_type::<Appointment>(item)).count();
            let counts = [batch.len() as u64, appointments as u64];
            let store = store.clone();
            running.spawn(async move { store.put_batch(batch).await.map(|()| counts) });
        }
        match running.join_next().await {
            None => return Ok(()),
            Some(done) => {
                tell(
                    &done.map_err(|error| {
                        StoreError::Unexpected(TaskFailed::from(error).into())
                    })??,
                );
            }
        }
    }
}
