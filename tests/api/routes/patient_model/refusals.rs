//! What a patient is refused for.

use serde_json::{Value, json};

use crate::support::TestApp;

async fn refused_fields(app: &TestApp, patient: &Value) -> Vec<String> {
    app.post("/v1/patients").json(patient).send().await.invalid_fields()
}

#[tokio::test]
async fn all_violated_rules_are_reported_by_field() {
    let app = TestApp::spawn().await;
    let bad = json!({
        "name": { "family": "", "given": ["Ida", " "], "prefix": "p".repeat(101), "text": "a\u{0}" },
        "mrn": "A#1", "email": "x", "notes": "n".repeat(4001), "language": "german",
        "phones": [{ "value": "+41795551234" }, { "value": "1", "extension": "12a" }],
        "address": { "lines": ["a", "b\nc"], "city": " ", "country": "ch" },
        "contacts": [{ "relationship": "r".repeat(61), "name": {}, "phone": { "value": "+1" } }],
        "identifiers": [{ "system": "insurance", "value": "" }],
    });
    let expected = [
        "/address/city",
        "/address/country",
        "/address/lines/1",
        "/contacts/0/phone/value",
        "/contacts/0/relationship",
        "/email",
        "/identifiers/0/system",
        "/identifiers/0/value",
        "/language",
        "/mrn",
        "/name/family",
        "/name/given/1",
        "/name/prefix",
        "/name/text",
        "/notes",
        "/phones/1/extension",
        "/phones/1/value",
    ];
    let found = refused_fields(&app, &bad).await;
    let missing_name = "/contacts/0/name/family";
    let mut expected: Vec<_> = expected.into_iter().chain([missing_name]).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(app.all_items().await.is_empty());
}

#[tokio::test]
async fn each_wrong_member_is_named() {
    let app = TestApp::spawn().await;
    let phone = |number: u64| json!({ "value": format!("+4179555{number:04}") });
    let identifier = json!({ "system": "urn:a", "value": "1" });
    let contact = json!({ "name": "Ada" });
    let cases = [
        (json!({}), "/name"),
        (json!({ "name": null }), "/name"),
        (json!({ "name": " \u{3000}" }), "/name"),
        (json!({ "name": ["Ida"] }), "/name"),
        (json!({ "name": "I".repeat(201) }), "/name"),
        (json!({ "name": {} }), "/name/family"),
        (json!({ "name": { "given": ["Ida"] } }), "/name/family"),
        (json!({ "name": { "text": 1 } }), "/name/text"),
        (json!({ "name": { "text": "Ida", "suffix": "II" } }), "/name/suffix"),
        (json!({ "name": { "text": "Ida", "given": ["a", 1] } }), "/name/given/1"),
        (
            json!({ "name": { "text": "Ida", "given": ["a", "b", "c", "d", "e", "f", "g"] } }),
            "/name/given",
        ),
        (json!({ "name": "Ida", "gender": "f" }), "/gender"),
        (json!({ "name": "Ida", "birth_date": "0000" }), "/birth_date"),
        (json!({ "name": "Ida", "birth_date": "1849-12-31" }), "/birth_date"),
        (json!({ "name": "Ida", "birth_date": "1984-2-9" }), "/birth_date"),
        (json!({ "name": "Ida", "birth_date": "1984-13" }), "/birth_date"),
        (json!({ "name": "Ida", "birth_date": "2035-01-17" }), "/birth_date"),
        (json!({ "name": "Ida", "birth_date": "2035-02" }), "/birth_date"),
        (json!({ "name": "Ida", "birth_date": "2036" }), "/birth_date"),
        (json!({ "name": "Ida", "birth_date": 1984 }), "/birth_date"),
        (json!({ "name": "Ida", "phone": "+41795551234" }), "/phone"),
        (json!({ "name": "Ida", "phones": "+41795551234" }), "/phones"),
        (json!({ "name": "Ida", "phones": ["+41795551234"] }), "/phones/0"),
        (json!({ "name": "Ida", "phones": [{ "use": "home" }] }), "/phones/0/value"),
        (
            json!({ "name": "Ida", "phones": [phone(1), { "value": "+41795551234", "use": "fax" }] }),
            "/phones/1/use",
        ),
        (
            json!({ "name": "Ida", "phones": [phone(1), phone(2), phone(3), phone(4), phone(5)] }),
            "/phones",
        ),
        (json!({ "name": "Ida", "address": {} }), "/address"),
        (json!({ "name": "Ida", "address": { "lines": [] } }), "/address"),
        (
            json!({ "name": "Ida", "address": { "lines": ["a", "b", "c", "d", "e"] } }),
            "/address/lines",
        ),
        (json!({ "name": "Ida", "address": { "street": "a" } }), "/address/street"),
        (json!({ "name": "Ida", "language": "de_CH" }), "/language"),
        (json!({ "name": "Ida", "contacts": [{ "relationship": "mother" }] }), "/contacts/0/name"),
        (json!({ "name": "Ida", "contacts": vec![contact; 6] }), "/contacts"),
        (json!({ "name": "Ida", "identifiers": [{ "value": "1" }] }), "/identifiers/0/system"),
        (json!({ "name": "Ida", "identifiers": [{ "system": "urn:a" }] }), "/identifiers/0/value"),
        (json!({ "name": "Ida", "identifiers": [identifier, identifier] }), "/identifiers/1"),
        (json!({ "name": "Ida", "deceased": "yes" }), "/deceased"),
        (json!({ "name": "Ida", "deceased": 2034 }), "/deceased"),
        (json!({ "name": "Ida", "deceased": "2035-02" }), "/deceased"),
        (json!({ "name": "Ida", "deceased": "2035-01-17T00:00:00Z" }), "/deceased"),
        (json!({ "name": "Ida", "birth_date": "1984", "deceased": "1983" }), "/deceased"),
        (json!({ "name": "Ida", "birth_date": "1984-03", "deceased": "1984-02-29" }), "/deceased"),
        (
            json!({ "name": "Ida", "birth_date": "1984-03-02", "deceased": "1984-03-01" }),
            "/deceased",
        ),
        (
            json!({ "name": "Ida", "birth_date": "1984-03-02", "deceased": "1984-03-01T09:59:59Z" }),
            "/deceased",
        ),
    ];
    for (patient, pointer) in cases {
        assert_eq!(refused_fields(&app, &patient).await, [pointer], "{patient}");
    }
    assert!(app.all_items().await.is_empty());
}
