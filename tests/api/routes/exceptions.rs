//! `/v1/clinics/{clinic_id}/exceptions`.

use clinic_api::records::exceptions::model::MAX_PER_OWNER;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{TestApp, booking, id};

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

fn closed_on(date: &str, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no members: {more}") };
    let mut body = json!({ "first_date": date, "last_date": date, "effect": "closed" });
    body.as_object_mut().unwrap().extend(more);
    body
}

#[tokio::test]
async fn exceptions_of_all_owners_are_listed_by_their_last_date() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let (staff, room) = (clinic.staff.clone(), app.resource(&clinic.path).await);
    let path = format!("{}/exceptions", clinic.path);
    let mut made = Vec::new();
    for (date, of) in [
        ("2035-02-04", json!({})),
        ("2035-02-01", json!({ "resource_id": room })),
        ("2035-02-03", json!({ "staff_id": staff })),
        ("2035-02-02", json!({})),
        ("2035-02-05", json!({ "staff_id": staff })),
    ] {
        made.push(id(&app.post(&path).json(&closed_on(date, of)).send().await.expect(201)));
    }
    let listed = async |query: &str| {
        let list = app.get(&format!("{path}{query}")).send().await.expect(200).json();
        let ids = list["items"].as_array().unwrap().iter();
        ids.map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = |which: &[usize]| which.iter().map(|n| made[*n].clone()).collect::<Vec<_>>();
    assert_eq!(listed("").await, expected(&[1, 3, 2, 0, 4]));
    assert_eq!(listed("?from=2035-02-03").await, expected(&[2, 0, 4]));
    assert_eq!(listed(&format!("?staff_id={staff}")).await, expected(&[2, 4]));
    assert_eq!(listed(&format!("?staff_id={staff}&to=2035-02-03")).await, expected(&[2]));
    assert_eq!(listed(&format!("?resource_id={room}")).await, expected(&[1]));
    let both = app.get(&format!("{path}?staff_id={staff}&resource_id={room}"));
    both.send().await.problem(400, "invalid_parameter");
    let other = app.in_org("ORG-OTHER");
    for query in [String::new(), format!("?staff_id={staff}")] {
        other.get(&format!("{path}{query}")).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn an_owner_has_a_bounded_number_of_exceptions_that_are_not_over() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = json!({ "staff_id": clinic.staff });
    let path = format!("{}/exceptions", clinic.path);
    app.closed_days_of(&clinic.path, &clinic.staff, MAX_PER_OWNER - 1).await;
    let last = app.post(&path).json(&closed_on("2035-02-01", staff.clone())).idempotent("last");
    let made = id(&last.clone().send().await.expect(201));
    let one_more = app.post(&path).json(&closed_on("2035-02-01", staff));
    one_more.clone().send().await.problem(409, "too_many_exceptions");
    // A replay returns the same response. Other owners have separate limits.
    assert_eq!(id(&last.send().await.expect(201)), made);
    app.post(&path).json(&closed_on("2035-02-01", json!({}))).send().await.expect(201);
    let other = json!({ "staff_id": app.twin_of(&clinic.staff).await });
    app.post(&path).json(&closed_on("2035-02-01", other)).send().await.expect(201);
    app.delete(&format!("{path}/{made}")).send().await.expect(204);
    one_more.clone().send().await.expect(201);
    one_more.clone().send().await.problem(409, "too_many_exceptions");
    // Past exceptions do not count.
    app.clock.advance(SignedDuration::from_hours(24 * 18));
    one_more.send().await.problem(422, "validation_failed");
    let later = json!({ "staff_id": clinic.staff });
    app.post(&path).json(&closed_on("2035-06-01", later)).send().await.expect(201);
}

/// Two owners with the same key prefix share a range of keys, and do not affect each other.
#[tokio::test]
async fn exceptions_of_owners_with_the_same_tag_are_told_apart() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let twin = app.twin_of(&clinic.staff).await;
    let path = format!("{}/exceptions", clinic.path);
    let of = |staff: &str| closed_on("2035-01-16", json!({ "staff_id": staff }));
    let made = app.post(&path).json(&of(&clinic.staff)).send().await.expect(201);
    for (staff, status) in [(&clinic.staff, 409), (&twin, 201)] {
        let body = booking(staff, &clinic.patient, "2035-01-16T09:00:00", 30);
        app.post(&format!("{}/appointments", clinic.path)).json(&body).send().await.expect(status);
        let list = app.get(&format!("{path}?staff_id={staff}")).send().await.expect(200).json();
        assert_eq!(list["items"].as_array().unwrap().is_empty(), status == 201);
        let free = format!("from=2035-01-16&to=2035-01-16&duration_minutes=30&staff_id={staff}");
        let free = app.get(&format!("{}/availability?{free}", clinic.path)).send().await;
        assert_eq!(free.json()["slots"].as_array().unwrap().is_empty(), status == 409);
    }
    let path = format!("{path}/{}", id(&made));
    assert_eq!(app.get(&path).send().await.expect(200).json()["staff_id"], clinic.staff);
    app.delete(&path).send().await.expect(204);
    app.book(&clinic, "2035-01-16T10:00:00", 30).await.expect(201);
}
