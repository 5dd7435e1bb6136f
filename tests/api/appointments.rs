//! Booking, listing, changing and deleting appointments, over HTTP.

use serde_json::json;

use crate::support::{TestApp, booking, write_context};

#[tokio::test]
async fn a_booking_comes_back_with_the_clinics_offset() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let mut body = booking(&clinic.staff, &clinic.patient, "2035-01-16T08:00:00Z", 45);
    body["reason"] = json!("check-up");
    body["notes"] = json!("brings the X-ray\nand a letter");
    let made =
        app.post(&format!("{}/appointments", clinic.path)).json(&body).send().await.expect(201);
    let read = app.get(&made.location()).send().await.expect(200);
    assert_eq!(read.json(), made.json());
    insta::assert_json_snapshot!(read.json(), {
        ".id" => "[id]", ".clinic_id" => "[clinic]", ".staff_id" => "[staff]", ".patient_id" => "[patient]",
    });
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_local_start_and_an_instant_mean_the_same() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let made = app.book(&clinic, "2035-07-16T09:00", 30).await.expect(201).json();
    assert_eq!(made["start"], "2035-07-16T09:00:00+02:00");
    app.book(&clinic, "2035-07-16T03:00:00-04:00", 30).await.problem(409, "staff_busy");
}

#[tokio::test]
async fn a_taken_time_is_refused_with_the_nearest_free_starts() {
    let app = TestApp::spawn().await;
    let mut clinic = app.ready_clinic().await;
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.booked(&clinic, "2035-01-16T10:00:00").await;
    clinic.patient = app.patient().await;
    let busy = app.book(&clinic, "2035-01-16T09:10:00", 30).await.problem(409, "staff_busy");
    let nearest =
        ["2035-01-16T08:30:00+01:00", "2035-01-16T09:30:00+01:00", "2035-01-16T10:30:00+01:00"];
    assert_eq!(busy["nearest_free"], json!(nearest));
    for start in nearest {
        app.book(&clinic, start, 30).await.expect(201);
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_patient_is_at_one_clinic_at_a_time() {
    let app = TestApp::spawn().await;
    let here = app.ready_clinic().await;
    let mut there = app.ready_clinic().await;
    there.patient.clone_from(&here.patient);
    app.booked(&here, "2035-01-16T09:00:00").await;
    let busy = app.book(&there, "2035-01-16T09:29:00", 30).await.problem(409, "patient_busy");
    assert_eq!(
        busy["nearest_free"],
        json!(["2035-01-16T08:30:00+01:00", "2035-01-16T09:30:00+01:00"])
    );
    app.book(&there, "2035-01-16T09:30:00", 30).await.expect(201);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_local_time_that_does_not_exist_or_comes_twice_is_refused() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    // In 2035 the clocks of Zurich go forward on 25 March and back on 28 October.
    let gap = app.book(&clinic, "2035-03-25T02:30:00", 30).await;
    assert_eq!(gap.problem(422, "ambiguous_local_time")["errors"][0]["pointer"], "/start");
    let fold =
        app.book(&clinic, "2035-10-28T02:30:00", 30).await.problem(422, "ambiguous_local_time");
    let detail = fold["detail"].as_str().unwrap();
    for start in ["2035-10-28T02:30:00+02:00", "2035-10-28T02:30:00+01:00"] {
        assert!(detail.contains(start), "{detail}");
        let made = app.book(&clinic, start, 30).await.expect(201).json();
        assert_eq!(made["start"], start, "both hours can be had");
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn an_appointment_over_utc_midnight_stands_in_both_days() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic_in("America/Los_Angeles").await;
    let staff = app.staff_member(&clinic).await;
    let clinic = crate::support::ClinicMade { staff, path: clinic, patient: app.patient().await };
    // 15:45 to 16:15 on the wall is 23:45 to 00:15 UTC.
    app.book(&clinic, "2035-01-16T15:45:00", 30).await.expect(201);
    app.check_day_sheets().await;
    app.book(&clinic, "2035-01-16T16:00:00", 30).await.problem(409, "staff_busy");
    app.book(&clinic, "2035-01-16T15:20:00", 30).await.problem(409, "staff_busy");
    let next = app.book(&clinic, "2035-01-16T16:15:00", 30).await.expect(201);
    app.post(&format!("{}/cancel", next.location())).send().await.expect(200);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn starts_lie_between_now_and_400_days_ahead_to_the_minute() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for bad in [
        "2035-01-15T07:54:00Z",
        "2036-02-19T08:01:00Z",
        "2035-01-16T09:00:30",
        "1970-01-01T00:00:00Z",
    ] {
        let fields = app.book(&clinic, bad, 30).await.invalid_fields();
        assert_eq!(fields, ["/start"], "{bad}");
    }
    app.book(&clinic, "2035-01-15T07:55:00Z", 30).await.expect(201);
    app.book(&clinic, "2036-02-19T08:00:00Z", 30).await.expect(201);
}

#[tokio::test]
async fn lengths_are_5_minutes_to_12_hours() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for bad in [0, 4, 721, 65_535] {
        let fields = app.book(&clinic, "2035-01-16T09:00:00", bad).await.invalid_fields();
        assert_eq!(fields, ["/duration_minutes"], "{bad}");
    }
    let mut body = booking(&clinic.staff, &clinic.patient, "2035-01-16T09:00:00", 30);
    for bad in [json!(30.5), json!(-5), json!("30"), json!(65_536), json!(null)] {
        body["duration_minutes"] = bad;
        let refused = app.post(&format!("{}/appointments", clinic.path)).json(&body).send().await;
        assert_eq!(refused.invalid_fields(), ["/duration_minutes"]);
    }
    app.book(&clinic, "2035-01-16T00:00:00", 720).await.expect(201);
    app.book(&clinic, "2035-01-16T12:00:00", 5).await.expect(201);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_cancelled_appointment_frees_its_time_and_stays_to_be_read() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let why = json!({ "reason": "the patient is ill" });
    let cancelled = app.post(&format!("{path}/cancel")).json(&why).send().await.expect(200);
    assert_eq!(cancelled.json()["status"], "cancelled");
    assert_eq!(cancelled.json()["cancellation_reason"], "the patient is ill");
    assert_eq!(cancelled.header("etag"), "\"2\"");
    app.check_day_sheets().await;
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    let again = app.post(&format!("{path}/cancel")).send().await.problem(409, "invalid_transition");
    assert_eq!(again["current_status"], "cancelled");
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_deleted_appointment_is_gone_and_frees_its_time() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
    app.delete(&path).send().await.problem(404, "not_found");
    let kinds: Vec<_> =
        app.all_items().await.iter().map(|item| item["type"].as_s().unwrap().clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "deleted_appointment").count(), 1);
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.check_day_sheets().await;
}

#[tokio::test]
async fn deleting_a_cancelled_appointment_frees_nobody_elses_time() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.post(&format!("{path}/cancel")).send().await.expect(200);
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.delete(&path).send().await.expect(204);
    app.check_day_sheets().await;
    app.book(&clinic, "2035-01-16T09:00:00", 30).await.problem(409, "staff_busy");
}

#[tokio::test]
async fn reason_and_notes_can_be_patched_and_nothing_else() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let patched = app.patch(&path).json(&json!({ "notes": "fasting" })).send().await.expect(200);
    assert_eq!(patched.json()["notes"], "fasting");
    let patched = app
        .patch(&path)
        .json(&json!({ "notes": null, "reason": "blood" }))
        .send()
        .await
        .expect(200);
    assert_eq!((patched.json().get("notes"), &patched.json()["reason"]), (None, &json!("blood")));
    for fixed in ["start", "status", "staff_id", "id"] {
        let refused = app.patch(&path).json(&json!({ fixed: "x" })).send().await;
        assert_eq!(refused.invalid_fields(), [format!("/{fixed}")]);
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_clinics_appointments_are_listed_by_date_month_range_staff_and_status() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let mut second = clinic.clone();
    second.staff = app.staff_member(&clinic.path).await;
    second.patient = app.patient().await;
    let jan = app.booked(&clinic, "2035-01-31T09:00:00").await;
    let feb = app.booked(&clinic, "2035-02-01T09:00:00").await;
    let mar = app.booked(&second, "2035-03-01T09:00:00").await;
    app.step(&feb, "confirmed").await.expect(200);
    let list = async |query: &str| {
        let page = app
            .get(&format!("{}/appointments?{query}", clinic.path))
            .send()
            .await
            .expect(200)
            .json();
        assert_eq!(page["next_cursor"], json!(null), "{query}");
        let items = page["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| format!("{}/appointments/{}", clinic.path, item["id"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(list("").await, [jan.clone(), feb.clone(), mar.clone()]);
    assert_eq!(list("order=descending").await, [mar.clone(), feb.clone(), jan.clone()]);
    assert_eq!(list("date=2035-02-01").await, std::slice::from_ref(&feb));
    assert_eq!(list("month=2035-01").await, std::slice::from_ref(&jan));
    assert_eq!(list("from=2035-02-01&to=2035-03-01").await, [feb.clone(), mar.clone()]);
    assert_eq!(list("from=2035-02-02").await, std::slice::from_ref(&mar));
    assert_eq!(list("to=2035-01-31&consistent=true").await, std::slice::from_ref(&jan));
    assert_eq!(list("status=confirmed").await, std::slice::from_ref(&feb));
    let of_second = format!("staff_id={}&from=2035-02-15&to=2035-03-17", second.staff);
    assert_eq!(list(&of_second).await, std::slice::from_ref(&mar));
    assert_eq!(list(&format!("staff_id={}&month=2035-03", clinic.staff)).await, [] as [String; 0]);
}

#[tokio::test]
async fn parameters_of_lists_that_make_no_sense_are_refused() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let of_staff = format!("staff_id={}", clinic.staff);
    let cases = [
        ("date=2035-02-30", "date"),
        ("date=20350201", "date"),
        ("month=2035-13", "month"),
        ("month=2035-1", "month"),
        ("date=2035-02-01&month=2035-02", "month"),
        ("date=2035-02-01&from=2035-02-01", "date"),
        ("month=2035-02&to=2035-02-01", "month"),
        ("from=2035-02-02&to=2035-02-01", "to"),
        ("status=done", "status"),
        ("order=random", "order"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("consistent=maybe", "consistent"),
        ("staff_id=me", "staff_id"),
        (&of_staff, "staff_id"),
        (&format!("{of_staff}&from=2035-01-01&to=2035-02-01"), "staff_id"),
        ("page=2", "page"),
    ];
    for (query, parameter) in cases {
        let refused = app.get(&format!("{}/appointments?{query}", clinic.path)).send().await;
        let problem = refused.problem(400, "invalid_parameter");
        assert_eq!(problem["errors"][0]["pointer"], parameter, "{query}: {problem}");
    }
}

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
