//! Verification and repair of search items and identifiers: a restore can tear a patient's transaction in every way.

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    id::PatientId,
    keyring::new_key,
    records::patients::{
        model::search::{PatientSearch, Phonetics},
        repo::{
            Reindex, is_search_item,
            repair::{Repair, repair},
            verify::{Mismatch, Verification},
        },
    },
    store::{Item, attributes::string},
    time::Clock as _,
};
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    builder::search_of_tests,
    id,
    process::{RemoteTable, text},
};

async fn verified(app: &TestApp, search: PatientSearch) -> Verification {
    let mut found = Verification::new(search);
    found.add(&app.store, &app.all_items().await).await.unwrap();
    found
}

async fn mismatches(app: &TestApp) -> Vec<(PatientId, Mismatch)> {
    verified(app, search_of_tests()).await.mismatches().collect()
}

async fn repaired(app: &TestApp) -> Repair {
    let found = verified(app, search_of_tests()).await;
    repair(&app.store, &found, app.clock.now()).await.unwrap()
}

/// Asserts that exactly this is reported and repaired.
#[track_caller]
fn assert_same(found: &[(PatientId, Mismatch)], patient: &str, expected: &[Mismatch]) {
    let patient: PatientId = patient.parse().unwrap();
    let expected: Vec<_> = expected.iter().map(|it| (patient.clone(), it.clone())).collect();
    assert_eq!(found, expected);
}

async fn is_repaired(app: &TestApp, patient: &str, expected: &[Mismatch]) {
    assert_same(&mismatches(app).await, patient, expected);
    let repair = repaired(app).await;
    let mut expected = expected.to_vec();
    // Superfluous items are repaired first.
    expected.sort_by_key(|mismatch| !matches!(mismatch, Mismatch::Superfluous(_)));
    assert_same(&repair.repaired, patient, &expected);
    assert_eq!(repair.left, []);
    app.check_search().await;
}

async fn patient(app: &TestApp, given: &str, mrn: &str) -> String {
    let name = json!({ "family": "Example", "given": [given] });
    let body = json!({ "name": name, "mrn": mrn, "birth_date": "1984-02-29" });
    id(&app.post("/v1/patients").json(&body).send().await.expect(201))
}

async fn change(app: &TestApp, patient: &str, patch: Value) {
    app.patch(&format!("/v1/patients/{patient}")).json(&patch).send().await.expect(200);
}

/// The search items and markers of a patient.
async fn items_of(app: &TestApp, patient: &str, kind: &str) -> Vec<Item> {
    let mut items = app.all_items().await;
    items.retain(|item| {
        let named = [item.get("SK"), item.get("patient_id")].into_iter().flatten();
        item["type"] == string(kind)
            && named.filter_map(|it| it.as_s().ok()).any(|it| it.contains(patient))
    });
    items
}

async fn ids_found(app: &TestApp, query: &str) -> Vec<String> {
    let page = app.get(&format!("/v1/patients?{query}")).send().await.expect(200).json();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_damaged_item_is_reported_and_repaired() {
    let app = TestApp::spawn().await;
    patient(&app, "Ada", "A-1").await;
    let ida = patient(&app, "Ida", "A-2").await;
    assert_eq!(mismatches(&app).await, []);

    let entries = items_of(&app, &ida, "search_entry").await;
    app.delete_item(&entries[0]).await;
    app.delete_item(&entries[1]).await;
    is_repaired(&app, &ida, &[Mismatch::Missing(2)]).await;

    let marker = items_of(&app, &ida, "identifier").await.remove(0);
    app.delete_item(&marker).await;
    is_repaired(&app, &ida, &[Mismatch::Missing(1)]).await;
    assert_eq!(ids_found(&app, "mrn=A-2").await, std::slice::from_ref(&ida));

    let mut stray = entries[0].clone();
    stray.insert("PK".to_owned(), string("FIND#AAAAAAAAAAAAAAAA"));
    app.put_item(stray).await;
    let mut stray = marker.clone();
    stray.insert("PK".to_owned(), string("IDENTIFIER#AAAAAAAAAAAAAAAA"));
    app.put_item(stray).await;
    is_repaired(&app, &ida, &[Mismatch::Superfluous(2)]).await;

    // The content of before a change, of one entry and of the marker.
    let (entry, marker) = (items_of(&app, &ida, "search_entry").await.remove(3), marker);
    change(&app, &ida, json!({ "gender": "female" })).await;
    app.put_item(entry).await;
    app.put_item(marker.clone()).await;
    is_repaired(&app, &ida, &[Mismatch::Differing(2)]).await;

    // The content of another item.
    let mut swapped = marker;
    swapped.insert("e".to_owned(), entries[0]["e"].clone());
    app.put_item(swapped).await;
    is_repaired(&app, &ida, &[Mismatch::Differing(1)]).await;
}

#[tokio::test]
async fn items_of_a_patient_who_does_not_exist_are_removed() {
    let app = TestApp::spawn().await;
    let ida = patient(&app, "Ida", "A-1").await;
    let items = items_of(&app, &ida, "search_entry").await.len();
    app.delete_item(&app.stored(&ida).await).await;
    is_repaired(&app, &ida, &[Mismatch::Superfluous(items + 1)]).await;
    assert!(app.all_items().await.is_empty());
    patient(&app, "Ada", "A-1").await;
}

#[tokio::test]
async fn a_patient_of_before_a_change_gets_the_search_items_of_before() {
    let app = TestApp::spawn().await;
    let ida = patient(&app, "Ida", "A-1").await;
    let before = app.stored(&ida).await;
    change(&app, &ida, json!({ "name": { "family": "Example", "given": ["Max"] }, "mrn": "A-2" }))
        .await;
    app.put_item(before).await;
    let found: Vec<_> = mismatches(&app).await.into_iter().map(|(_, mismatch)| mismatch).collect();
    // Both first names have three letters, so both patients have equally many search items.
    let [Mismatch::Missing(missing), Mismatch::Differing(_), Mismatch::Superfluous(superfluous)] =
        found[..]
    else {
        panic!("{found:?}")
    };
    assert_eq!(missing, superfluous);
    is_repaired(&app, &ida, &found).await;
    assert_eq!(ids_found(&app, "name=ida").await, std::slice::from_ref(&ida));
    assert_eq!(ids_found(&app, "mrn=A-1").await, [ida]);
    assert!(ids_found(&app, "name=max").await.is_empty());
    assert!(ids_found(&app, "mrn=A-2").await.is_empty());
}

#[tokio::test]
async fn other_terms_are_left_to_a_backfill() {
    let app = TestApp::spawn().await;
    let ida = patient(&app, "Ida", "A-1").await;
    let mut item = app.stored(&ida).await;
    let Some(AttributeValue::M(search)) = item.get_mut("search") else { panic!("{item:?}") };
    let tags = search["tags"].as_s().unwrap()[16..].to_owned();
    search.insert("tags".to_owned(), string(tags));
    let rev = item["rev"].clone();
    app.put_item(item).await;
    let repair = repaired(&app).await;
    assert_same(&repair.repaired, &ida, &[Mismatch::Superfluous(1)]);
    assert_same(&repair.left, &ida, &[Mismatch::Outdated]);
    let backfill = Reindex {
        search: search_of_tests(),
        now: app.clock.now(),
        lost_keys: false,
        dry_run: false,
    };
    assert!(backfill.run(&app.store, &app.stored(&ida).await).await.unwrap());
    assert_eq!(mismatches(&app).await, []);
    assert_eq!(app.stored(&ida).await["rev"], rev, "callers see no change");
    app.delete(&format!("/v1/patients/{ida}")).send().await.expect(204);
    assert!(app.all_items().await.is_empty());
}

#[tokio::test]
async fn an_identifier_of_two_patients_is_left_to_people() {
    let app = TestApp::spawn().await;
    let ida = patient(&app, "Ida", "A-1").await;
    let before = app.stored(&ida).await;
    change(&app, &ida, json!({ "mrn": "A-2" })).await;
    let ada = patient(&app, "Ada", "A-1").await;
    app.put_item(before).await;
    let [ida_id, ada_id]: [PatientId; 2] = [&ida, &ada].map(|id| id.parse().unwrap());
    let shared = |of: &PatientId, with: &PatientId| (of.clone(), Mismatch::Shared(with.clone()));
    // The marker names the other patient.
    let repair = repaired(&app).await;
    assert!(repair.left.contains(&shared(&ida_id, &ada_id)), "{:?}", repair.left);
    assert!(repair.left.iter().all(|(id, _)| *id == ida_id), "{:?}", repair.left);
    assert_eq!(repair.repaired, [(ida_id.clone(), Mismatch::Superfluous(1))]);
    // The marker is missing.
    let marker = items_of(&app, &ada, "identifier").await.remove(0);
    app.delete_item(&marker).await;
    let repair = repaired(&app).await;
    assert_eq!(repair.repaired, []);
    for shared in [shared(&ida_id, &ada_id), shared(&ada_id, &ida_id)] {
        assert!(repair.left.contains(&shared), "{:?}", repair.left);
    }
    assert!(items_of(&app, &ada, "identifier").await.is_empty());
    assert!(items_of(&app, &ida, "identifier").await.is_empty());
    app.put_item(marker).await;
    // A person gives the other patient another number.
    change(&app, &ada, json!({ "mrn": "A-3" })).await;
    assert_eq!(repaired(&app).await.left, []);
    app.check_search().await;
    assert_eq!(ids_found(&app, "mrn=A-1").await, [ida]);
    assert_eq!(ids_found(&app, "mrn=A-3").await, [ada]);
}

/// With wrong keys, a repair must not hide patients.
#[tokio::test]
async fn a_patient_whose_key_is_unknown_is_left_to_the_backfill() {
    let app = TestApp::spawn().await;
    let ida = patient(&app, "Ida", "A-1").await;
    let entry = items_of(&app, &ida, "search_entry").await.remove(0);
    app.delete_item(&entry).await;
    let before = app.all_items().await;
    let keys = new_key().parse().unwrap();
    let found = verified(&app, PatientSearch { keys, phonetics: Phonetics::default() }).await;
    let repair = repair(&app.store, &found, app.clock.now()).await.unwrap();
    assert_eq!(repair.repaired, []);
    assert_same(&repair.left, &ida, &[Mismatch::OtherKey]);
    assert_eq!(app.all_items().await, before);
}

#[tokio::test]
async fn a_patient_whom_the_service_changes_meanwhile_is_read_again() {
    let app = TestApp::spawn().await;
    let [ida, ada] = [patient(&app, "Ida", "A-1").await, patient(&app, "Ada", "A-2").await];
    for patient in [&ida, &ada] {
        let entry = items_of(&app, patient, "search_entry").await.remove(0);
        app.delete_item(&entry).await;
    }
    let found = verified(&app, search_of_tests()).await;
    assert_eq!(found.mismatches().count(), 2);
    let (arrived, go_on) = app.wire.pause_before("TransactWriteItems");
    let (store, now) = (app.store.clone(), app.clock.now());
    let repairing = tokio::spawn(async move { repair(&store, &found, now).await.unwrap() });
    arrived.await.unwrap();
    change(&app, &ida, json!({ "name": { "text": "Zoe Sample" } })).await;
    app.delete(&format!("/v1/patients/{ada}")).send().await.expect(204);
    go_on.send(()).unwrap();
    let repair = repairing.await.unwrap();
    assert_eq!((repair.repaired, repair.left), (vec![], vec![]));
    app.check_search().await;
    assert_eq!(ids_found(&app, "name=zoe").await, [ida]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_compares_search_items_if_it_has_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let app = TestApp::spawn().await;
    let ida = patient(&app, "Ida", "A-1").await;
    let items = app.all_items().await;
    let missing = items.iter().position(is_search_item).unwrap();
    for (_, item) in items.iter().enumerate().filter(|(at, _)| *at != missing) {
        let put = table.client().put_item().table_name(&table.name);
        put.set_item(Some(item.clone())).send().await.unwrap();
    }
    let verify = |more: &[&str], keys: Option<&str>| {
        let mut program = table.program(folder.path());
        program.args(["table", "verify"]).args(more);
        program.env("CLINIC_API_SEARCH_KEYS", keys.unwrap_or_default());
        let output = program.output().unwrap();
        (output.status.success(), text(&output))
    };
    let key = "A".repeat(43);
    let (succeeded, told) = verify(&[], None);
    assert!(succeeded && told.contains("search items were not compared"), "{told}");
    let (succeeded, told) = verify(&[], Some(&key));
    assert!(!succeeded, "{told}");
    assert!(told.contains(&format!("{ida}: 1 search items or identifiers are missing")), "{told}");
    assert!(told.contains("1 patients with"), "{told}");
    for hidden in ["Ida", "Example", "A-1", "1984", "FIND#"] {
        assert!(!told.contains(hidden), "{told}");
    }
    let (succeeded, told) = verify(&["--repair"], Some(&key));
    assert!(succeeded && told.contains("0 mismatches, 1 repaired"), "{told}");
    let (succeeded, told) = verify(&[], Some(&key));
    assert!(succeeded, "{told}");
}
