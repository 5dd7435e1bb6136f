//! When a clinic works, what a visit takes, and what may be done against it.

use clinic_api::http::auth::Role;
use serde_json::{Value, json};

use crate::support::{
    Answer, ClinicMade, TestApp, booking,
    callers::{at_clinic, principal, token},
    id,
};

fn with(clinic: &ClinicMade, start: &str, more: Value) -> Value {
    let mut body = booking(&clinic.staff, &clinic.patient, start, 30);
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn book(app: &TestApp, clinic: &ClinicMade, start: &str, more: Value) -> Answer {
    let body = with(clinic, start, more);
    app.post(&format!("{}/appointments", clinic.path)).json(&body).send().await
}

fn span(weekday: &str, from: &str, to: &str) -> Value {
    json!({ "weekday": weekday, "from": from, "to": to })
}

/// A clinic open on Tuesdays with a break, and its staff member there until 16:00. 16 January 2035 is a Tuesday.
async fn with_hours(app: &TestApp) -> ClinicMade {
    let clinic = app.ready_clinic().await;
    let hours = [span("tuesday", "08:00", "12:00"), span("tuesday", "13:00", "18:00")];
    let open = json!({ "opening_hours": hours });
    app.patch(&clinic.path).json(&open).send().await.expect(200);
    let working = json!({ "working_hours": [span("tuesday", "07:00", "16:00")] });
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.patch(&staff).json(&working).send().await.expect(200);
    clinic
}

#[tokio::test]
async fn bookings_lie_within_the_hours_of_clinic_and_staff() {
    let app = TestApp::spawn().await;
    let clinic = with_hours(&app).await;
    for start in ["07:30", "07:45", "11:45", "12:00", "12:45", "15:45", "16:00"] {
        let answer = book(&app, &clinic, &format!("2035-01-16T{start}:00"), json!({})).await;
        let problem = answer.problem(409, "outside_working_hours");
        assert_eq!(problem["blocking"], json!({ "type": "staff", "id": clinic.staff }));
        let nearest = problem["nearest_free"].as_array().unwrap();
        assert_eq!(nearest.len(), 3, "{start}: {problem}");
        for free in nearest {
            let time = &free.as_str().unwrap()[11..16];
            assert!(["08:00", "11:30", "13:00", "15:30"].contains(&time), "{start}: {problem}");
        }
    }
    book(&app, &clinic, "2035-01-17T09:00:00", json!({}))
        .await
        .problem(409, "outside_working_hours");
    for start in ["08:00", "11:30", "13:00", "15:30"] {
        book(&app, &clinic, &format!("2035-01-16T{start}:00"), json!({})).await.expect(201);
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn exceptions_close_and_open_for_clinic_staff_and_rooms() {
    let app = TestApp::spawn().await;
    let clinic = with_hours(&app).await;
    let room = app.resource(&clinic.path).await;
    let except = |body: Value| app.post(&format!("{}/exceptions", clinic.path)).json(&body);
    let day = json!({ "first_date": "2035-01-17", "last_date": "2035-01-17" });
    let on_that_day = |more: Value| {
        let mut body = day.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    // An extra Wednesday needs both: the clinic and who is to work.
    let extra = json!({ "effect": "open", "from": "09:00", "to": "11:00" });
    except(on_that_day(extra.clone())).send().await.expect(201);
    book(&app, &clinic, "2035-01-17T09:00:00", json!({}))
        .await
        .problem(409, "outside_working_hours");
    let mut mine = extra.clone();
    mine["staff_id"] = json!(clinic.staff);
    except(on_that_day(mine)).send().await.expect(201);
    book(&app, &clinic, "2035-01-17T09:00:00", json!({})).await.expect(201);
    // The room is closed, others are not.
    let closed = json!({ "effect": "closed", "from": "10:00", "to": "00:00", "resource_id": room });
    let closed = except(on_that_day(closed)).send().await.expect(201);
    let in_room = json!({ "resource_ids": [room] });
    let answer = book(&app, &clinic, "2035-01-17T10:00:00", in_room.clone()).await;
    let problem = answer.problem(409, "outside_working_hours");
    assert_eq!(problem["blocking"], json!({ "type": "resource", "id": room }));
    let path = format!("{}/exceptions/{}", clinic.path, id(&closed));
    app.delete(&path).header("if-match", "\"9\"").send().await.problem(412, "precondition_failed");
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
    book(&app, &clinic, "2035-01-17T10:00:00", in_room).await.expect(201);
    // A holiday closes over everything else.
    app.closed(&clinic.path, "2035-01-10", "2035-01-20").await;
    for start in ["2035-01-16T09:00:00", "2035-01-17T10:30:00"] {
        book(&app, &clinic, start, json!({})).await.problem(409, "outside_working_hours");
    }
    book(&app, &clinic, "2035-01-23T09:00:00", json!({})).await.expect(201);
    let list = |query: &str| app.get(&format!("{}/exceptions{query}", clinic.path));
    for (query, found) in [
        ("", 3),
        ("?from=2035-01-18", 1),
        ("?to=2035-01-16", 1),
        ("?from=2035-01-17&to=2035-01-17", 3),
        ("?from=2035-01-21", 0),
    ] {
        let listed = list(query).send().await.expect(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), found, "{query}");
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn exceptions_that_make_no_sense_are_refused_by_the_member_that_is_wrong() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/exceptions", clinic.path);
    let good = json!({ "first_date": "2035-01-17", "last_date": "2035-01-18", "effect": "closed" });
    let (staff, room) = (clinic.staff.clone(), app.resource(&clinic.path).await);
    for (more, field) in [
        (json!({ "last_date": "2035-01-16" }), "/last_date"),
        (json!({ "last_date": "2036-01-18" }), "/last_date"),
        (json!({ "first_date": "2034-01-17", "last_date": "2034-01-18" }), "/last_date"),
        (json!({ "effect": "open" }), "/from"),
        (json!({ "from": "09:00" }), "/to"),
        (json!({ "to": "09:00" }), "/from"),
        (json!({ "from": "09:00", "to": "09:00" }), "/to"),
        (json!({ "staff_id": staff, "resource_id": room }), "/resource_id"),
        (json!({ "effect": "maybe" }), "/effect"),
        (json!({ "first_date": "2035-02-29" }), "/first_date"),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = app.post(&path).json(&body).send().await;
        assert_eq!(answer.invalid_fields(), [field], "{more}");
    }
    let mut unknown = good;
    unknown["staff_id"] = json!("STF-000000000000000000000000");
    app.post(&path).json(&unknown).send().await.problem(422, "unknown_reference");
    let listed = app.get(&path).send().await.json();
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn a_visit_type_says_how_long_with_what_around_it_and_by_whom() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let kind = app.visit_type(&clinic.path).await;
    let of_type = |start: &str| {
        let mut body = with(&clinic, start, json!({ "visit_type_id": kind }));
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
    // 09:20 to 09:30 is the staff member's, not the patient's: with another one they can be at once.
    let other = app.staff_member(&clinic.path).await;
    let problem = book(&app, &clinic, "2035-01-16T09:20:00", json!({})).await;
    let nearest = problem.problem(409, "staff_busy")["nearest_free"].clone();
    assert!(nearest.as_array().unwrap().contains(&json!("2035-01-16T09:30:00+01:00")), "{nearest}");
    book(&app, &clinic, "2035-01-16T09:20:00", json!({ "staff_id": other })).await.expect(201);
    of_type("2035-01-16T09:30:00").send().await.problem(409, "staff_busy");
    // The buffers of two visits do not share time.
    let next = of_type("2035-01-16T09:35:00").send().await.problem(409, "patient_busy");
    assert_eq!(next["blocking"]["id"], clinic.patient);
    // Changing the type changes no booking.
    let path = format!("{}/visit-types/{kind}", clinic.path);
    let longer = json!({ "duration_minutes": 60, "roles": ["nurse"] });
    app.patch(&path).json(&longer).send().await.expect(200);
    of_type("2035-01-16T14:00:00").send().await.problem(409, "role_not_allowed");
    for (body, field) in [
        (
            with(&clinic, "2035-01-16T15:00:00", json!({ "visit_type_id": kind })),
            "/duration_minutes",
        ),
        (
            with(&clinic, "2035-01-16T15:00:00", json!({ "duration_minutes": null })),
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
    let path = book(&app, &clinic, "2035-01-16T09:00:00", both).await.expect(201).location();
    let other = json!({
        "staff_id": app.staff_member(&clinic.path).await, "patient_id": app.patient().await,
        "resource_ids": [device]
    });
    let problem = book(&app, &clinic, "2035-01-16T09:20:00", other.clone()).await;
    let problem = problem.problem(409, "resource_busy");
    assert_eq!(problem["blocking"], json!({ "type": "resource", "id": device }));
    assert!(
        problem["nearest_free"].as_array().unwrap().contains(&json!("2035-01-16T09:30:00+01:00"))
    );
    let one = format!("{}/resources/{device}", clinic.path);
    app.delete(&one).send().await.problem(409, "has_future_appointments");
    app.delete(&clinic.path).send().await.problem(409, "clinic_has_resources");
    app.post(&format!("{path}/cancel")).send().await.expect(200);
    book(&app, &clinic, "2035-01-16T09:20:00", other).await.expect(201);
    for ids in [json!([room, room]), json!(["RES-1"]), json!([room, room, room, room, room, room])]
    {
        let answer =
            book(&app, &clinic, "2035-01-16T11:00:00", json!({ "resource_ids": ids })).await;
        answer.problem(422, "validation_failed");
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn overbooking_is_deliberate_marked_and_frees_nothing_but_itself() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let first = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let other = app.patient().await;
    let over = |reason: &str| json!({ "patient_id": other, "overrides": { "overbook": true, "reason": reason } });
    let booked = book(&app, &clinic, "2035-01-16T09:10:00", over("emergency")).await.expect(201);
    let path = booked.location();
    assert_eq!(
        (&booked.json()["overbooked"], &booked.json()["override_reason"]),
        (&json!(true), &json!("emergency"))
    );
    app.check_day_sheets().await;
    // It blocks others as any other does, and goes alone.
    let third = json!({ "patient_id": app.patient().await });
    book(&app, &clinic, "2035-01-16T09:35:00", third.clone()).await.problem(409, "staff_busy");
    app.post(&format!("{path}/cancel")).send().await.expect(200);
    book(&app, &clinic, "2035-01-16T09:10:00", third.clone()).await.problem(409, "staff_busy");
    book(&app, &clinic, "2035-01-16T09:35:00", third).await.expect(201);
    app.post(&format!("{first}/cancel")).send().await.expect(200);
    // No reason, no override; and a hold that is not over is never passed over.
    let unsaid = json!({ "overrides": { "overbook": true } });
    assert_eq!(book(&app, &clinic, "2035-01-16T10:00:00", unsaid).await.status, 422);
    app.held(&clinic, "2035-01-16T14:00:00", 10).await;
    book(&app, &clinic, "2035-01-16T14:10:00", over("emergency")).await.problem(409, "staff_busy");
    app.check_day_sheets().await;
}

#[tokio::test]
async fn who_may_override_what_is_in_the_policy() {
    let app = TestApp::spawn().await;
    let clinic = with_hours(&app).await;
    let overrides = |what: &str| json!({ "overrides": { what: true, "reason": "emergency" } });
    for (role, overbook, any_hours) in [
        (Role::Admin, true, true),
        (Role::Manager, true, true),
        (Role::Clinician, true, true),
        (Role::FrontDesk, false, true),
        (Role::Service, false, false),
    ] {
        let principal = if role == Role::Service || role == Role::Admin {
            principal(role)
        } else {
            at_clinic(role, &clinic.path)
        };
        let caller = app.with_bearer(token(&principal));
        for (what, allowed, start) in [
            ("overbook", overbook, "2035-01-16T09:00:00"),
            ("any_hours", any_hours, "2035-01-16T20:00:00"),
        ] {
            let answer = book(&caller, &clinic, start, overrides(what)).await;
            if allowed {
                let path = answer.expect(201).location();
                let moved =
                    json!({ "duration_minutes": 35, "overrides": overrides(what)["overrides"] });
                let to = caller.post(&format!("{path}/reschedule")).json(&moved);
                to.send().await.expect(200);
                app.post(&format!("{path}/cancel")).send().await.expect(200);
            } else {
                answer.problem(403, "forbidden");
            }
        }
    }
    app.check_day_sheets().await;
}

/// Offices from 00:00 to 04:00 on the day on which the clocks change, and the day after: what can be booked is what the
/// wall shows, for as long as it shows it.
#[tokio::test]
async fn working_time_follows_the_wall_over_changes_of_the_clocks() {
    let app = TestApp::spawn().await;
    // Zone, date, minutes that the wall shows from 00:00 to 04:00 on it.
    for (zone, date, minutes) in [
        ("America/New_York", "2035-03-11", 180),
        ("America/New_York", "2035-11-04", 300),
        ("Europe/London", "2035-03-25", 180),
        ("Europe/London", "2035-10-28", 300),
        ("Australia/Lord_Howe", "2035-04-01", 270),
        ("Australia/Lord_Howe", "2035-10-07", 210),
        ("Asia/Kathmandu", "2035-03-25", 240),
    ] {
        let clinic = app.clinic_in(zone).await;
        let day: jiff::civil::Date = date.parse().unwrap();
        let weekday = format!("{:?}", day.weekday()).to_lowercase();
        let open = json!({ "opening_hours": [span(&weekday, "00:00", "04:00")] });
        app.patch(&clinic).json(&open).send().await.expect(200);
        let made = ClinicMade {
            staff: app.staff_member(&clinic).await,
            patient: app.patient().await,
            path: clinic.clone(),
        };
        let range = format!("from={date}&to={date}&duration_minutes=5&step_minutes=5");
        let free = app.get(&format!("{clinic}/availability?{range}")).send().await.expect(200);
        let slots = free.json()["slots"].as_array().unwrap().clone();
        assert_eq!(slots.len(), minutes / 5, "{zone} {date}");
        // They are different instants, each with the offset that the wall has then.
        let starts: Vec<jiff::Timestamp> =
            slots.iter().map(|slot| slot["start"].as_str().unwrap().parse().unwrap()).collect();
        assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "{zone} {date}");
        let tz = jiff::tz::TimeZone::get(zone).unwrap();
        for (start, slot) in starts.iter().zip(&slots) {
            let shown = start.display_with_offset(tz.to_offset(*start)).to_string();
            assert_eq!(slot["start"], shown, "{zone}");
        }
        // The first and the last can be booked; before and after there is no work.
        for (at, bookable) in [
            (starts[0], true),
            (*starts.last().unwrap(), true),
            (starts[0] - jiff::SignedDuration::from_mins(5), false),
            (*starts.last().unwrap() + jiff::SignedDuration::from_mins(5), false),
        ] {
            let answer = app.book(&made, &at.to_string(), 5).await;
            assert_eq!(answer.status == 201, bookable, "{zone} {at}: {answer:?}");
        }
    }
}
