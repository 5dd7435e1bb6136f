//! What booking, holding, moving and confirming share: one consistent read of all that a visit needs, one decision in
//! pure code, and the pieces of one transaction.

use std::collections::HashMap;

use super::{
    claims::{buffers_of, claims_of, entry_of, visit_of},
    hours::Hours,
};
use crate::{
    appointments::model::Appointment,
    clinics::model::Clinic,
    exceptions,
    id::{AppointmentId, ResourceId},
    patients::model::Patient,
    resources::model::Resource,
    schedule::{
        model::{Claim, Clash, DaySheet, HoldMark, Party, Question, SheetOwner, decide},
        repo::{SheetChanges, sheet_key},
    },
    staff::model::StaffMember,
    store::{
        Entity, Idempotency, Item, Key, Record, Store, StoreError, WriteContext,
        guarded_delete::stays_active, keys, write::Write,
    },
    time::{Spans, Wall},
};

/// Why a visit can't be had.
#[derive(Debug, thiserror::Error)]
pub enum BookingError {
    /// The organisation has no such clinic.
    #[error("no such clinic")]
    UnknownClinic,
    /// The clinic has no such staff member.
    #[error("no such staff member at this clinic")]
    UnknownStaff,
    /// The clinic has no such resource.
    #[error("no such resource at this clinic")]
    UnknownResource(ResourceId),
    /// The organisation has no such patient.
    #[error("no such patient")]
    UnknownPatient,
    /// The staff member takes no appointments.
    #[error("the staff member is inactive")]
    StaffInactive,
    /// The resource is out of use.
    #[error("the resource is inactive")]
    ResourceInactive(ResourceId),
    /// No appointments are made for the patient.
    #[error("the patient is inactive")]
    PatientInactive,
    /// The staff member's role does not give visits of this type.
    #[error("the staff member gives no visits of this type")]
    RoleNotAllowed,
    /// The time can't be had.
    #[error("the time can't be had")]
    Clash(Clash),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a visit may do that others may not.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// It may lie outside of working hours.
    pub any_hours: bool,
    /// The roles of which the staff member must have one; none at all allows every role.
    pub roles: Vec<String>,
}

/// An appointment as it is to be, and what it needs.
pub(super) struct Placing<'a> {
    context: &'a WriteContext,
    appointment: &'a Appointment,
    rules: &'a Rules,
    pub(super) claims: Vec<Claim>,
}

/// What was read of the sheets that an appointment needs.
pub(super) struct Sheets(HashMap<Key, Entity<DaySheet>>);

impl Sheets {
    fn of(&self, claim: &Claim) -> impl Iterator<Item = &DaySheet> {
        let keys = claim.sheets().map(|(owner, date)| sheet_key(owner, date));
        keys.filter_map(|key| self.0.get(&key)).map(|sheet| &sheet.value)
    }
}

impl<'a> Placing<'a> {
    pub(super) fn new(
        context: &'a WriteContext,
        appointment: &'a Appointment,
        rules: &'a Rules,
    ) -> Self {
        Self { context, appointment, rules, claims: claims_of(appointment) }
    }

    /// All that it needs, by key: people, resources, clinic, sheets, and the idempotency record.
    ///
    /// # Errors
    /// Whatever the database may answer.
    pub(super) async fn read(
        &self,
        store: &Store,
    ) -> Result<(HashMap<Key, Item>, Hours), StoreError> {
        let sheets = self.claims.iter().flat_map(Claim::sheets);
        let sheets = sheets.map(|(owner, date)| sheet_key(owner, date));
        let record = self.context.idempotency.iter().map(Idempotency::key);
        let clinic = keys::clinic(&self.appointment.clinic_id);
        let wanted: Vec<_> = self.people().chain([clinic]).chain(sheets).chain(record).collect();
        if self.rules.any_hours {
            return Ok((store.batch_get(&wanted).await?, Hours::default()));
        }
        let Appointment { clinic_id, time_zone, .. } = self.appointment;
        let visit = visit_of(self.appointment);
        // All of the days whose sheets are read, so that what is free nearby is told as well.
        let days = visit.utc_dates();
        let dates = days.first().copied().zip(days.last().copied()).map_or_else(
            || (self.appointment.date, self.appointment.date),
            |(first, last)| time_zone.dates_of_utc(first, last),
        );
        let exceptions =
            exceptions::repo::touching(store, &self.context.org, clinic_id, dates, true);
        let (found, exceptions) = tokio::try_join!(store.batch_get(&wanted), exceptions)?;
        Ok((found, Hours::new(Wall::new(time_zone, dates.0, dates.1), exceptions)))
    }

    /// The keys of those who must stay active: the staff member, the resources, the patient.
    fn people(&self) -> impl Iterator<Item = Key> + use<'a> {
        let Appointment { clinic_id, staff_id, patient_id, resource_ids, .. } = self.appointment;
        let resources = resource_ids.iter().map(|id| keys::resource(clinic_id, id));
        let patient = patient_id.iter().map(keys::patient);
        [keys::staff(clinic_id, staff_id)].into_iter().chain(resources).chain(patient)
    }

    /// That they all still are active when it is written.
    pub(super) fn checks(&self) -> impl Iterator<Item = Write> + use<'_> {
        let condition = stays_active(&self.context.org);
        self.people().map(move |key| Write::Check { key, condition: condition.clone() })
    }

    /// The answer under the same `Idempotency-Key`, if there is one.
    pub(super) fn replayed(
        &self,
        found: &mut HashMap<Key, Item>,
    ) -> Result<Option<Entity<Appointment>>, StoreError> {
        let Some(idempotency) = &self.context.idempotency else {
            return Ok(None);
        };
        let Some(record) = found.remove(&idempotency.key()) else {
            return Ok(None);
        };
        let answer = idempotency.replay_unexpired(&record, self.context.now)?;
        answer.map(Entity::from_item).transpose()
    }

    /// The sheets among what was read.
    pub(super) fn sheets(&self, found: &mut HashMap<Key, Item>) -> Result<Sheets, StoreError> {
        let mut sheets = HashMap::new();
        for (owner, date) in self.claims.iter().flat_map(Claim::sheets) {
            let key = sheet_key(owner, date);
            if let Some(item) = found.remove(&key) {
                sheets.insert(key, Entity::from_item(item)?);
            }
        }
        Ok(Sheets(sheets))
    }

    /// Refuses those who are not there, or take no appointments; tells when they work.
    pub(super) fn check_people(
        &self,
        found: &mut HashMap<Key, Item>,
        hours: &Hours,
    ) -> Result<HashMap<SheetOwner, Spans>, BookingError> {
        let Appointment { clinic_id, staff_id, patient_id, resource_ids, .. } = self.appointment;
        let clinic: Entity<Clinic> =
            self.own(found, &keys::clinic(clinic_id))?.ok_or(BookingError::UnknownClinic)?;
        let staff: Entity<StaffMember> = self
            .own(found, &keys::staff(clinic_id, staff_id))?
            .ok_or(BookingError::UnknownStaff)?;
        if let Some(patient_id) = patient_id {
            let patient: Entity<Patient> =
                self.own(found, &keys::patient(patient_id))?.ok_or(BookingError::UnknownPatient)?;
            if !patient.value.active || patient.meta.deleting.is_some() {
                return Err(BookingError::PatientInactive);
            }
        }
        for id in resource_ids {
            let resource: Entity<Resource> = self
                .own(found, &keys::resource(clinic_id, id))?
                .ok_or_else(|| BookingError::UnknownResource(id.clone()))?;
            if !resource.value.active || resource.meta.deleting.is_some() {
                return Err(BookingError::ResourceInactive(id.clone()));
            }
        }
        if !staff.value.active || staff.meta.deleting.is_some() {
            return Err(BookingError::StaffInactive);
        }
        if !self.rules.roles.is_empty() && !self.rules.roles.contains(&staff.value.role) {
            return Err(BookingError::RoleNotAllowed);
        }
        let owners = self.claims.iter().map(|claim| &claim.owner);
        Ok(hours.opening(&clinic.value.opening_hours).of_all(owners, &staff.value.working_hours))
    }

    fn own<T: Record>(
        &self,
        found: &mut HashMap<Key, Item>,
        key: &Key,
    ) -> Result<Option<Entity<T>>, StoreError> {
        let entity = found.remove(key).map(Entity::<T>::from_item).transpose()?;
        Ok(entity.filter(|entity| entity.meta.org == self.context.org))
    }

    /// Whether it fits, and whose lapsed holds it takes the time of.
    pub(super) fn decide(
        &self,
        sheets: &Sheets,
        working: &HashMap<SheetOwner, Spans>,
    ) -> Result<Vec<(AppointmentId, HoldMark)>, BookingError> {
        let (before, after) = buffers_of(self.appointment);
        let parties = self.claims.iter().map(|claim| {
            let own = Some(&self.appointment.id);
            let party = Party::new(&claim.owner, sheets.of(claim), own);
            let party = match claim.owner {
                SheetOwner::Patient { .. } => party,
                _ => party.with_buffers(before, after),
            };
            working.get(&claim.owner).into_iter().fold(party, Party::working)
        });
        let question = Question {
            visit: visit_of(self.appointment),
            overbooked: self.appointment.overbooked,
            now: self.context.now,
        };
        decide(&parties.collect::<Vec<_>>(), &question).map_err(BookingError::Clash)
    }

    /// Enters it in all sheets of its claims, as they were read.
    pub(super) fn occupy<'b>(&'b self, changes: &mut SheetChanges<'b>, sheets: &'b Sheets) {
        for claim in &self.claims {
            let entry = entry_of(self.appointment, &claim.slot);
            for (owner, date) in claim.sheets() {
                let read = sheets.0.get(&sheet_key(owner, date)).map(|sheet| &sheet.meta);
                changes.occupy((owner, date), read, &self.appointment.id, entry.clone());
            }
        }
    }
}
