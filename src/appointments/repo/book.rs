//! Booking: one consistent read, one decision in pure code, one transaction.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    appointments::model::{Appointment, Status, end_of},
    id::{AppointmentId, ClinicId, PatientId, StaffId},
    patients::model::Patient,
    schedule::{
        model::{Clash, DaySheet, SheetOwner, Slot, decide},
        repo::{occupy, sheet_key, sheets_of},
    },
    sensitive::Sensitive,
    staff::model::StaffMember,
    store::{
        Entity, Idempotency, Item, Key, Record, Store, StoreError, WriteContext,
        guarded_delete::stays_active,
        keys,
        retry::Backoff,
        write::{Committed, Write},
    },
    time::Zone,
};

/// What somebody wants to book, every bound of it checked.
#[derive(Clone)]
pub struct Booking {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The clinic's time zone.
    pub time_zone: Zone,
    /// The staff member.
    pub staff_id: StaffId,
    /// The patient.
    pub patient_id: PatientId,
    /// When it begins.
    pub start: Timestamp,
    /// How long it takes.
    pub duration_minutes: u16,
    /// What it is for.
    pub reason: Option<Sensitive<String>>,
    /// What staff noted of it.
    pub notes: Option<Sensitive<String>>,
}

/// Why a booking is refused.
#[derive(Debug, thiserror::Error)]
pub enum BookingError {
    /// The clinic has no such staff member.
    #[error("no such staff member at this clinic")]
    UnknownStaff,
    /// The organisation has no such patient.
    #[error("no such patient")]
    UnknownPatient,
    /// The staff member takes no appointments.
    #[error("the staff member is inactive")]
    StaffInactive,
    /// No appointments are made for the patient.
    #[error("the patient is inactive")]
    PatientInactive,
    /// The time is taken.
    #[error("the time is taken")]
    Busy(Clash),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Books an appointment, or returns what the same `Idempotency-Key` booked before.
///
/// One BatchGetItem and one TransactWriteItems; both again, when a sheet changed in between.
///
/// # Errors
/// [`BookingError`]. Nothing was written, unless it is [`StoreError::Unreachable`].
pub async fn book(
    store: &Store,
    context: &WriteContext,
    booking: Booking,
) -> Result<Entity<Appointment>, BookingError> {
    let appointment = booking.appointment();
    let attempt = Attempt::new(context, appointment);
    let mut backoff = Backoff::default();
    loop {
        if let Some(booked) = attempt.run(store).await? {
            return Ok(booked);
        }
        if !backoff.pause().await {
            return Err(StoreError::Contention.into());
        }
    }
}

impl Booking {
    fn appointment(self) -> Appointment {
        let date = self.time_zone.local_date(self.start);
        Appointment {
            // One id for all attempts, so that an earlier one's entry is known as our own.
            id: AppointmentId::random_on(date),
            clinic_id: self.clinic_id,
            staff_id: self.staff_id,
            patient_id: self.patient_id,
            date,
            start: self.start,
            duration_minutes: self.duration_minutes,
            time_zone: self.time_zone,
            status: Status::Scheduled,
            reason: self.reason,
            notes: self.notes,
            cancellation_reason: None,
        }
    }
}

struct Attempt<'a> {
    context: &'a WriteContext,
    appointment: Entity<Appointment>,
    slot: Slot,
    owners: [SheetOwner; 2],
    staff_key: Key,
    patient_key: Key,
}

impl<'a> Attempt<'a> {
    fn new(context: &'a WriteContext, appointment: Appointment) -> Self {
        let Appointment { clinic_id, staff_id, patient_id, .. } = &appointment;
        let end = end_of(appointment.start, appointment.duration_minutes);
        Self {
            slot: Slot { start: appointment.start, end },
            owners: owners_of(&appointment),
            staff_key: keys::staff(clinic_id, staff_id),
            patient_key: keys::patient(patient_id),
            context,
            appointment: Entity::new(appointment, context),
        }
    }

    /// Nothing, if what it had read changed before it could write.
    async fn run(&self, store: &Store) -> Result<Option<Entity<Appointment>>, BookingError> {
        let mut found = store.batch_get(&self.keys()).await?;
        if let Some(booked) = self.replayed(&mut found)? {
            return Ok(Some(booked));
        }
        self.check_people(&mut found)?;
        let sheets = self.sheets(&mut found)?;
        let own = &self.appointment.value.id;
        if sheets.values().any(|sheet| sheet.value.entries.contains_key(own)) {
            // An earlier attempt, whose answer was lost, has booked it already.
            let key = self.appointment.value.key();
            // Where its sheet is seen before it is itself, there is another round.
            return Ok(store.get(&key, true).await?);
        }
        decide(sheets.values().map(|sheet| &sheet.value), &self.slot, self.context.now)
            .map_err(BookingError::Busy)?;
        let writes = self.writes(&sheets)?;
        match store.commit(self.context, writes).await {
            Ok(Committed::Written) => Ok(Some(self.appointment.clone())),
            Ok(Committed::Replayed(item)) => Ok(Some(Entity::from_item(item)?)),
            Err(StoreError::ConditionFailed(_)) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    fn keys(&self) -> Vec<Key> {
        let sheets =
            sheets_of(&self.owners, &self.slot).map(|(owner, date)| sheet_key(owner, date));
        let record = self.context.idempotency.iter().map(Idempotency::key);
        [self.staff_key.clone(), self.patient_key.clone()]
            .into_iter()
            .chain(sheets)
            .chain(record)
            .collect()
    }

    fn replayed(
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

    fn check_people(&self, found: &mut HashMap<Key, Item>) -> Result<(), BookingError> {
        let staff: Entity<StaffMember> =
            self.own(found, &self.staff_key)?.ok_or(BookingError::UnknownStaff)?;
        let patient: Entity<Patient> =
            self.own(found, &self.patient_key)?.ok_or(BookingError::UnknownPatient)?;
        if !staff.value.active || staff.meta.deleting.is_some() {
            return Err(BookingError::StaffInactive);
        }
        if !patient.value.active || patient.meta.deleting.is_some() {
            return Err(BookingError::PatientInactive);
        }
        Ok(())
    }

    fn own<T: Record>(
        &self,
        found: &mut HashMap<Key, Item>,
        key: &Key,
    ) -> Result<Option<Entity<T>>, StoreError> {
        let entity = found.remove(key).map(Entity::<T>::from_item).transpose()?;
        Ok(entity.filter(|entity| entity.meta.org == self.context.org))
    }

    fn sheets(
        &self,
        found: &mut HashMap<Key, Item>,
    ) -> Result<HashMap<Key, Entity<DaySheet>>, StoreError> {
        let mut sheets = HashMap::new();
        for (owner, date) in sheets_of(&self.owners, &self.slot) {
            let key = sheet_key(owner, date);
            if let Some(item) = found.remove(&key) {
                sheets.insert(key, Entity::from_item(item)?);
            }
        }
        Ok(sheets)
    }

    fn writes(&self, sheets: &HashMap<Key, Entity<DaySheet>>) -> Result<Vec<Write>, StoreError> {
        let mut writes = vec![self.appointment.create()?];
        for (owner, date) in sheets_of(&self.owners, &self.slot) {
            let read = sheets.get(&sheet_key(owner, date)).map(|sheet| &sheet.meta);
            let id = &self.appointment.value.id;
            writes.push(occupy(self.context, owner, date, read, id, self.slot.entry())?);
        }
        writes.extend([&self.staff_key, &self.patient_key].map(|key| Write::Check {
            key: key.clone(),
            condition: stays_active(&self.context.org),
        }));
        Ok(writes)
    }
}

/// Whose day sheets an appointment stands in.
pub(super) fn owners_of(appointment: &Appointment) -> [SheetOwner; 2] {
    [
        SheetOwner::Staff {
            clinic_id: appointment.clinic_id.clone(),
            staff_id: appointment.staff_id.clone(),
        },
        SheetOwner::Patient { patient_id: appointment.patient_id.clone() },
    ]
}
