//! A draft of an appointment, and the snapshot of the records that it needs, read consistently in
//! one round trip.

use std::collections::HashMap;

use jiff::{Span, Timestamp, civil::Date};

use super::claims::claims_of;
use crate::{
    appointments::model::{Appointment, Status},
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
};

/// The number of days after the visit's own day that are searched for a free start, if that day has
/// none.
pub(super) const FOLLOWING_DAYS: i32 = 7;

/// An appointment to write, and the rules that apply to it.
pub(super) struct Draft {
    pub(super) appointment: Entity<Appointment>,
    /// The appointment that it replaces, as it was read.
    pub(super) replaces: Option<Entity<Appointment>>,
    /// Whether it may lie outside working hours.
    pub(super) any_hours: bool,
    /// The allowed roles of the staff member. An empty list allows every role.
    pub(super) roles: Vec<String>,
    pub(super) claims: Vec<Claim>,
}

impl Draft {
    /// Returns a draft of a new appointment that allows every role.
    pub(super) fn new(appointment: Entity<Appointment>, any_hours: bool) -> Self {
        let claims = claims_of(&appointment.value);
        Self { appointment, replaces: None, any_hours, roles: Vec::new(), claims }
    }

    /// Returns whether it confirms a hold.
    pub(super) fn confirms_hold(&self) -> bool {
        self.replaces.as_ref().is_some_and(|replaced| replaced.value.status == Status::Held)
    }

    /// Returns the start at which a move would change nothing: the present one, with the same length,
    /// staff member and resources.
    pub(super) fn unchanged_start(&self) -> Option<Timestamp> {
        let (new, old) = (&self.appointment.value, &self.replaces.as_ref()?.value);
        let same = new.staff_id == old.staff_id
            && new.duration_minutes == old.duration_minutes
            && new.resource_ids == old.resource_ids
            && new.status == old.status;
        same.then_some(old.start)
    }

    /// Returns the keys of the records that must stay active: staff member, resources, patient.
    pub(super) fn people(&self) -> impl Iterator<Item = Key> {
        let Appointment { clinic_id, staff_id, patient_id, resource_ids, .. } =
            &self.appointment.value;
        let resources = resource_ids.iter().map(|id| keys::resource(clinic_id, id));
        let patient = patient_id.iter().map(keys::patient);
        [keys::staff(clinic_id, staff_id)].into_iter().chain(resources).chain(patient)
    }
}

/// The records on which a decision is based. Records that the organisation does not have are
/// absent.
#[derive(Default)]
pub(super) struct Snapshot {
    pub(super) now: Timestamp,
    /// The earlier response under the `Idempotency-Key`. If set, all other fields are empty.
    pub(super) earlier: Option<Entity<Appointment>>,
    pub(super) clinic: Option<Entity<Clinic>>,
    pub(super) staff: Option<Entity<StaffMember>>,
    pub(super) patient: Option<Entity<Patient>>,
    pub(super) resources: Vec<Entity<Resource>>,
    /// The day sheets of all claims, with their revisions.
    pub(super) sheets: Vec<Entity<DaySheet>>,
    /// The special hours of the visit's day and of the [`FOLLOWING_DAYS`]. `None` if the draft
    /// ignores working hours.
    pub(super) special_hours: Option<Vec<SpecialHours>>,
}

impl Snapshot {
    /// Reads the snapshot for a draft: one BatchGetItem, in parallel with one Query of exceptions
    /// each for the clinic, the staff member and every resource.
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
        let (mut found, special_hours) = if draft.any_hours {
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
            special_hours,
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

/// Reads the special hours of all days that may be searched for a free start, and of the day after,
/// on which such a visit may end.
pub(super) async fn read_hours(
    store: &Store,
    org: &OrgId,
    appointment: &Appointment,
) -> Result<Vec<SpecialHours>, StoreError> {
    let Appointment { clinic_id, staff_id, resource_ids, time_zone, start, .. } = appointment;
    let day = time_zone.local_date(*start);
    let dates = (day, plus(day, FOLLOWING_DAYS + 1));
    let owners = SheetOwner::at_clinic(clinic_id, staff_id, resource_ids);
    exceptions::repo::of_owners(store, org, clinic_id, owners, dates, true).await
}

pub(super) fn plus(date: Date, days: i32) -> Date {
    date.saturating_add(Span::new().days(days))
}
