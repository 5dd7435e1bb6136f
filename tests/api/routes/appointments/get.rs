//! `GET /v1/clinics/{clinic_id}/appointments/{appointment_id}`.

use serde_json::json;

use crate::support::{TestApp, write_context};

#[tokio::test]
async fn a_moved_appointment_is_found_under_its_id() {
    use clinic_api::{
        appointments::{model::Appointment, repo::AppointmentPointer},
        store::{Entity, write::Write},
    };
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    // Moving comes later: its transaction is written here by hand, to another date on the same sheets.
    let context = write_context("move");
    let old = app.all_appointments().await.remove(0);
    let date = jiff::civil::date(2035, 1, 20);
    let moved = old.changed(Appointment { date, ..old.value.clone() }, &context);
    let pointer = AppointmentPointer { appointment_id: old.value.id.clone(), date };
    let writes = vec![
        Write::Delete {
            key: clinic_api::store::Record::key(&old.value),
            condition: old.meta.unchanged(),
        },
        moved.create().unwrap(),
        Entity::new(pointer, &context).create().unwrap(),
    ];
    app.store.commit(&context, writes).await.unwrap();
    assert_eq!(app.get(&path).send().await.expect(200).header("etag"), "\"2\"");
    app.step(&path, "confirmed").await.expect(200);
    app.patch(&path).json(&json!({ "notes": "moved" })).send().await.expect(200);
    let cancelled = app.post(&format!("{path}/cancel")).send().await.expect(200).json();
    assert_eq!((&cancelled["status"], &cancelled["notes"]), (&json!("cancelled"), &json!("moved")));
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
}
