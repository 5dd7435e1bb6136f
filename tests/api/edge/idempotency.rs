//! `Idempotency-Key`: one effect and one response.

use clinic_api::keyring::Keyring;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{Answer, Call, Held, TestApp, booking, builder::LOCAL_TARGETS};

#[track_caller]
fn assert_same(first: &Answer, second: &Answer) {
    assert_eq!(first.replayed(), second.replayed());
}

/// Sends a request twice with one key, and asserts one effect.
async fn twice(app: &TestApp, call: Call) -> Answer {
    let first = call.clone().idempotent("key-1").send().await;
    assert!(first.status.is_success(), "{first:?}");
    let items = app.all_items().await.len();
    let second = call.idempotent("key-1").send().await;
    assert_same(&first, &second);
    assert_eq!(app.all_items().await.len(), items, "the second changed nothing");
    first
}

#[tokio::test]
async fn every_post_has_one_effect_and_the_same_answer_under_one_key() {
    let app = TestApp::spawn().await;
    let clinic = json!({ "name": "Seefeld", "time_zone": "Europe/Zurich" });
    let path = twice(&app, app.post("/v1/clinics").json(&clinic)).await.location();
    let staff = json!({ "name": "Dr. Keller", "role": "physician" });
    let staff = twice(&app, app.post(&format!("{path}/staff")).json(&staff)).await;
    let patient = json!({ "name": "Ida", "mrn": "A-1" });
    let patient = twice(&app, app.post("/v1/patients").json(&patient)).await;
    let id = |answer: &Answer| answer.json()["id"].as_str().unwrap().to_owned();
    let body = booking(&id(&staff), &id(&patient), "2035-01-15T16:00:00", 30);
    let booked = twice(&app, app.post(&format!("{path}/appointments")).json(&body)).await;
    let appointment = booked.location();
    for status in ["confirmed", "checked_in", "scheduled"] {
        let step = app.post(&format!("{appointment}/status")).json(&json!({ "status": status }));
        let first = step.clone().idempotent(status).send().await.expect(200);
        assert_same(&first, &step.idempotent(status).send().await);
    }
    twice(&app, app.post(&format!("{appointment}/cancel"))).await;
    app.check_day_sheets().await;
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused() {
    let app = TestApp::spawn().await;
    let post = async |name: &str| {
        let clinic = json!({ "name": name, "time_zone": "UTC" });
        app.post("/v1/clinics").json(&clinic).idempotent("k").send().await
    };
    post("A").await.expect(201);
    post("B").await.problem(422, "idempotency_key_reused");
    assert_eq!(app.get("/v1/clinics").send().await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn white_space_and_the_order_of_members_do_not_make_another_body() {
    let app = TestApp::spawn().await;
    let post = async |body: &str| {
        let call = app.post("/v1/clinics").bytes("application/json", body.as_bytes());
        call.idempotent("k").send().await.expect(201)
    };
    let first = post(r#"{"name":"A","time_zone":"UTC"}"#).await;
    assert_same(&first, &post("{ \"time_zone\": \"UTC\",\n \"name\": \"A\" }").await);
}

#[tokio::test]
async fn the_same_key_elsewhere_or_of_another_organisation_is_another_key() {
    let app = TestApp::spawn().await;
    let clinic = json!({ "name": "A", "time_zone": "UTC" });
    let patient = json!({ "name": "A" });
    app.post("/v1/clinics").json(&clinic).idempotent("k").send().await.expect(201);
    app.post("/v1/patients").json(&patient).idempotent("k").send().await.expect(201);
    let other = app.in_org("ORG-OTHER");
    other.post("/v1/clinics").json(&clinic).idempotent("k").send().await.expect(201);
    assert_eq!(other.get("/v1/clinics").send().await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_replay_outranks_every_refusal() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let body = booking(&clinic.staff, &clinic.patient, "2035-01-15T09:00:00Z", 30);
    let book = || app.post(&format!("{}/appointments", clinic.path)).json(&body).idempotent("k");
    let first = book().send().await.expect(201);
    // By now its start is past, its staff member is inactive, and it was confirmed and deleted.
    app.clock.advance(SignedDuration::from_hours(3));
    assert_same(&first, &book().send().await);
    app.patch(&staff).json(&json!({ "active": false })).send().await.expect(200);
    assert_same(&first, &book().send().await);
    app.delete(&first.location()).send().await.expect(204);
    app.delete(&staff).send().await.expect(204);
    app.delete(&clinic.path).send().await.expect(204);
    assert_same(&first, &book().send().await);
    let other = booking(&clinic.staff, &clinic.patient, "2035-01-15T09:00:00Z", 45);
    let reused = app.post(&format!("{}/appointments", clinic.path)).json(&other).idempotent("k");
    reused.send().await.problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_replay_outranks_refusals_that_come_before_any_write() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    // An exception that ends today and is past at the repeat, and a clinic that is deleted by then.
    let elsewhere = app.clinic().await;
    let today =
        json!({ "first_date": "2035-01-15", "last_date": "2035-01-15", "effect": "closed" });
    let close =
        |app: &TestApp| app.post(&format!("{elsewhere}/exceptions")).json(&today).idempotent("k");
    // A webhook's host that is no longer allowed, and holds whose secrets another process cannot derive.
    let url = json!({ "url": format!("http://{LOCAL_TARGETS}/") });
    let hook = |app: &TestApp| app.post("/v1/webhooks").json(&url);
    let end = |held: &Held, what: &str, app: &TestApp| {
        let mut body = json!({ "hold_secret": held.secret });
        if what == "confirm" {
            body["patient_id"] = json!(clinic.patient);
        }
        app.post(&format!("{}/{what}", held.path)).json(&body)
    };
    let confirmed = app.held(&clinic, "2035-01-16T09:00:00", 5).await;
    let released = app.held(&clinic, "2035-01-16T10:00:00", 5).await;
    let closed = close(&app).send().await.expect(201);
    let hooked = hook(&app).idempotent("k").send().await.expect(201);
    let ends = [(&confirmed, "confirm"), (&released, "release")];
    let mut ended = Vec::new();
    for (held, what) in ends {
        ended.push(end(held, what, &app).idempotent("k").send().await.expect(200));
    }
    app.clock.advance(SignedDuration::from_hours(20));
    assert_same(&closed, &close(&app).send().await);
    let other = TestApp::builder().webhook_targets("other.test:9").replica_of(&app);
    assert_eq!(hook(&other).send().await.invalid_fields(), ["/url"]);
    assert_same(&hooked, &hook(&other).idempotent("k").send().await);
    app.delete(&elsewhere).send().await.expect(204);
    // With other secret keys, it derives other hold secrets.
    let other = TestApp::builder().keyring(Keyring::random()).replica_of(&app);
    assert_same(&closed, &close(&other).send().await);
    for ((held, what), first) in ends.into_iter().zip(&ended) {
        end(held, what, &other).send().await.problem(403, "forbidden");
        assert_same(first, &end(held, what, &other).idempotent("k").send().await);
    }
}

#[tokio::test]
async fn a_replay_of_a_step_outranks_its_stale_precondition() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let confirm = || {
        let call = app.post(&format!("{path}/status")).json(&json!({ "status": "confirmed" }));
        call.header("if-match", "\"1\"").idempotent("k")
    };
    let first = confirm().send().await.expect(200);
    assert_same(&first, &confirm().send().await);
}

#[tokio::test]
async fn refusals_are_not_remembered() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let taken = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let body = booking(&clinic.staff, &clinic.patient, "2035-01-16T09:00:00", 30);
    let book = || app.post(&format!("{}/appointments", clinic.path)).json(&body).idempotent("k");
    book().send().await.problem(409, "staff_busy");
    app.post(&format!("{taken}/cancel")).send().await.expect(200);
    book().send().await.expect(201);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_key_is_forgotten_after_24_hours_whatever_ttl_has_done() {
    let app = TestApp::spawn().await;
    let clinic = json!({ "name": "A", "time_zone": "UTC" });
    let post = || app.post("/v1/clinics").json(&clinic).idempotent("k");
    let first = post().send().await.expect(201);
    app.clock.advance(SignedDuration::from_hours(24));
    assert_same(&first, &post().send().await);
    app.clock.advance(SignedDuration::from_secs(1));
    let second = post().send().await.expect(201);
    assert_ne!(first.location(), second.location());
    assert_same(&second, &post().send().await);
}

#[tokio::test]
async fn malformed_keys_are_refused_and_other_methods_take_none() {
    let app = TestApp::spawn().await;
    let clinic = json!({ "name": "A", "time_zone": "UTC" });
    for bad in ["", "a b", "a\tb", "ü", &"k".repeat(256)] {
        let refused = app.post("/v1/clinics").json(&clinic).idempotent(bad).send().await;
        refused.problem(400, "invalid_idempotency_key");
    }
    let two = app.post("/v1/clinics").json(&clinic).idempotent("a").idempotent("b");
    two.send().await.problem(400, "invalid_idempotency_key");
    assert!(app.all_items().await.is_empty());
    let path = app.clinic().await;
    let patch = async |name: &str| {
        let patched = app.patch(&path).json(&json!({ "name": name })).idempotent("k").send().await;
        patched.expect(200).json()["name"].clone()
    };
    assert_eq!(patch("B").await, "B");
    assert_eq!(patch("C").await, Value::from("C"));
}
