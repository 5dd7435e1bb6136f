//! `POST /v1/clinics`.

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
        "/opening_hours/0/to",
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
