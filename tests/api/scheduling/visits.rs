//! Visits: visit types, staff roles, rooms.

use serde_json::json;

use crate::support::{TestApp, booking_with};

#[tokio::test]
async fn a_visit_type_says_how_long_with_what_around_it_and_by_whom() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let kind = app.visit_type(&clinic.path).await;
    let of_type = |start: &str| {
        let mut body = booking_with(&clinic, start, json!({ "visit_type_id": kind }));
        body.as_object_mut().unwrap().remove("duration_minutes");
        app.post(&format!("{}/appointments", clinic.path)).json(&body)
    };
    let booked = of_type("2035-01-16T09:00:00").send().await.expect(201).json();
    assert_eq!(
        (&booked["duration_minutes"], &booked["end"]),
        (&json!(20), &json!("2035-01-16T09:20:00+01:00"))
    );
    assert_eq!(
        (&booked["buffer_before_minutes"], &booked["buffer_after_minutes"]),
        (&json!(5), &json!(10))
    );
    // The buffer from 09:20 to 09:30 occupies the staff member, not the patient, who can be booked with another one.
    let other = app.staff_member(&clinic.path).await;
    let problem = app.book_with(&clinic, "2035-01-16T09:20:00", json!({})).await;
    let nearest = problem.problem(409, "staff_busy")["nearest_free"].clone();
    assert!(nearest.as_array().unwrap().contains(&json!("2035-01-16T09:30:00+01:00")), "{nearest}");
    app.book_with(&clinic, "2035-01-16T09:20:00", json!({ "staff_id": other })).await.expect(201);
    of_type("2035-01-16T09:30:00").send().await.problem(409, "staff_busy");
    // The buffers of two visits do not overlap.
    let next = of_type("2035-01-16T09:35:00").send().await.problem(409, "patient_busy");
    assert_eq!(next["blocking"]["id"], clinic.patient);
    // A change of the visit type changes no booking.
    let path = format!("{}/visit-types/{kind}", clinic.path);
    let longer = json!({ "duration_minutes": 60, "roles": ["nurse"] });
    app.patch(&path).json(&longer).send().await.expect(200);
    of_type("2035-01-16T14:00:00").send().await.problem(409, "role_not_allowed");
    for (body, field) in [
        (
            booking_with(&clinic, "2035-01-16T15:00:00", json!({ "visit_type_id": kind })),
            "/duration_minutes",
        ),
        (
            booking_with(&clinic, "2035-01-16T15:00:00", json!({ "duration_minutes": null })),
            "/duration_minutes",
        ),
    ] {
        let answer = app.post(&format!("{}/appointments", clinic.path)).json(&body).send().await;
        assert_eq!(answer.invalid_fields(), [field]);
    }
    app.delete(&path).send().await.expect(204);
    of_type("2035-01-16T15:00:00").send().await.problem(422, "unknown_reference");
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_room_is_taken_once_whoever_is_in_it() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let (room, device) = (app.resource(&clinic.path).await, app.resource(&clinic.path).await);
    let both = json!({ "resource_ids": [room, device] });
    let path = app.book_with(&clinic, "2035-01-16T09:00:00", both).await.expect(201).location();
    let other = json!({
        "staff_id": app.staff_member(&clinic.path).await, "patient_id": app.patient().await,
        "resource_ids": [device]
    });
    let problem = app.book_with(&clinic, "2035-01-16T09:20:00", other.clone()).await;
    let problem = problem.problem(409, "resource_busy");
    assert_eq!(problem["blocking"], json!({ "type": "resource", "id": device }));
    assert!(
        problem["nearest_free"].as_array().unwrap().contains(&json!("2035-01-16T09:30:00+01:00"))
    );
    let one = format!("{}/resources/{device}", clinic.path);
    app.delete(&one).send().await.problem(409, "has_future_appointments");
    app.delete(&clinic.path).send().await.problem(409, "clinic_has_resources");
    app.post(&format!("{path}/cancel")).send().await.expect(200);
    app.book_with(&clinic, "2035-01-16T09:20:00", other).await.expect(201);
    for ids in [json!([room, room]), json!(["RES-1"]), json!([room, room, room, room, room, room])]
    {
        let answer =
            app.book_with(&clinic, "2035-01-16T11:00:00", json!({ "resource_ids": ids })).await;
        answer.problem(422, "validation_failed");
    }
    app.check_day_sheets().await;
}
