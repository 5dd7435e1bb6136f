//! All keys of the table are built and parsed here, from typed ids. `docs/keys.md` lists them.

mod events;
mod key;
mod range;

use data_encoding::HEXLOWER;
pub use events::{
    DEFERRED_PARTS, DUE_PARTS, OF_SECRET_KEYS, change, change_at_clinic, checkpoint, dead_letter,
    deferred, delivery, due_delivery, lease, org_of_deferred, time_of_deferred, webhook, worker,
};
use jiff::{Timestamp, civil::Date};
pub use key::{EXPIRES_AT, GSI1, GSI1PK, GSI1SK, IndexKey, Key, PK, SK};
pub(super) use range::SortRange;
pub use range::{
    Dates, KeyRange, accesses_of_patient, all_of_clinic, all_of_clinic_with,
    appointments_of_clinic, appointments_of_patient, changes_at_clinic, changes_of_record,
    clinics_of_org, day_sheets_of_clinic, days_of_clinic, dead_letters, deferred_of_org,
    deferred_of_part, deliveries_of_webhook, due_deliveries, exceptions_at_clinic,
    exceptions_of_owner, is_in_setup, links_of_patient, merges_into, patient_day_sheets_from,
    search_entries, setup_beside_clinic, setup_of_clinic, staff_day_sheets_from, webhooks_of_org,
    workers,
};
use sha2::{Digest as _, Sha256};

use crate::{
    id::{
        AppointmentId, ClinicId, ExceptionId, Id, OrgId, PatientId, RecordId, ResourceId, StaffId,
    },
    time::{sortable, sortable_minute},
};

const META: &str = "META";
const FIND: &str = "FIND#";
const IDENTIFIER: &str = "IDENTIFIER#";

/// The beginnings of the partition keys whose items need the search keys.
pub const OF_SEARCH_KEYS: &[&str] = &[FIND, IDENTIFIER];

fn clinic_partition(clinic: &ClinicId) -> String {
    format!("CLINIC#{clinic}")
}

fn patient_partition(patient: &PatientId) -> String {
    format!("PATIENT#{patient}")
}

/// The partition of a record's changes and accesses.
fn audit_partition(record: &RecordId) -> String {
    format!("AUDIT#{record}")
}

fn sheets_partition(clinic: &ClinicId) -> String {
    format!("DAYS#{clinic}")
}

/// `CLINIC#{clinic}` / `META`.
pub fn clinic(clinic: &ClinicId) -> Key {
    Key::new(clinic_partition(clinic), META)
}

/// `ORG#{org}` / `CLINIC#{created_at}#{clinic}` in the index.
pub fn clinic_in_org(org: &OrgId, created_at: Timestamp, clinic: &ClinicId) -> IndexKey {
    IndexKey { pk: format!("ORG#{org}"), sk: format!("CLINIC#{}#{clinic}", sortable(created_at)) }
}

/// `CLINIC#{clinic}` / `{prefix}#{id}`: a plain record of a clinic.
pub fn of_clinic<K>(clinic: &ClinicId, prefix: &str, id: &Id<K>) -> Key {
    Key::new(clinic_partition(clinic), format!("{prefix}#{id}"))
}

/// `CLINIC#{clinic}` / `STAFF#{staff}`.
pub fn staff(clinic: &ClinicId, staff: &StaffId) -> Key {
    of_clinic(clinic, "STAFF", staff)
}

/// `CLINIC#{clinic}` / `RESOURCE#{resource}`.
pub fn resource(clinic: &ClinicId, resource: &ResourceId) -> Key {
    of_clinic(clinic, "RESOURCE", resource)
}

/// `DAYS#{clinic}` / `EXCEPTION#{owner}#{last date}#{exception}`.
pub fn exception(clinic: &ClinicId, exception: &ExceptionId) -> Key {
    let sk = format!("EXCEPTION#{}#{}#{exception}", exception.owner(), exception.last_date());
    Key::new(sheets_partition(clinic), sk)
}

/// An exception in the list of a clinic's exceptions: `DAYS#{clinic}` / `EXCEPTION#{last
/// date}#{exception}` in the index.
pub fn exception_at_clinic(clinic: &ClinicId, exception: &ExceptionId) -> IndexKey {
    let sk = format!("EXCEPTION#{}#{exception}", exception.last_date());
    IndexKey { pk: sheets_partition(clinic), sk }
}

/// `CLINIC#{clinic}` / `APPT#{date}#{start}#{appt}`. The date is that of the start in the clinic's
/// local time.
pub fn appointment(
    clinic: &ClinicId,
    (date, start): (Date, Timestamp),
    appointment: &AppointmentId,
) -> Key {
    let sk = format!("APPT#{date}#{}#{appointment}", sortable_minute(start));
    Key::new(clinic_partition(clinic), sk)
}

/// The key under which an appointment was first stored. It is derived from the id and is valid
/// until the appointment is moved.
pub fn first_of_appointment(clinic: &ClinicId, id: &AppointmentId) -> Key {
    appointment(clinic, (id.first_date(), id.first_start()), id)
}

/// `PATIENT#{patient}` / `APPT#{start}#{appt}`: the link of a patient to an appointment.
pub fn appointment_link(patient: &PatientId, start: Timestamp, appointment: &AppointmentId) -> Key {
    let sk = format!("APPT#{}#{appointment}", sortable_minute(start));
    Key::new(patient_partition(patient), sk)
}

/// An appointment in the index, under the key of its link.
pub fn appointment_of_patient(
    patient: &PatientId,
    start: Timestamp,
    appointment: &AppointmentId,
) -> IndexKey {
    let Key { pk, sk } = appointment_link(patient, start, appointment);
    IndexKey { pk, sk }
}

/// `APPT#{appt}` / `MOVED`: the pointer to a moved appointment, with its current date and start.
pub fn moved_appointment(appointment: &AppointmentId) -> Key {
    Key::new(format!("APPT#{appointment}"), "MOVED")
}

/// `APPT#{appt}` / `DELETED`: who deleted it and when.
pub fn deleted_appointment(appointment: &AppointmentId) -> Key {
    Key::new(format!("APPT#{appointment}"), "DELETED")
}

/// `PATIENT#{patient}` / `META`.
pub fn patient(patient: &PatientId) -> Key {
    Key::new(patient_partition(patient), META)
}

/// `PATIENT#{patient}` / `MERGED#{merged patient}`: the merge of another patient into this one.
pub fn merge(into: &PatientId, merged: &PatientId) -> Key {
    Key::new(patient_partition(into), format!("MERGED#{merged}"))
}

/// `PATIENT#{patient}` / `META` in the index.
pub fn patient_in_index(patient: &PatientId) -> IndexKey {
    IndexKey { pk: patient_partition(patient), sk: META.to_owned() }
}

/// `IDENTIFIER#{tag}` / `META`: the marker that keeps an identifier unique in its organisation. The
/// tag is a keyed hash, because identifiers are patient data.
pub fn identifier(tag: &str) -> Key {
    Key::new(format!("{IDENTIFIER}{tag}"), META)
}

fn found_partition(tag: &str) -> String {
    format!("{FIND}{tag}")
}

/// `FIND#{tag}` / `{birth}#{patient}`: a patient under one search term. The tag and the date of
/// birth are keyed hashes.
pub fn search_entry(tag: &str, birth: &str, patient: &PatientId) -> Key {
    Key::new(found_partition(tag), format!("{birth}#{patient}"))
}

/// Returns the patient of a search entry.
pub fn patient_of_search_entry(key: &Key) -> Option<PatientId> {
    key.sk.split_once('#')?.1.parse().ok()
}

/// `DAYS#{clinic}` / `{utc date}#STAFF#{staff}`.
pub fn staff_day_sheet(clinic: &ClinicId, staff: &StaffId, utc_date: Date) -> Key {
    Key::new(sheets_partition(clinic), format!("{utc_date}#STAFF#{staff}"))
}

/// `DAYS#{clinic}` / `{utc date}#RESOURCE#{resource}`.
pub fn resource_day_sheet(clinic: &ClinicId, resource: &ResourceId, utc_date: Date) -> Key {
    Key::new(sheets_partition(clinic), format!("{utc_date}#RESOURCE#{resource}"))
}

/// `PATIENT#{patient}` / `DAY#{utc date}`.
pub fn patient_day_sheet(patient: &PatientId, utc_date: Date) -> Key {
    Key::new(patient_partition(patient), format!("DAY#{utc_date}"))
}

/// `IDEMPOTENCY#{hash}` / `META`.
pub fn idempotency(hash: &str) -> Key {
    Key::new(format!("IDEMPOTENCY#{hash}"), META)
}

/// `ACCESS#{request}` / `META`: an access request.
pub fn access_request(request: &str) -> Key {
    Key::new(format!("ACCESS#{request}"), META)
}

/// `AUDIT#{patient}` / `ACCESS#{hour}#{operation}#{hash of the subject}`.
pub fn access(patient: &PatientId, hour: Timestamp, operation: &str, subject: &str) -> Key {
    // A subject may contain any characters and be as long as a sort key.
    let subject = HEXLOWER.encode(&Sha256::digest(subject)[..16]);
    let sk = format!("ACCESS#{}#{operation}#{subject}", sortable(hour));
    Key::new(audit_partition(&patient.into()), sk)
}

/// `TABLE` / `FORMAT`.
pub fn table_format() -> Key {
    Key::new("TABLE".to_owned(), "FORMAT")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::id::{DeliveryId, WebhookId};

    proptest! {
        #[test]
        fn records_of_different_kinds_or_ids_never_share_a_key(days in 0_i32..60_000, mrn in "[A-Za-z0-9._/-]{1,64}") {
            let date = jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(days));
            let (clinic_id, other) = (ClinicId::random(), ClinicId::random());
            let (staff_id, patient_id) = (StaffId::random(), PatientId::random());
            let start = crate::time::utc_midnight(date);
            let appointment_id = AppointmentId::random_at(start, date);
            let (org, other_org): (OrgId, OrgId) = ("ORG-A".parse().unwrap(), "ORG-B".parse().unwrap());
            let keys = [
                clinic(&clinic_id),
                clinic(&other),
                staff(&clinic_id, &staff_id),
                staff(&other, &staff_id),
                resource(&clinic_id, &ResourceId::random()),
                of_clinic(&clinic_id, "VISIT_TYPE", &crate::id::VisitTypeId::random()),
                exception(&clinic_id, &ExceptionId::random_of((&staff_id).into(), date)),
                first_of_appointment(&clinic_id, &appointment_id),
                appointment(&clinic_id, (date.tomorrow().unwrap(), start), &appointment_id),
                appointment(&clinic_id, (date, start + jiff::SignedDuration::from_mins(1)), &appointment_id),
                appointment_link(&patient_id, start, &appointment_id),
                moved_appointment(&appointment_id),
                deleted_appointment(&appointment_id),
                patient(&patient_id),
                merge(&patient_id, &PatientId::random()),
                identifier(&mrn),
                search_entry(&mrn, "", &patient_id),
                search_entry(&mrn, "abc", &patient_id),
                staff_day_sheet(&clinic_id, &staff_id, date),
                resource_day_sheet(&clinic_id, &ResourceId::random(), date),
                patient_day_sheet(&patient_id, date),
                idempotency(&mrn),
                access_request(&mrn),
                access(&patient_id, Timestamp::UNIX_EPOCH, "get_patient", &mrn),
                access(&patient_id, Timestamp::UNIX_EPOCH, "get_patient", "~"),
                change(&(&patient_id).into(), Timestamp::UNIX_EPOCH, &mrn),
                change(&(&clinic_id).into(), Timestamp::UNIX_EPOCH, &mrn),
                webhook(&org, &WebhookId::random()),
                webhook(&other_org, &WebhookId::random()),
                delivery(&WebhookId::random(), &DeliveryId::of_event(Timestamp::UNIX_EPOCH, &mrn)),
                dead_letter(Timestamp::UNIX_EPOCH, &mrn),
                deferred(&org, Timestamp::UNIX_EPOCH, &mrn),
                deferred(&other_org, Timestamp::UNIX_EPOCH, &mrn),
                worker(&mrn),
                lease(&mrn),
                checkpoint(&mrn, &mrn),
                table_format(),
            ];
            let distinct: HashSet<_> = keys.iter().collect();
            prop_assert_eq!(distinct.len(), keys.len());
            for key in &keys {
                let read = Key::of(&key.attributes());
                prop_assert_eq!(read.as_ref(), Some(key));
            }
        }
    }

    #[test]
    fn an_item_without_a_key_has_none() {
        let mut item = clinic(&ClinicId::random()).attributes();
        item.remove(SK);
        assert_eq!(Key::of(&item), None);
    }
}
