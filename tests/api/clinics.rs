//! Clinics, over HTTP.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_clinic_comes_back_as_it_was_given() {
    let app = TestApp::spawn().await;
    let given = json!({
        "name": "Praxis am See, 2. Stock",
        "time_zone": "America/Argentina/Buenos_Aires",
        "address": { "lines": ["Calle 1", "Puerta B"], "city": "Rosario", "postal_code": "S2000", "state": "Santa Fe", "country": "AR" },
        "position": { "latitude": -32.946_818_7, "longitude": -60.639_317_4 },
        "phone": "+543414455667",
        "opening_hours": [
            { "weekday": "monday", "from": "08:00", "to": "12:00" },
            { "weekday": "monday", "from": "13:30", "to": "17:45" },
        ],
    });
    let made = app.post("/v1/clinics").json(&given).send().await.expect(201);
    let read = app.get(&made.location()).send().await.expect(200);
    assert_eq!(read.json(), made.json());
    assert_eq!(read.header("etag"), "\"1\"");
    for (name, value) in given.as_object().unwrap() {
        assert_eq!(&read.json()[name], value, "{name}");
    }
    insta::assert_json_snapshot!(read.json(), { ".id" => "[id]" });
}

#[tokio::test]
async fn what_breaks_a_rule_is_told_by_field_and_changes_nothing() {
    let app = TestApp::spawn().await;
    let bad = json!({
        "name": " ",
        "time_zone": "Europe/Zurich",
        "address": { "country": "Switzerland", "lines": ["a", "b", "c", "d", "e"] },
        "position": { "latitude": 91.0, "longitude": 0.123_456_789 },
        "phone": "044 555 12 34",
        "opening_hours": [{ "weekday": "monday", "from": "12:00", "to": "08:00" }],
    });
    let fields = app.post("/v1/clinics").json(&bad).send().await.invalid_fields();
    let expected = [
        "/address/country",
        "/address/lines",
        "/name",
        "/opening_hours",
        "/phone",
        "/position/latitude",
        "/position/longitude",
    ];
    assert_eq!(fields, expected);
    assert!(app.all_items().await.is_empty());
}

#[tokio::test]
async fn one_field_of_the_wrong_shape_is_told_by_its_pointer() {
    let app = TestApp::spawn().await;
    let cases = [
        (json!({ "time_zone": "UTC" }), "/name"),
        (json!({ "name": 5, "time_zone": "UTC" }), "/name"),
        (json!({ "name": "A", "time_zone": "Mars/Olympus" }), "/time_zone"),
        (json!({ "name": "A", "time_zone": "UTC", "owner": "me" }), "/owner"),
        (
            json!({ "name": "A", "time_zone": "UTC", "address": { "street": "x" } }),
            "/address/street",
        ),
        (
            json!({ "name": "A", "time_zone": "UTC", "opening_hours": [{ "weekday": "monday", "from": "8", "to": "09:00" }] }),
            "/opening_hours/0/from",
        ),
    ];
    for (body, pointer) in cases {
        let fields = app.post("/v1/clinics").json(&body).send().await.invalid_fields();
        assert_eq!(fields, [pointer], "{body}");
    }
}

#[tokio::test]
async fn a_patch_merges_and_null_clears() {
    let app = TestApp::spawn().await;
    let body = json!({ "name": "A", "time_zone": "UTC", "phone": "+41445551234", "address": { "city": "Bern", "country": "CH" } });
    let path = app.post("/v1/clinics").json(&body).send().await.expect(201).location();
    let patch = json!({ "phone": null, "address": { "city": "Basel" } });
    let patched = app
        .patch(&path)
        .bytes("application/merge-patch+json", patch.to_string().as_bytes())
        .send()
        .await
        .expect(200);
    assert_eq!(patched.header("etag"), "\"2\"");
    let clinic = app.get(&path).send().await.json();
    assert_eq!(clinic, patched.json());
    assert_eq!(clinic["name"], "A");
    assert_eq!(clinic.get("phone"), None);
    assert_eq!(clinic["address"], json!({ "lines": [], "city": "Basel", "country": "CH" }));
}

#[tokio::test]
async fn a_patch_that_changes_nothing_keeps_the_revision() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let same = app.patch(&path).json(&json!({ "name": "Seefeld" })).send().await.expect(200);
    assert_eq!(same.header("etag"), "\"1\"");
}

#[tokio::test]
async fn the_time_zone_never_changes() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let fields =
        app.patch(&path).json(&json!({ "time_zone": "UTC" })).send().await.invalid_fields();
    assert_eq!(fields, ["/time_zone"]);
    app.patch(&path).json(&json!({ "time_zone": "Europe/Zurich" })).send().await.expect(200);
}

#[tokio::test]
async fn a_clinic_with_staff_is_not_deleted_and_stays_as_it_was() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let staff = app.staff_member(&path).await;
    let before = app.all_items().await;
    app.delete(&path).send().await.problem(409, "clinic_has_staff");
    assert_eq!(sorted(app.all_items().await), sorted(before), "a refusal changes nothing");
    app.delete(&format!("{path}/staff/{staff}")).send().await.expect(204);
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
    app.delete(&path).send().await.problem(404, "not_found");
    assert!(app.all_items().await.is_empty());
}

fn sorted(items: Vec<clinic_api::store::Item>) -> Vec<String> {
    let text = |item: clinic_api::store::Item| {
        let attributes: std::collections::BTreeMap<_, _> = item.into_iter().collect();
        format!("{attributes:?}")
    };
    let mut items: Vec<_> = items.into_iter().map(text).collect();
    items.sort();
    items
}

#[tokio::test]
async fn nothing_is_made_under_a_deleted_clinic() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    app.delete(&path).send().await.expect(204);
    let staff = json!({ "name": "Dr. Keller", "role": "physician" });
    let refused = app.post(&format!("{path}/staff")).json(&staff).send().await;
    refused.problem(404, "not_found");
    for list in ["staff", "appointments", "overview"] {
        app.get(&format!("{path}/{list}")).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn nothing_is_booked_at_a_deleted_clinic_whose_time_zone_is_remembered() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.delete(&appointment).send().await.expect(204);
    app.delete(&format!("{}/staff/{}", clinic.path, clinic.staff)).send().await.expect(204);
    app.delete(&clinic.path).send().await.expect(204);
    app.book(&clinic, "2035-01-16T09:00:00", 30).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_took_place_stays_to_be_read_when_clinic_and_patient_are_gone() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.clock.advance(jiff::SignedDuration::from_hours(48));
    app.delete(&format!("{}/staff/{}", clinic.path, clinic.staff)).send().await.expect(204);
    app.delete(&clinic.path).send().await.expect(204);
    let patient = format!("/v1/patients/{}", clinic.patient);
    app.delete(&patient).send().await.expect(204);
    let kept = app.get(&appointment).send().await.expect(200).json();
    for list in [format!("{}/appointments", clinic.path), format!("{patient}/appointments")] {
        assert_eq!(app.get(&list).send().await.expect(200).json()["items"], json!([kept]));
    }
    for gone in [clinic.path.clone(), format!("{}/overview", clinic.path), patient] {
        app.get(&gone).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn clinics_are_listed_the_newest_first() {
    let app = TestApp::spawn().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(app.clinic().await);
        app.clock.advance(jiff::SignedDuration::from_millis(1));
    }
    let listed = app.get("/v1/clinics").send().await.expect(200).json();
    let ids = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|clinic| format!("/v1/clinics/{}", clinic["id"].as_str().unwrap()));
    made.reverse();
    assert_eq!(ids.collect::<Vec<_>>(), made);
    assert_eq!(listed["next_cursor"], json!(null));
}

#[tokio::test]
async fn the_overview_has_the_clinic_its_staff_and_its_appointments_the_latest_first() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let first = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let second = app.booked(&clinic, "2035-01-17T09:00:00").await;
    let overview = app.get(&format!("{}/overview", clinic.path)).send().await.expect(200).json();
    assert_eq!(overview["clinic"], app.get(&clinic.path).send().await.json());
    assert_eq!(overview["staff"][0]["id"], clinic.staff.as_str());
    let appointments = overview["appointments"].as_array().unwrap();
    assert_eq!(appointments.len(), 2);
    assert_eq!(appointments[0], app.get(&second).send().await.json());
    assert_eq!(appointments[1], app.get(&first).send().await.json());
    assert_eq!(overview["next_cursor"], json!(null));
}

/// A number goes from JSON to DynamoDB's decimals and back as it was written.
#[tokio::test]
async fn numbers_come_and_go_exactly() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let numbers = [
        ("0.1", "-0.1"),
        ("47.3768866", "8.541694"),
        ("-90", "180"),
        ("0.0000001", "-179.9999999"),
        ("89.9999999", "1e1"),
        ("0.3", "0.30000"),
        ("-0.0", "-0"),
    ];
    for (latitude, longitude) in numbers {
        let body = format!(r#"{{"position":{{"latitude":{latitude},"longitude":{longitude}}}}}"#);
        let patched =
            app.patch(&path).bytes("application/json", body.as_bytes()).send().await.expect(200);
        let read = app.get(&path).send().await;
        assert_eq!(read.body, patched.body);
        let position = &read.json()["position"];
        for (written, name) in [(latitude, "latitude"), (longitude, "longitude")] {
            let got = position[name].as_f64().unwrap();
            assert!(
                (got - written.parse::<f64>().unwrap()).abs() == 0.0,
                "{written} came back as {got}"
            );
        }
    }
    for too_fine in ["0.12345678", "1e-8", "89.99999999"] {
        let body = format!(r#"{{"position":{{"latitude":{too_fine},"longitude":0}}}}"#);
        let refused = app.patch(&path).bytes("application/json", body.as_bytes()).send().await;
        assert_eq!(refused.invalid_fields(), ["/position/latitude"]);
    }
}

#[tokio::test]
async fn another_organisation_sees_none_of_it() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let other = app.in_org("ORG-OTHER");
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let patient = format!("/v1/patients/{}", clinic.patient);
    for path in [&clinic.path, &staff, &patient, &appointment] {
        let unseen = other.get(path).send().await.problem(404, "not_found");
        let missing = other.get(&missing(path)).send().await.problem(404, "not_found");
        assert_eq!(unseen["detail"], missing["detail"], "{path}");
        other.patch(path).json(&json!({})).send().await.problem(404, "not_found");
        other.delete(path).send().await.problem(404, "not_found");
    }
    for list in ["staff", "appointments", "overview"] {
        other.get(&format!("{}/{list}", clinic.path)).send().await.problem(404, "not_found");
    }
    other.get(&format!("{patient}/appointments")).send().await.problem(404, "not_found");
    other.step(&appointment, "confirmed").await.problem(404, "not_found");
    other.post(&format!("{appointment}/cancel")).send().await.problem(404, "not_found");
    other.book(&clinic, "2035-01-18T09:00:00", 30).await.problem(404, "not_found");
    assert_eq!(other.get("/v1/clinics").send().await.json()["items"], json!([]));
    assert_eq!(app.get(&appointment).send().await.json()["status"], "scheduled");
}

/// The path of a record that does not exist: the same with another last character of its id.
fn missing(path: &str) -> String {
    let (rest, last) = path.split_at(path.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[tokio::test]
async fn staff_and_patients_of_another_organisation_can_not_be_booked() {
    let app = TestApp::spawn().await;
    let theirs = app.ready_clinic().await;
    let other = app.in_org("ORG-OTHER");
    let mut mixed = other.ready_clinic().await;
    let (own_staff, own_patient) = (mixed.staff.clone(), mixed.patient.clone());
    mixed.staff.clone_from(&theirs.staff);
    let refused = other.book(&mixed, "2035-01-18T09:00:00", 30).await;
    assert_eq!(refused.problem(422, "unknown_reference")["errors"][0]["pointer"], "/staff_id");
    mixed.staff = own_staff;
    mixed.patient.clone_from(&theirs.patient);
    let refused = other.book(&mixed, "2035-01-18T09:00:00", 30).await;
    assert_eq!(refused.problem(422, "unknown_reference")["errors"][0]["pointer"], "/patient_id");
    mixed.patient = own_patient;
    other.book(&mixed, "2035-01-18T09:00:00", 30).await.expect(201);
}
