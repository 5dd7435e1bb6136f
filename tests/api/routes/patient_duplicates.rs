//! Patients that may be the same person, as the answer to a creation lists them.

use serde_json::{Value, json};

use crate::support::{TestApp, records::id};

async fn create(app: &TestApp, patient: &Value) -> Value {
    app.post("/v1/patients").json(patient).send().await.expect(201).json()
}

fn duplicates(created: &Value) -> Vec<&str> {
    let listed = created["possible_duplicates"].as_array().map(Vec::as_slice).unwrap_or_default();
    listed.iter().map(|id| id.as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_answer_lists_patients_with_the_same_name_and_birth_or_phone() {
    let app = TestApp::spawn().await;
    let ida = json!({
        "name": { "family": "Müller", "given": ["Ida"] }, "birth_date": "1984-02-29",
        "phones": [{ "value": "+41445550000" }, { "value": "+41795551234" }],
    });
    let first = create(&app, &ida).await;
    assert_eq!(first.get("possible_duplicates"), None);
    let first = first["id"].as_str().unwrap();
    for (patient, expected) in [
        (json!({ "name": "Ida MUELLER", "birth_date": "1984-02-29" }), true),
        (json!({ "name": "Ida Muller", "phones": [{ "value": "+41795551234" }] }), true),
        (json!({ "name": "Ida Muller" }), false),
        (json!({ "name": "Ida Muller", "birth_date": "1984-02" }), false),
        (json!({ "name": "Ida B Muller", "birth_date": "1984-02-29" }), false),
        (json!({ "name": "Muller", "phones": [{ "value": "+41795551234" }] }), false),
    ] {
        let elsewhere = app.in_org("ORG-ELSEWHERE");
        assert_eq!(duplicates(&create(&elsewhere, &patient).await), [""; 0], "{patient}");
        let created = create(&app, &patient).await;
        let expected: &[&str] = if expected { &[first] } else { &[] };
        assert_eq!(duplicates(&created), expected, "{patient}");
        // Only the answer to the creation has the list.
        let path = format!("/v1/patients/{}", created["id"].as_str().unwrap());
        assert_eq!(app.get(&path).send().await.expect(200).json().get("possible_duplicates"), None);
        app.delete(&path).send().await.expect(204);
    }
    app.check_search().await;
}

#[tokio::test]
async fn at_most_five_are_listed_and_a_replay_lists_the_same() {
    let app = TestApp::spawn().await;
    let ida = json!({ "name": "Ida Example", "birth_date": "1984-02-29" });
    let post = || app.post("/v1/patients").json(&ida).idempotent("k");
    create(&app, &ida).await;
    let first = post().send().await.expect(201);
    assert_eq!(duplicates(&first.json()).len(), 1);
    for _ in 0..5 {
        create(&app, &ida).await;
    }
    assert_eq!(post().send().await.replayed(), first.replayed());
    assert_eq!(duplicates(&create(&app, &ida).await).len(), 5);
    // The list stays when the patient changes.
    let path = format!("/v1/patients/{}", id(&first));
    app.patch(&path).json(&json!({ "name": "Other" })).send().await.expect(200);
    assert_eq!(post().send().await.replayed(), first.replayed());
    app.check_search().await;
}

#[tokio::test]
async fn the_access_log_has_the_listed_patients() {
    let app = TestApp::spawn().await;
    let ida = json!({ "name": "Ida Example", "birth_date": "1984-02-29" });
    let first = create(&app, &ida).await;
    create(&app, &ida).await;
    app.settle().await;
    let items = app.all_items_and_accesses().await;
    let requests = items.iter().filter(|item| item["type"].as_s().unwrap() == "access_request");
    let requests: Vec<_> = requests.collect();
    assert_eq!(requests.len(), 1);
    let shown = requests[0]["patient_ids"].as_l().unwrap();
    assert_eq!(shown[0].as_s().unwrap(), first["id"].as_str().unwrap());
    let searched = requests[0]["searched"].as_l().unwrap();
    let searched: Vec<_> = searched.iter().map(|field| field.as_s().unwrap().as_str()).collect();
    assert_eq!(searched, ["name", "birth_date"]);
}
