//! The members of a patient: names, phones, addresses, contacts and identifiers.

mod fhir;
pub mod generated;
mod refusals;

use serde_json::{Value, json};

use crate::support::TestApp;

/// A patient with every member.
fn whole() -> Value {
    json!({
        "mrn": "A-2035/1",
        "name": { "family": "O'Brien", "given": ["Zoë", "王"], "prefix": "Dr.", "text": "Dr. Zoë 王 O'Brien 😀" },
        "gender": "female",
        "birth_date": "2000-02-29",
        "phones": [
            { "value": "+41795551234", "use": "mobile" },
            { "value": "+41445551234", "extension": "012", "use": "work" },
            { "value": "+41445551235" },
        ],
        "email": "zoe@example.org",
        "address": {
            "lines": ["Seefeldstrasse 1", "c/o Keller"], "city": "Zürich", "district": "Kreis 8",
            "state": "ZH", "postal_code": "8008", "country": "CH",
        },
        "language": "de-CH",
        "contacts": [
            { "relationship": "mother", "name": { "text": "Ada O'Brien" }, "phone": { "value": "+41795551235" } },
            { "name": { "family": "Keller", "given": ["Anna"] } },
        ],
        "identifiers": [
            { "system": "urn:oid:2.16.756.5.32", "value": "7560000000002" },
            { "system": "https://insurance.example.org/card", "value": "80756 0001" },
        ],
        "deceased": "2034-11-13T23:30:00-05:00",
        "notes": "Line one\nLine two\t\"quoted\"",
        "active": true,
    })
}

async fn made(app: &TestApp, patient: &Value) -> String {
    app.post("/v1/patients").json(patient).send().await.expect(201).location()
}

#[tokio::test]
async fn a_patient_comes_back_as_it_was_given() {
    let app = TestApp::spawn().await;
    let mut given = whole();
    let made = app.post("/v1/patients").json(&given).send().await.expect(201);
    let read = app.get(&made.location()).send().await.expect(200);
    assert_eq!(read.json(), made.json());
    given["id"] = read.json()["id"].clone();
    given["created_at"] = json!("2035-01-15T08:00:00Z");
    given["updated_at"] = json!("2035-01-15T08:00:00Z");
    assert_eq!(read.json(), given);
    let export = app.get(&format!("{}/export", made.location())).send().await.expect(200).json();
    assert_eq!(export["patient"], given);
}

#[tokio::test]
async fn what_a_patient_lacks_is_left_out() {
    let app = TestApp::spawn().await;
    let empty = json!({
        "name": { "text": "Ida", "given": null, "family": null }, "mrn": null, "gender": null,
        "birth_date": null, "phones": [], "email": null, "address": null, "language": null,
        "contacts": null, "identifiers": [], "deceased": null, "notes": null,
    });
    let read = app.get(&made(&app, &empty).await).send().await.expect(200).json();
    let members: Vec<_> = read.as_object().unwrap().keys().collect();
    assert_eq!(members, ["active", "created_at", "id", "name", "updated_at"]);
    assert_eq!(read["name"], json!({ "text": "Ida" }));
}

#[tokio::test]
async fn a_name_may_be_a_string_and_outer_white_space_is_removed() {
    let app = TestApp::spawn().await;
    let spelled = json!({
        "name": " Ida Example ", "mrn": " A-1", "email": "ida@example.org ", "notes": "\n two\nlines \t",
        "birth_date": " 1984 ", "deceased": " 2034-12 ", "language": " de ",
        "address": { "lines": [" Seefeldstrasse 1 "], "city": "Zürich\u{a0}" },
        "contacts": [{ "relationship": " son ", "name": " Ben " }],
        "identifiers": [{ "system": " urn:a ", "value": " 1 " }],
        "phones": [{ "value": " +41 (79)/555-12.34 ", "extension": " 12 " }],
    });
    let stored = json!({
        "name": { "text": "Ida Example" }, "mrn": "A-1", "email": "ida@example.org", "notes": "two\nlines",
        "birth_date": "1984", "deceased": "2034-12", "language": "de",
        "address": { "lines": ["Seefeldstrasse 1"], "city": "Zürich" },
        "contacts": [{ "relationship": "son", "name": { "text": "Ben" } }],
        "identifiers": [{ "system": "urn:a", "value": "1" }],
        "phones": [{ "value": "+41795551234", "extension": "12" }],
    });
    let create = async |patient: &Value| {
        app.post("/v1/patients").json(patient).idempotent("one").send().await.expect(201)
    };
    let first = create(&spelled).await;
    for (name, value) in stored.as_object().unwrap() {
        assert_eq!(first.json()[name], *value, "{name}");
    }
    assert_eq!(create(&stored).await.location(), first.location(), "the same command");
    let mut other = stored;
    other["name"]["family"] = json!("Example");
    let other = app.post("/v1/patients").json(&other).idempotent("one").send().await;
    other.problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_patch_changes_members_of_members_and_replaces_lists() {
    let app = TestApp::spawn().await;
    let mut expected = whole();
    let path = made(&app, &expected).await;
    let patch = json!({
        "name": { "prefix": null, "given": ["Zoë"] },
        "address": { "city": "Bern", "district": null, "lines": null },
        "phones": [{ "value": "+41 79 555 12 36" }],
        "contacts": null,
        "identifiers": [],
        "gender": null,
        "deceased": false,
        "birth_date": "2000",
    });
    let patched = app.patch(&path).json(&patch).send().await.expect(200).json();
    expected["name"] =
        json!({ "family": "O'Brien", "given": ["Zoë"], "text": "Dr. Zoë 王 O'Brien 😀" });
    expected["address"] =
        json!({ "city": "Bern", "state": "ZH", "postal_code": "8008", "country": "CH" });
    expected["phones"] = json!([{ "value": "+41795551236" }]);
    (expected["deceased"], expected["birth_date"]) = (json!(false), json!("2000"));
    for name in ["contacts", "identifiers", "gender"] {
        expected.as_object_mut().unwrap().remove(name);
    }
    for name in ["id", "created_at", "updated_at"] {
        expected[name] = patched[name].clone();
    }
    assert_eq!(patched, expected);
    assert_eq!(app.get(&path).send().await.expect(200).json(), expected);
    for (patch, pointer) in [
        (json!({ "name": { "family": null, "text": null } }), "/name/family"),
        (json!({ "name": null }), "/name"),
        (json!({ "name": { "given": ["a", ""] } }), "/name/given/1"),
        (
            json!({ "address": { "city": null, "state": null, "postal_code": null, "country": null } }),
            "/address",
        ),
        (json!({ "phones": [{ "value": "+41795551234", "nope": null }] }), "/phones/0/nope"),
    ] {
        let refused = app.patch(&path).json(&patch).send().await;
        assert_eq!(refused.invalid_fields(), [pointer], "{patch}");
    }
    let named = app.patch(&path).json(&json!({ "name": "Zoë" })).send().await.expect(200).json();
    assert_eq!(named["name"], json!({ "text": "Zoë" }));
}

#[tokio::test]
async fn a_date_of_this_year_or_month_is_not_in_the_future() {
    let app = TestApp::spawn().await;
    for date in ["2035", "2035-01", "2035-01-16", "1850"] {
        made(&app, &json!({ "name": "Ida", "birth_date": date, "deceased": date })).await;
    }
}

#[tokio::test]
async fn a_patient_may_have_died_as_early_as_the_birth_can_have_been() {
    let app = TestApp::spawn().await;
    for (born, died) in [
        ("1984", "1984-03"),
        ("1984-03", "1984"),
        ("1984-03-02", "1984-03"),
        ("1984-03-02", "1984-03-02"),
        // In Kiribati it is the next day already.
        ("1984-03-02", "1984-03-01T10:00:00Z"),
    ] {
        made(&app, &json!({ "name": "Ida", "birth_date": born, "deceased": died })).await;
    }
    let path = made(&app, &json!({ "name": "Ida", "birth_date": "1984" })).await;
    let patch = async |patch: Value| app.patch(&path).json(&patch).send().await;
    assert_eq!(patch(json!({ "deceased": "1983" })).await.invalid_fields(), ["/deceased"]);
    patch(json!({ "deceased": "1985" })).await.expect(200);
    assert_eq!(patch(json!({ "birth_date": "1986" })).await.invalid_fields(), ["/deceased"]);
    patch(json!({ "birth_date": "1986", "deceased": true })).await.expect(200);
}

#[tokio::test]
async fn a_phone_is_kept_in_e164_and_a_national_number_is_refused() {
    let app = TestApp::spawn().await;
    let path = made(&app, &json!({ "name": "Ida" })).await;
    let patch = async |number: &str| {
        app.patch(&path).json(&json!({ "phones": [{ "value": number }] })).send().await
    };
    for number in [
        "+1 (555) 010-0000",
        "001 555 010 0000",
        "tel:+1-555-010-0000",
        "\u{202a}+1\u{a0}555\u{2011}010\u{2013}0000\u{202c}",
    ] {
        let patched = patch(number).await.expect(200).json();
        assert_eq!(patched["phones"][0]["value"], "+15550100000", "{number}");
    }
    for (bad, detail) in [
        ("079 555 12 34", "must begin with + and the country code"),
        ("0011 41 79 555 12 34", "must begin with + and the country code"),
        ("+41 (0)79 555 12 34", "must not contain (0)"),
        ("0041 (0)79 555 12 34", "must not contain (0)"),
        ("+41 79 555 12 34 x5", "7 to 15 digits in total"),
        ("+", "7 to 15 digits in total"),
    ] {
        let problem = patch(bad).await.problem(422, "validation_failed");
        let told = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(told.contains(detail), "{bad}: {told}");
    }
}

#[tokio::test]
async fn an_address_may_have_any_letters_and_needs_a_domain() {
    let app = TestApp::spawn().await;
    for good in ["jürgen@example.de", "ida@münchen.de", "o'neill+x@example.org"] {
        let body = json!({ "name": "Ida", "email": good });
        let made = app.post("/v1/patients").json(&body).send().await.expect(201);
        assert_eq!(made.json()["email"], good);
    }
    for bad in ["a..b@example.com", "a@b", "a@192.0.2.1", "Ida <ida@example.org>", "a@b.ch, c@d.ch"]
    {
        let body = json!({ "name": "Ida", "email": bad });
        let refused = app.post("/v1/patients").json(&body).send().await;
        assert_eq!(refused.invalid_fields(), ["/email"], "{bad}");
    }
}
