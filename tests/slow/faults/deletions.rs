//! Deletions that are interrupted, or that conflict with another change.

use serde_json::json;

use super::START;
use crate::support::{Fault, TestApp, booking, eventually};

#[tokio::test]
async fn lost_replies_of_every_step_of_a_deletion_do_not_matter() {
    for is_mark in [true, false] {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
        let patient = format!("/v1/patients/{}", clinic.patient);
        // A patient is deleted together with its search items.
        for (path, deletes) in
            [(&staff, "DeleteItem"), (&clinic.path, "DeleteItem"), (&patient, "TransactWriteItems")]
        {
            app.wire.disturb(if is_mark { "UpdateItem" } else { deletes }, Fault::LostReply);
            app.delete(path).send().await.expect(204);
            assert_eq!(app.wire.waiting(), 0);
        }
        assert!(app.all_items().await.is_empty());
    }
}

/// A deletion that cannot be completed removes its mark: the record can be booked as before.
#[tokio::test]
async fn a_deletion_that_fails_leaves_the_record_as_it_was() {
    let faults = [
        ("DeleteItem", Fault::Throttled),
        ("DeleteItem", Fault::Unreachable),
        ("DeleteItem", Fault::Unforeseen),
        ("Query", Fault::ServerError),
    ];
    for (operation, fault) in faults {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
        if operation == "Query" {
            // The second check fails.
            app.wire.disturb_later(1, operation, fault);
            app.wire.disturb_times(2, operation, fault);
        } else {
            app.wire.disturb_times(3, operation, fault);
        }
        let failed = app.delete(&staff).send().await;
        assert!(failed.status.is_server_error(), "{failed:?}");
        app.wire.calm();
        assert_eq!(app.get(&staff).send().await.expect(200).header("etag"), "\"1\"");
        app.book(&clinic, START, 30).await.expect(201);
        app.check_day_sheets().await;
    }
}

/// A change that succeeds between a deletion's mark and its end is not lost.
#[tokio::test]
async fn a_change_during_a_deletion_is_not_deleted_unseen() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let delete = app.delete(&staff).header("if-match", "\"1\"");
    let (marked, go_on) = app.wire.pause_before("DeleteItem");
    let deletion = tokio::spawn(delete.send());
    marked.await.unwrap();
    app.patch(&staff).json(&json!({ "specialty": "surgery" })).send().await.expect(200);
    app.book(&clinic, START, 30).await.problem(409, "staff_inactive");
    go_on.send(()).unwrap();
    deletion.await.unwrap().problem(412, "precondition_failed");
    let kept = app.get(&staff).send().await.expect(200);
    assert_eq!((kept.header("etag"), &kept.json()["specialty"]), ("\"2\"", &json!("surgery")));
    app.book(&clinic, START, 30).await.expect(201);
}

#[tokio::test]
async fn a_record_number_that_moves_during_a_deletion_is_freed_with_its_patient() {
    let app = TestApp::spawn().await;
    let body = json!({ "name": "Ida", "mrn": "A-1" });
    let path = app.post("/v1/patients").json(&body).send().await.expect(201).location();
    let (marked, go_on) = app.wire.pause_before("TransactWriteItems");
    let deletion = tokio::spawn(app.delete(&path).send());
    marked.await.unwrap();
    app.patch(&path).json(&json!({ "mrn": "A-2" })).send().await.expect(200);
    go_on.send(()).unwrap();
    deletion.await.unwrap().expect(204);
    assert!(app.all_items().await.is_empty(), "neither patient nor markers");
}

/// A caller that disconnects during a deletion leaves no mark.
#[tokio::test]
async fn a_deletion_goes_on_when_its_caller_hangs_up() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let (marked, go_on) = app.wire.pause_before("DeleteItem");
    let deletion = tokio::spawn(app.delete(&staff).send());
    marked.await.unwrap();
    deletion.abort();
    assert!(deletion.await.unwrap_err().is_cancelled());
    go_on.send(()).unwrap();
    eventually("the deletion is done", async || {
        (app.get(&staff).send().await.status == 404).then_some(())
    })
    .await;
}

/// An interrupted deletion leaves its mark. The next one removes it if the record is still needed.
#[tokio::test]
async fn a_mark_left_behind_is_taken_back_by_the_next_deletion() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.booked(&clinic, START).await;
    app.mark_as_being_deleted(&clinic.staff, false).await;
    app.book(&clinic, "2035-01-17T09:00:00", 30).await.problem(409, "staff_inactive");
    app.delete(&staff).send().await.problem(409, "has_future_appointments");
    app.book(&clinic, "2035-01-17T09:00:00", 30).await.expect(201);
    assert_eq!(app.get(&staff).send().await.header("etag"), "\"1\"");
}

/// A change that read the record with a mark must not write the mark back after it is removed.
#[tokio::test]
async fn a_change_during_a_refused_deletion_brings_no_mark_back() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.booked(&clinic, START).await;
    app.mark_as_being_deleted(&clinic.staff, false).await;
    let (read, go_on) = app.wire.pause_before("PutItem");
    let patching = tokio::spawn(app.patch(&staff).json(&json!({ "specialty": "surgery" })).send());
    read.await.unwrap();
    app.delete(&staff).send().await.problem(409, "has_future_appointments");
    go_on.send(()).unwrap();
    patching.await.unwrap().expect(200);
    app.book(&clinic, "2035-01-17T09:00:00", 30).await.expect(201);
}

/// A booking that has read before a party is deactivated or deleted is refused in its transaction.
#[tokio::test]
async fn a_booking_that_read_before_a_deactivation_or_deletion_is_refused() {
    let app = TestApp::spawn().await;
    let mut clinic = app.ready_clinic().await;
    let off = json!({ "active": false });
    for case in ["staff off", "staff gone", "patient off", "patient gone"] {
        clinic.staff = app.staff_member(&clinic.path).await;
        clinic.patient = app.patient().await;
        let (read, go_on) = app.wire.pause_before("TransactWriteItems");
        let body = booking(&clinic.staff, &clinic.patient, START, 30);
        let call = app.post(&format!("{}/appointments", clinic.path)).json(&body);
        let booking = tokio::spawn(call.send());
        read.await.unwrap();
        let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
        let patient = format!("/v1/patients/{}", clinic.patient);
        let path = if case.starts_with("staff") { staff } else { patient };
        let (status, code) = match case {
            "staff off" => (409, "staff_inactive"),
            "patient off" => (409, "patient_inactive"),
            _ => (422, "unknown_reference"),
        };
        if case.ends_with("off") {
            app.patch(&path).json(&off).send().await.expect(200);
        } else {
            app.delete(&path).send().await.expect(204);
        }
        go_on.send(()).unwrap();
        booking.await.unwrap().problem(status, code);
        assert_eq!(app.all_appointments().await.len(), 0, "{case}");
        app.check_day_sheets().await;
    }
}
