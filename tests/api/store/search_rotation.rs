//! The rotation of search keys while the service runs: no search misses a patient at any moment.

use std::sync::atomic::{AtomicBool, Ordering};

use clinic_api::{
    keyring::new_key,
    records::patients::{
        model::search::{PatientSearch, Phonetics},
        repo::Reindex,
    },
};
use clinic_api::{store::errors::chain, time::Clock as _};
use serde_json::{Value, json};

use crate::support::{TestApp, builder::search_of_tests};

fn search_with(keys: &[&str]) -> PatientSearch {
    PatientSearch { keys: keys.join(",").parse().unwrap(), phonetics: Phonetics::default() }
}

async fn patient(app: &TestApp, number: usize) -> String {
    let body = json!({ "name": { "family": "Example", "given": ["Ida"] }, "mrn": format!("A-{number}"), "birth_date": "1984-02-29" });
    app.post("/v1/patients").json(&body).send().await.expect(201).location()
}

fn reindex(app: &TestApp, search: &PatientSearch) -> Reindex {
    let (search, now) = (search.clone(), app.clock.now());
    Reindex { search, now, lost_keys: false, dry_run: false }
}

/// Moves all patients to the first key. Returns how many were moved.
async fn backfill(app: &TestApp, search: &PatientSearch) -> usize {
    let mut moved = 0;
    for item in app.all_items().await {
        if item["type"].as_s().unwrap() == "patient" {
            moved += usize::from(reindex(app, search).run(&app.store, &item).await.unwrap());
        }
    }
    moved
}

async fn number_found(app: &TestApp, query: &str) -> usize {
    let page = app.get(&format!("/v1/patients?{query}&limit=100")).send().await.expect(200).json();
    page["items"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_search_misses_a_patient_while_keys_are_rotated() {
    const PATIENTS: usize = 30;
    let (old, new) = ("A".repeat(43), new_key());
    let app = TestApp::builder().without_rates().spawn().await;
    for number in 0..PATIENTS {
        patient(&app, number).await;
    }
    let appended = search_with(&[&old, &new]);
    let rotated = search_with(&[&new, &old]);
    let replica = |search: &PatientSearch| {
        TestApp::builder().without_rates().search(search.clone()).replica_of(&app)
    };
    // All replicas read both keys. While the new one becomes the first, each finds what the other writes.
    for (one, other) in [(&appended, &rotated), (&rotated, &appended)] {
        let (one, other) = (replica(one), replica(other));
        let path = patient(&one, 100).await;
        assert_eq!(number_found(&other, "mrn=A-100").await, 1);
        other.patch(&path).json(&json!({ "mrn": "A-101" })).send().await.expect(200);
        assert_eq!(number_found(&one, "mrn=A-101").await, 1);
        one.delete(&path).send().await.expect(204);
        assert_eq!(number_found(&other, "name=exam").await, PATIENTS);
    }
    // Then the backfill runs.
    let (one, two) = (replica(&rotated), replica(&rotated));
    let done = AtomicBool::new(false);
    let searching = async |app: &TestApp| {
        let mut searches = 0;
        while !done.load(Ordering::SeqCst) || searches < 5 {
            for query in ["name=exam", "birth_date=1984-02-29", "name=ida&birth_date=1984"] {
                assert_eq!(number_found(app, query).await, PATIENTS, "{query}");
            }
            assert_eq!(number_found(app, &format!("mrn=A-{}", searches % PATIENTS)).await, 1);
            searches += 1;
        }
    };
    let changing = async {
        let path = format!("/v1/patients?mrn=A-{}", 7);
        let found = two.get(&path).send().await.expect(200).json();
        let path = format!("/v1/patients/{}", found["items"][0]["id"].as_str().unwrap());
        for phone in 0..20 {
            let patch = json!({ "phones": [{ "value": format!("+417955500{phone:02}") }] });
            let app = if phone % 2 == 0 { &one } else { &two };
            app.patch(&path).json(&patch).send().await.expect(200);
        }
    };
    let rotating = async {
        let moved = backfill(&app, &rotated).await;
        assert_eq!(moved, PATIENTS);
        done.store(true, Ordering::SeqCst);
    };
    tokio::join!(searching(&one), searching(&two), changing, rotating);
    assert_eq!(backfill(&app, &rotated).await, 0, "all have the new key");
    let after = replica(&search_with(&[&new]));
    assert_eq!(number_found(&after, "name=example").await, PATIENTS, "the old key is not needed");
    let before = replica(&search_of_tests());
    assert_eq!(number_found(&before, "name=example").await, 0, "nothing is left under it");
    assert_eq!(number_found(&before, "mrn=A-3").await, 0, "nor under the markers");
    for item in app.all_items().await {
        if item["type"].as_s().unwrap() == "patient" {
            let path = format!("/v1/patients/{}", item["id"].as_s().unwrap());
            after.delete(&path).send().await.expect(204);
        }
    }
    assert!(app.all_items().await.is_empty(), "no search item and no marker is left");
}

#[tokio::test]
async fn an_identifier_stays_unique_while_keys_are_rotated() {
    let (old, new) = ("A".repeat(43), new_key());
    let app = TestApp::spawn().await;
    patient(&app, 1).await;
    let two = TestApp::builder().search(search_with(&[&new, &old])).replica_of(&app);
    let body = json!({ "name": "Max Example", "mrn": "A-1" });
    let taken = two.post("/v1/patients").json(&body).send().await.problem(409, "mrn_taken");
    assert_eq!(taken["errors"][0]["pointer"], "/mrn");
    // A patient under the new key is protected against a replica that still prefers the old one.
    let body = json!({ "name": "Max Example", "mrn": "A-2" });
    two.post("/v1/patients").json(&body).send().await.expect(201);
    let one = TestApp::builder().search(search_with(&[&old, &new])).replica_of(&app);
    one.post("/v1/patients").json(&body).send().await.problem(409, "mrn_taken");
}

#[tokio::test]
async fn a_changed_phonetic_algorithm_takes_effect_with_the_backfill() {
    let app = TestApp::spawn().await;
    let body = json!({ "name": { "family": "Meier" } });
    app.post("/v1/patients").json(&body).send().await.expect(201);
    let keys = search_of_tests().keys;
    let cologne = PatientSearch { keys, phonetics: "cologne".parse().unwrap() };
    let replica = TestApp::builder().search(cologne.clone()).replica_of(&app);
    let found = async |name: &str| -> Value {
        replica.get(&format!("/v1/patients?name={name}")).send().await.expect(200).json()["items"]
            .clone()
    };
    assert_eq!(backfill(&app, &cologne).await, 1);
    assert_eq!(found("mayr").await[0]["match"], "phonetic");
    assert_eq!(backfill(&app, &cologne).await, 0);
}

/// With wrong keys, a backfill must not hide patients.
#[tokio::test]
async fn a_backfill_without_the_key_of_a_patient_leaves_it_alone() {
    let app = TestApp::spawn().await;
    patient(&app, 1).await;
    let new = search_with(&[&new_key()]);
    let items = app.all_items().await;
    let item = items.iter().find(|item| item["type"].as_s().unwrap() == "patient").unwrap();
    let refused = reindex(&app, &new).run(&app.store, item).await.unwrap_err();
    assert!(chain(&refused).contains("--lost-search-keys"), "{}", chain(&refused));
    app.check_search().await;
    let lost = Reindex { lost_keys: true, ..reindex(&app, &new) };
    assert!(lost.run(&app.store, item).await.unwrap());
    let replica = TestApp::builder().search(new).replica_of(&app);
    assert_eq!(number_found(&replica, "name=ida").await, 1);
    assert_eq!(app.all_items().await.len(), items.len(), "nothing is left under the lost key");
}

/// A deletion that has read the search items under the old key starts again.
#[tokio::test]
async fn a_deletion_during_a_rotation_leaves_nothing_behind() {
    let app = TestApp::spawn().await;
    let path = patient(&app, 1).await;
    let rotated = search_with(&[&new_key(), &"A".repeat(43)]);
    let (has_marked, go_on) = app.wire.pause_before("TransactWriteItems");
    let deletion = tokio::spawn(app.delete(&path).send());
    has_marked.await.unwrap();
    assert_eq!(backfill(&app, &rotated).await, 1);
    go_on.send(()).unwrap();
    deletion.await.unwrap().expect(204);
    assert!(app.all_items().await.is_empty());
}
