//! The claims of an appointment: the time that it takes from each owner, and its entries in day
//! sheets.

use jiff::Timestamp;

use crate::{
    appointments::model::{Appointment, Status, minutes},
    scheduling::{
        model::{Claim, DaySheet, Entry, SheetOwner, Slot},
        repo::SheetChanges,
    },
    store::{Entity, StoreError, WriteContext, write::Write},
};

/// Returns the time of the visit without buffers.
pub(super) fn visit_of(appointment: &Appointment) -> Slot {
    Slot { start: appointment.start, end: appointment.end() }
}

/// Returns the claims on the staff member, the resources and the patient, in this order. The
/// patient's claim has no buffers.
pub fn claims_of(appointment: &Appointment) -> Vec<Claim> {
    let Appointment { clinic_id, staff_id, resource_ids, .. } = appointment;
    let visit = visit_of(appointment);
    let buffers = (appointment.buffer_before_minutes, appointment.buffer_after_minutes);
    let whole = visit.widened(minutes(buffers.0), minutes(buffers.1));
    let at_clinic = SheetOwner::at_clinic(clinic_id, staff_id, resource_ids);
    let mut claims: Vec<_> = at_clinic.map(|owner| Claim { owner, slot: whole }).collect();
    claims.extend(appointment.patient_id.iter().map(|patient_id| {
        let owner = SheetOwner::Patient { patient_id: patient_id.clone() };
        Claim { owner, slot: visit }
    }));
    claims
}

/// Returns the entry for one of the appointment's claims. It is the same in each of the claim's
/// sheets.
pub fn entry_of(appointment: &Appointment, claim: &Claim) -> Entry {
    let held = (appointment.status == Status::Held).then_some(appointment.hold_expires_at);
    let of_patient = claim.owner.clinic_id().is_none();
    Entry {
        hold_expires_at: held.flatten().map(Timestamp::as_second),
        clinic_id: of_patient.then(|| appointment.clinic_id.clone()),
        overbooked: appointment.overbooked,
        ..claim.slot.entry()
    }
}

/// Adds an appointment to all sheets of its claims, on the condition that they are as they were
/// read.
pub(super) fn occupy_all<'a>(
    changes: &mut SheetChanges<'a>,
    appointment: &'a Appointment,
    claims: &'a [Claim],
    sheets: &'a [Entity<DaySheet>],
) {
    for claim in claims {
        let entry = entry_of(appointment, claim);
        for (owner, date) in claim.sheets() {
            let is_sheet = |read: &DaySheet| read.owner == *owner && read.utc_date == date;
            let read = sheets.iter().find(|read| is_sheet(&read.value)).map(|read| &read.meta);
            changes.occupy((owner, date), read, &appointment.id, entry.clone());
        }
    }
}

/// Removes an appointment from all sheets of its claims.
pub(super) fn free_all<'a>(
    changes: &mut SheetChanges<'a>,
    appointment: &'a Appointment,
    claims: &'a [Claim],
) {
    for sheet in claims.iter().flat_map(Claim::sheets) {
        changes.free(sheet, &appointment.id);
    }
}

/// Returns the writes that remove an appointment from all its sheets.
pub(super) fn freeing(
    context: &WriteContext,
    appointment: &Appointment,
) -> Result<Vec<Write>, StoreError> {
    let claims = claims_of(appointment);
    let mut changes = SheetChanges::default();
    free_all(&mut changes, appointment, &claims);
    changes.into_writes(context)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        appointments::model::Rescheduled,
        id::{AppointmentId, ClinicId, PatientId, ResourceId, StaffId, VisitTypeId},
        store::Item,
        time::Zone,
    };

    /// The version of an appointment's item, and the attributes that determine its entries in day
    /// sheets.
    ///
    /// If the test fails because you added such an attribute, raise the version (`Record::SHAPES`
    /// of the appointment), then update both constants. During a rolling upgrade, the older release
    /// would drop the unknown attribute when it writes an appointment, and would later free the
    /// wrong time. A newer version prevents that: the older release answers 503.
    const VERSION: &str = "1";
    const ATTRIBUTES: [&str; 12] = [
        "buffer_after_minutes",
        "buffer_before_minutes",
        "clinic_id",
        "duration_minutes",
        "hold_expires_at",
        "id",
        "overbooked",
        "patient_id",
        "resource_ids",
        "staff_id",
        "start",
        "status",
    ];

    /// Returns an appointment in which every member has a value, so that the item has every
    /// attribute. No two are equal.
    fn held(start: &str, minutes: u16) -> Appointment {
        let start: Timestamp = start.parse().unwrap();
        let text = || Some(format!("{start}").into());
        let zone: Zone = "Europe/Zurich".parse().unwrap();
        Appointment {
            id: AppointmentId::random_at(start, crate::time::utc_date(start)),
            clinic_id: ClinicId::random(),
            staff_id: StaffId::random(),
            patient_id: Some(PatientId::random()),
            resource_ids: vec![ResourceId::random()],
            visit_type_id: Some(VisitTypeId::random()),
            date: crate::time::utc_date(start),
            start,
            local_start: zone.local(start),
            tzdb_version: format!("{start}"),
            duration_minutes: minutes,
            buffer_before_minutes: minutes,
            buffer_after_minutes: minutes,
            time_zone: zone,
            status: Status::Held,
            checked_in_at: Some(start),
            hold_expires_at: Some(start),
            overbooked: true,
            override_reason: text(),
            rescheduled_from: Some(Rescheduled {
                start,
                duration_minutes: minutes,
                staff_id: StaffId::random(),
                changed: vec![format!("{start}")],
            }),
            reason: text(),
            notes: text(),
            cancellation_reason: text(),
            erased: true,
        }
    }

    fn item_of(appointment: Appointment) -> Item {
        let org = "ORG-1".parse().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let context = WriteContext::internal(org, "test", "request".to_owned(), now);
        Entity::new(appointment, &context).to_item().unwrap()
    }

    fn entries_of(item: &Item) -> Vec<(AppointmentId, Claim, Entry)> {
        let appointment = Entity::<Appointment>::from_item(item.clone()).unwrap().value;
        let claims = claims_of(&appointment).into_iter();
        let claims = claims.filter(|_| appointment.status.is_occupying());
        let entry = |claim: Claim| {
            let entry = entry_of(&appointment, &claim);
            (appointment.id.clone(), claim, entry)
        };
        claims.map(entry).collect()
    }

    #[test]
    fn the_attributes_that_entries_follow_from_are_those_of_the_items_version() {
        let item = item_of(held("2035-01-16T09:00:00Z", 30));
        let other = held("2036-02-17T10:00:00Z", 40);
        let other = item_of(Appointment {
            status: Status::Cancelled,
            overbooked: false,
            erased: false,
            ..other
        });
        let matters = |name: &&String| {
            let mut changed = item.clone();
            match other.get(*name) {
                Some(value) => changed.insert((*name).clone(), value.clone()),
                None => changed.remove(*name),
            };
            entries_of(&changed) != entries_of(&item)
        };
        let names = item.keys().filter(|name| !["type", "v"].contains(&name.as_str()));
        let found: BTreeSet<_> = names.filter(matters).map(String::as_str).collect();
        assert_eq!(found, BTreeSet::from(ATTRIBUTES));
        assert_eq!(item["v"].as_n().map(String::as_str), Ok(VERSION));
    }
}
