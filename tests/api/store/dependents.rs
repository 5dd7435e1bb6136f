//! Items that are deleted together with a clinic, a staff member or a resource.

use clinic_api::{appointments::repo::verify::verify, store::Item};
use jiff::{SignedDuration, civil::date};
use serde_json::{Value, json};

use crate::support::{ClinicMade, Fault, TestApp, costs::costs};

const START: &str = "2035-01-16T09:00:00";

/// The exceptions and day sheets of clinics, by kind and owner.
async fn days(app: &TestApp) -> Vec<(String, String)> {
    let items = app.all_items().await;
    let at_clinics = items.iter().filter(|item| text(item, "PK").starts_with("DAYS#"));
    let owner = |item: &Item| {
        let owner = ["staff_id", "resource_id"].into_iter().find(|name| item.contains_key(*name));
        text(item, owner.unwrap_or("clinic_id"))
    };
    let mut found: Vec<_> = at_clinics.map(|item| (text(item, "type"), owner(item))).collect();
    found.sort();
    found
}

fn text(item: &Item, name: &str) -> String {
    item[name].as_s().unwrap().clone()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> =
        expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    pairs.sort();
    pairs
}

async fn except(app: &TestApp, clinic: &str, date: &str, more: Value) {
    let mut body = json!({ "first_date": date, "last_date": date, "effect": "closed" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post(&format!("{clinic}/exceptions")).json(&body).send().await.expect(201);
}

fn staff_path(clinic: &ClinicMade) -> String {
    format!("{}/staff/{}", clinic.path, clinic.staff)
}

#[tokio::test]
async fn exceptions_and_day_sheets_are_deleted_with_their_owner() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let (room, other) = (app.resource(&clinic.path).await, app.staff_member(&clinic.path).await);
    let visit = app.book_with(&clinic, START, json!({ "resource_ids": [room] })).await;
    let visit = visit.expect(201).location();
    let more = json!({ "staff_id": other, "patient_id": app.patient().await });
    app.book_with(&clinic, START, more).await.expect(201);
    for (date, of) in [
        // Past and future.
        ("2035-01-17", json!({ "staff_id": clinic.staff })),
        ("2035-03-01", json!({ "staff_id": clinic.staff })),
        ("2035-03-01", json!({ "staff_id": other })),
        ("2035-03-01", json!({ "resource_id": room })),
        ("2035-03-01", json!({})),
    ] {
        except(&app, &clinic.path, date, of).await;
    }
    app.clock.advance(SignedDuration::from_hours(24 * 7));
    let clinic_id = clinic.path.rsplit('/').next().unwrap();
    let left = [
        ("day_sheet", other.as_str()),
        ("exception", &other),
        ("day_sheet", &room),
        ("exception", &room),
        ("exception", clinic_id),
    ];
    app.delete(&staff_path(&clinic)).send().await.expect(204);
    assert_eq!(days(&app).await, pairs(&left));
    app.delete(&format!("{}/resources/{room}", clinic.path)).send().await.expect(204);
    let left = [("day_sheet", other.as_str()), ("exception", &other), ("exception", clinic_id)];
    assert_eq!(days(&app).await, pairs(&left));
    // Past appointments stay, and cause no mismatch.
    app.get(&visit).send().await.expect(200);
    app.check_day_sheets().await;
    let found = verify(&app.store, date(2035, 1, 1), 1e6, async |_| Ok(0)).await.unwrap();
    assert_eq!(found.mismatches().map(|(_, mismatch)| mismatch).collect::<Vec<_>>(), []);
    app.delete(&format!("{}/staff/{other}", clinic.path)).send().await.expect(204);
    assert_eq!(days(&app).await, pairs(&[("exception", clinic_id)]));
    app.delete(&clinic.path).send().await.expect(204);
    assert_eq!(days(&app).await, []);
    app.get(&format!("{}/exceptions", clinic.path)).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn owners_with_the_same_tag_keep_what_is_theirs() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let twin = app.twin_of(&clinic.staff).await;
    for staff in [&clinic.staff, &twin] {
        except(&app, &clinic.path, "2035-03-01", json!({ "staff_id": staff })).await;
    }
    app.delete(&staff_path(&clinic)).send().await.expect(204);
    assert_eq!(days(&app).await, pairs(&[("exception", &twin)]));
}

#[tokio::test]
async fn deleting_costs_what_is_deleted_and_a_decision() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.closed_days_of(&clinic.path, &clinic.staff, 3).await;
    let calls = [
        &[("GetItem", 1.0), ("Query", 1.0), ("UpdateItem", 1.0), ("Query", 1.0)][..],
        // The dependents are found, and the deletion is made final.
        &[("Query", 1.0), ("UpdateItem", 1.0)],
        &[("DeleteItem", 2.0); 3],
        &[("Query", 1.0), ("DeleteItem", 1.0)],
    ];
    costs(&app, app.delete(&staff_path(&clinic)), &calls.concat()).await;
}

#[tokio::test]
async fn thousands_are_deleted_page_after_page() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.closed_days_of(&clinic.path, &clinic.staff, 3000).await;
    app.wire.forget();
    // A slow engine may answer one of the calls too late; then the same request is repeated.
    let mut tries = 0;
    let delete = app.delete(&staff_path(&clinic));
    loop {
        tries += 1;
        let answer = delete.clone().send().await;
        if answer.status != 503 || tries == 20 {
            answer.expect(204);
            break;
        }
    }
    let calls = app.wire.take_calls();
    let of = |name: &str| calls.iter().filter(|call| call.operation == name).count();
    assert!(of("DeleteItem") >= 3001 && of("UpdateItem") >= 2);
    assert!(tries > 1 || (of("DeleteItem"), of("UpdateItem")) == (3001, 2));
    assert!(of("Query") > 4, "pages of 1 MB");
    assert_eq!(days(&app).await, []);
}

/// Once a dependent is deleted, the deletion is final: the record accepts nothing new, the mark stays, and the same request
/// completes the deletion.
#[tokio::test]
async fn a_deletion_cut_short_is_completed_by_the_next() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = staff_path(&clinic);
    app.closed_days_of(&clinic.path, &clinic.staff, 40).await;
    app.wire.disturb_later(20, "DeleteItem", Fault::Unforeseen);
    app.delete(&staff).send().await.problem(500, "internal_error");
    app.wire.calm();
    assert!(!days(&app).await.is_empty());
    app.book(&clinic, START, 30).await.problem(409, "staff_inactive");
    let more = json!({ "staff_id": clinic.staff, "first_date": "2035-02-01",
        "last_date": "2035-02-01", "effect": "closed" });
    let more = app.post(&format!("{}/exceptions", clinic.path)).json(&more);
    more.send().await.problem(422, "unknown_reference");
    app.patch(&staff).json(&json!({ "name": "B" })).send().await.problem(404, "not_found");
    app.delete(&staff).header("if-match", "\"9\"").send().await.problem(412, "precondition_failed");
    app.delete(&staff).send().await.expect(204);
    app.get(&staff).send().await.problem(404, "not_found");
    assert_eq!(days(&app).await, []);
}

/// An error before anything was deleted removes the mark.
#[tokio::test]
async fn a_deletion_that_fails_before_it_is_decided_leaves_everything() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.closed_days_of(&clinic.path, &clinic.staff, 40).await;
    // The query of the first dependents.
    app.wire.disturb_later(2, "Query", Fault::Unforeseen);
    app.delete(&staff_path(&clinic)).send().await.problem(500, "internal_error");
    assert_eq!(days(&app).await.len(), 40);
    app.book(&clinic, START, 30).await.expect(201);
}

/// A deletion that has read the record before another one became final must not replace that one's mark by a removable one.
#[tokio::test]
async fn another_deletion_does_not_undo_a_decision() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = staff_path(&clinic);
    app.closed_days_of(&clinic.path, &clinic.staff, 40).await;
    let (read, go_on) = app.wire.pause_before("UpdateItem");
    let second = tokio::spawn(app.delete(&staff).send());
    read.await.unwrap();
    app.wire.disturb_later(20, "DeleteItem", Fault::Unforeseen);
    app.delete(&staff).send().await.problem(500, "internal_error");
    app.wire.calm();
    // Its own deletes fail too, so that it would remove its mark.
    app.wire.disturb("DeleteItem", Fault::Unforeseen);
    go_on.send(()).unwrap();
    second.await.unwrap().problem(500, "internal_error");
    app.wire.calm();
    app.book(&clinic, START, 30).await.problem(409, "staff_inactive");
    app.delete(&staff).send().await.expect(204);
    assert_eq!(days(&app).await, []);
}
