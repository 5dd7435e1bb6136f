//! A draft of an appointment, and the snapshot of all that it needs, read consistently in one round.

use std::collections::HashMap;

use jiff::Timestamp;

use super::claims::{claims_of, visit_of};
use crate::{
    appointments::model::Appointment,
    id::OrgId,
    records::{
        clinics::model::Clinic, exceptions, patients::model::Patient, resources::model::Resource,
        staff::model::StaffMember,
    },
    scheduling::{
        model::{Claim, DaySheet, SheetOwner, SpecialHours},
        repo::sheet_key,
    },
    store::{Entity, Idempotency, Item, Key, Record, Store, StoreError, WriteContext, keys},
    time::Wall,
};

/// An appointment to be written, and the rules that it keeps.
pub(super) struct Draft {
    pub(super) appointment: Entity<Appointment>,
    /// The appointment that it replaces, as it was read.
    pub(super) replaces: Option<Entity<Appointment>>,
    /// Whether it may lie outside of working hours.
    pub(super) any_hours: bool,
    /// The roles of which the staff member must have one; an empty list allows every role.
    pub(super) roles: Vec<String>,
    pub(super) claims: Vec<Claim>,
}

impl Draft {
    /// A draft of a new appointment, of any role.
    pub(super) fn new(appointment: Entity<Appointment>, any_hours: bool) -> Self {
        let claims = claims_of(&appointment.value);
        Self { appointment, replaces: None, any_hours, roles: Vec::new(), claims }
    }

    /// The keys of those who must stay active: the staff member, the resources, the patient.
    pub(super) fn people(&self) -> impl Iterator<Item = Key> {
        let Appointment { clinic_id, staff_id, patient_id, resource_ids, .. } =
            &self.appointment.value;
        let resources = resource_ids.iter().map(|id| keys::resource(clinic_id, id));
        let patient = patient_id.iter().map(keys::patient);
        [keys::staff(clinic_id, staff_id)].into_iter().chain(resources).chain(patient)
    }
}

/// The records that a decision rests on, as far as there are any in the organisation.
#[derive(Default)]
pub(super) struct Snapshot {
    pub(super) now: Timestamp,
    /// The earlier answer under the `Idempotency-Key`; then nothing else is filled in.
    pub(super) earlier: Option<Entity<Appointment>>,
    pub(super) clinic: Option<Entity<Clinic>>,
    pub(super) staff: Option<Entity<StaffMember>>,
    pub(super) patient: Option<Entity<Patient>>,
    pub(super) resources: Vec<Entity<Resource>>,
    /// The day sheets of all claims, with their revisions.
    pub(super) sheets: Vec<Entity<DaySheet>>,
    /// The days of the sheets in local time, and their special hours; `None` if the draft keeps to no hours.
    pub(super) hours: Option<(Wall, Vec<SpecialHours>)>,
}

impl Snapshot {
    /// Reads the snapshot for a draft: one BatchGetItem, beside it a Query of exceptions for the clinic, the staff member and each
    /// resource.
    pub(super) async fn read(
        store: &Store,
        context: &WriteContext,
        draft: &Draft,
    ) -> Result<Self, StoreError> {
        let Appointment { clinic_id, staff_id, patient_id, resource_ids, .. } =
            &draft.appointment.value;
        let clinic = keys::clinic(clinic_id);
        let sheets = draft.claims.iter().flat_map(Claim::sheets);
        let sheets: Vec<_> = sheets.map(|(owner, date)| sheet_key(owner, date)).collect();
        let record = context.idempotency.as_ref().map(Idempotency::key);
        let wanted: Vec<_> = draft
            .people()
            .chain([clinic.clone()])
            .chain(sheets.iter().cloned())
            .chain(record.clone())
            .collect();
        let (mut found, hours) = if draft.any_hours {
            (store.batch_get(&wanted).await?, None)
        } else {
            let hours = read_hours(store, &context.org, &draft.appointment.value);
            let (found, hours) = tokio::try_join!(store.batch_get(&wanted), hours)?;
            (found, Some(hours))
        };
        if let (Some(idempotency), Some(key)) = (&context.idempotency, record)
            && let Some(record) = found.remove(&key)
            && let Some(answer) = idempotency.replay_unexpired(&record, context.now)?
        {
            return Ok(Self { earlier: Some(Entity::from_item(answer)?), ..Self::default() });
        }
        let mut found = Found { org: &context.org, items: found };
        let sheets = sheets.iter().filter_map(|key| found.items.remove(key));
        let sheets = sheets.map(Entity::from_item).collect::<Result<_, _>>()?;
        let mut resources = Vec::new();
        for id in resource_ids {
            resources.extend(found.take(&keys::resource(clinic_id, id))?);
        }
        let patient = match patient_id {
            Some(patient_id) => found.take(&keys::patient(patient_id))?,
            None => None,
        };
        Ok(Self {
            now: context.now,
            earlier: None,
            clinic: found.take(&clinic)?,
            staff: found.take(&keys::staff(clinic_id, staff_id))?,
            patient,
            resources,
            sheets,
            hours,
        })
    }
}

struct Found<'a> {
    org: &'a OrgId,
    items: HashMap<Key, Item>,
}

impl Found<'_> {
    fn take<T: Record>(&mut self, key: &Key) -> Result<Option<Entity<T>>, StoreError> {
        let entity = self.items.remove(key).map(Entity::<T>::from_item).transpose()?;
        Ok(entity.filter(|entity| entity.meta.org == *self.org))
    }
}

/// Reads the special hours of all days whose sheets are read, so that the free starts nearby are found as well.
async fn read_hours(
    store: &Store,
    org: &OrgId,
    appointment: &Appointment,
) -> Result<(Wall, Vec<SpecialHours>), StoreError> {
    let Appointment { clinic_id, staff_id, resource_ids, time_zone, date, .. } = appointment;
    let days = visit_of(appointment).utc_dates();
    let dates = match (days.first(), days.last()) {
        (Some(first), Some(last)) => time_zone.dates_of_utc(*first, *last),
        _ => (*date, *date),
    };
    let owners = SheetOwner::at_clinic(clinic_id, staff_id, resource_ids);
    let special = exceptions::repo::of_owners(store, org, clinic_id, owners, dates, true).await?;
    Ok((Wall::new(time_zone, dates.0, dates.1), special))
}
