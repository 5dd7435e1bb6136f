//! `PATCH /v1/clinics/{clinic_id}`.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_patch_merges_and_null_clears() {
    let app = TestApp::spawn().await;
    let body = json!({ "name": "A", "time_zone": "UTC", "phone": "+41 44 555 12 34", "address": { "city": "Bern", "country": "CH" } });
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

/// Numbers are converted between JSON and DynamoDB's decimals without loss.
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
