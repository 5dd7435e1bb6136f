use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::{
    appointments::model::minutes,
    id::{ClinicId, PatientId, StaffId},
    scheduling::model::{CLOCK_SKEW, Obstacle, SheetOwner, Slot},
    store::{Precondition, Record, expression::Condition},
};

fn now() -> Timestamp {
    "2027-03-01T08:00:00Z".parse().unwrap()
}

fn context() -> WriteContext {
    WriteContext {
        org: "org".parse().unwrap(),
        subject: "tester".to_owned(),
        operation: "",
        request_id: "request".to_owned(),
        now: now(),
        precondition: Precondition::None,
        idempotency: None,
    }
}

/// Returns a record with these members. Absent members are `None`.
fn record<T: Record + DeserializeOwned>(members: Value) -> Entity<T> {
    Entity::new(serde_json::from_value(members).unwrap(), &context())
}

/// Returns a visit of 30 minutes at 09:00 in Zurich, and the snapshot of a clinic where that slot
/// is free.
fn free() -> (Draft, Snapshot) {
    let (clinic, zone) = (ClinicId::random(), "Europe/Zurich".parse().unwrap());
    let start = "2027-03-02T08:00:00Z".parse().unwrap();
    let appointment = Appointment {
        patient_id: Some(PatientId::random()),
        resource_ids: vec![ResourceId::random()],
        duration_minutes: 30,
        ..Appointment::new(clinic.clone(), zone, StaffId::random(), start)
    };
    let Appointment { staff_id, patient_id, resource_ids, .. } = &appointment;
    let snapshot = Snapshot {
        now: now(),
        clinic: Some(record(json!({
            "id": clinic, "name": "C", "time_zone": "Europe/Zurich",
        }))),
        staff: Some(record(json!({
            "id": staff_id, "clinic_id": clinic, "name": "S", "role": "nurse", "active": true,
        }))),
        patient: Some(record(json!({ "id": patient_id, "name": "P", "active": true }))),
        resources: vec![record(json!({
            "id": resource_ids[0], "clinic_id": clinic, "name": "R", "kind": "room", "active": true,
        }))],
        special_hours: Some(Vec::new()),
        ..Snapshot::default()
    };
    (Draft::new(Entity::new(appointment, &context()), false), snapshot)
}

/// Returns the sheet of the draft's claim at `index`, with an entry of another appointment at the
/// same time.
fn taken(draft: &Draft, index: usize, hold_expires_at: Option<i64>) -> Entity<DaySheet> {
    let Claim { owner, slot } = &draft.claims[index];
    let mut sheet = DaySheet::empty(owner.clone(), slot.utc_dates()[0]);
    let entry = crate::scheduling::model::Entry { hold_expires_at, ..slot.entry() };
    sheet.entries.insert(AppointmentId::random_at(slot.start, sheet.utc_date), entry);
    Entity::new(sheet, &context())
}

fn refusal(snapshot: &Snapshot, draft: &Draft) -> Refusal {
    decide(snapshot, draft).err().unwrap()
}

#[test]
fn a_free_visit_is_written_first_with_its_sheets_and_a_check_of_each_party() {
    let (draft, snapshot) = free();
    let plan = decide(&snapshot, &draft).ok().unwrap();
    let writes = plan.writes(&context()).unwrap();
    assert!(plan.lapsed.is_empty());
    let is_new = |write: &&Write| matches!(write, Write::Put { condition: Condition::Absent, .. });
    assert!(writes.first().is_some_and(|write| is_new(&write)));
    assert_eq!(writes.iter().filter(is_new).count(), 4);
    let is_link = |write: &&Write| matches!(write, Write::Put { condition: Condition::Any(_), .. });
    assert_eq!(writes.iter().filter(is_link).count(), 1);
    assert_eq!(writes.iter().filter(|write| matches!(write, Write::Check { .. })).count(), 3);
    assert_eq!(writes.len(), 8);
}

#[test]
fn unknown_records_are_refused() {
    let (draft, snapshot) = free();
    let without = Snapshot { staff: None, ..snapshot };
    assert!(matches!(refusal(&without, &draft), Refusal::UnknownStaff));
    let (draft, snapshot) = free();
    let without = Snapshot { patient: None, ..snapshot };
    assert!(matches!(refusal(&without, &draft), Refusal::UnknownPatient));
    let (draft, snapshot) = free();
    let without = Snapshot { resources: Vec::new(), ..snapshot };
    assert!(matches!(refusal(&without, &draft), Refusal::UnknownResource));
    let nothing = Snapshot { clinic: None, ..without };
    assert!(matches!(refusal(&nothing, &draft), Refusal::UnknownClinic));
}

#[test]
fn inactive_records_and_those_about_to_be_deleted_are_refused() {
    let (draft, mut snapshot) = free();
    snapshot.staff.as_mut().unwrap().value.details.active = false;
    assert!(matches!(refusal(&snapshot, &draft), Refusal::StaffInactive));
    snapshot.resources[0].value.details.active = false;
    assert!(matches!(refusal(&snapshot, &draft), Refusal::ResourceInactive(_)));
    let mark = format!("other at {} by tester", snapshot.now);
    snapshot.patient.as_mut().unwrap().meta.deleting = Some(mark.try_into().unwrap());
    assert!(matches!(refusal(&snapshot, &draft), Refusal::PatientInactive));
    snapshot.patient.as_mut().unwrap().value.merged_into = Some(PatientId::random());
    assert!(matches!(refusal(&snapshot, &draft), Refusal::PatientMerged(_)));
}

#[test]
fn a_role_that_does_not_give_the_visit_is_refused() {
    let (draft, snapshot) = free();
    let of_roles = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect();
    let draft = Draft { roles: of_roles(&["physician"]), ..draft };
    assert!(matches!(refusal(&snapshot, &draft), Refusal::RoleNotAllowed));
    let draft = Draft { roles: of_roles(&["physician", "nurse"]), ..draft };
    assert!(decide(&snapshot, &draft).is_ok());
}

#[test]
fn a_clash_names_the_party_that_is_taken() {
    let (draft, snapshot) = free();
    let snapshot = Snapshot { sheets: vec![taken(&draft, 2, None)], ..snapshot };
    let Refusal::Clash(clash, ..) = refusal(&snapshot, &draft) else { panic!("no clash") };
    assert!(matches!(clash.owner, SheetOwner::Patient { .. }));
    assert_eq!(clash.obstacle, Obstacle::Busy);
}

#[test]
fn buffers_take_the_time_of_staff_and_not_of_the_patient() {
    for (index, fits) in [(0, false), (2, true)] {
        let (draft, snapshot) = free();
        let earlier = taken(&draft, index, None);
        let later = Appointment {
            start: draft.appointment.value.start + minutes(30),
            buffer_before_minutes: 5,
            ..draft.appointment.value.clone()
        };
        let draft = Draft::new(Entity::new(later, &context()), false);
        let snapshot = Snapshot { sheets: vec![earlier], ..snapshot };
        assert_eq!(decide(&snapshot, &draft).is_ok(), fits, "claim {index}");
    }
}

#[test]
fn working_time_is_kept_unless_any_hours_are_allowed() {
    let (draft, mut snapshot) = free();
    let clinic = &mut snapshot.clinic.as_mut().unwrap().value;
    clinic.details.opening_hours = Some(
        serde_json::from_value(json!([{ "weekday": "monday", "from": "08:00", "to": "12:00" }]))
            .unwrap(),
    );
    let Refusal::Clash(clash, ..) = refusal(&snapshot, &draft) else { panic!("no clash") };
    assert_eq!(clash.obstacle, Obstacle::Closed);
    let any_hours = Snapshot { special_hours: None, ..snapshot };
    assert!(decide(&any_hours, &draft).is_ok());
}

#[test]
fn the_time_of_a_lapsed_hold_is_taken_once_the_hold_has_ended() {
    let (draft, snapshot) = free();
    let live = taken(&draft, 0, Some((now() - CLOCK_SKEW).as_second()));
    let snapshot = Snapshot { sheets: vec![live], ..snapshot };
    assert!(matches!(refusal(&snapshot, &draft), Refusal::Clash(..)));
    let lapsed = (now() - CLOCK_SKEW).as_second() - 1;
    let snapshot = Snapshot { sheets: vec![taken(&draft, 0, Some(lapsed))], ..snapshot };
    let plan = decide(&snapshot, &draft).ok().unwrap();
    let clinic = &draft.appointment.value.clinic_id;
    assert!(plan.lapsed.iter().map(|(_, of)| of).eq([clinic]));
}

#[test]
fn a_moved_appointment_does_not_clash_with_itself_and_leaves_the_sheets_of_its_old_day() {
    let (draft, snapshot) = free();
    let old = draft.appointment;
    let mut sheet = DaySheet::empty(draft.claims[0].owner.clone(), old.value.date);
    let Slot { start, end } = draft.claims[0].slot;
    sheet.entries.insert(old.value.id.clone(), Slot { start, end }.entry());
    let snapshot = Snapshot { sheets: vec![Entity::new(sheet, &context())], ..snapshot };
    let moved = |value: Appointment| Draft {
        replaces: Some(old.clone()),
        ..Draft::new(old.changed(value, &context()), true)
    };
    let later = moved(Appointment { start: start + minutes(10), ..old.value.clone() });
    let writes = decide(&snapshot, &later).ok().unwrap().writes(&context()).unwrap();
    assert_eq!(
        writes.len(),
        11,
        "the appointment, its old key and its pointer, two links, three sheets, three checks"
    );
    let (start, date) = (start + minutes(24 * 60), old.value.date.tomorrow().unwrap());
    let next_day = moved(Appointment { date, start, ..old.value.clone() });
    let writes = decide(&snapshot, &next_day).ok().unwrap().writes(&context()).unwrap();
    assert_eq!(writes.len(), 14, "also the three old sheets");
}
