//! Throttling and conflicts, temporary and permanent.

use super::{START, Writes, size};
use crate::support::{Fault, TestApp};

#[tokio::test]
async fn a_conflict_is_tried_again_until_it_is_over() {
    let writes = Writes::new().await;
    for (operation, call, status) in writes.all() {
        writes.app.wire.disturb_times(3, operation, Fault::Conflict);
        call.send().await.expect(status);
        assert_eq!(writes.app.wire.waiting(), 0);
    }
    writes.app.check_day_sheets().await;
}

#[tokio::test]
async fn a_conflict_that_does_not_end_is_told_and_nothing_is_written() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let before = size(&app).await;
    app.wire.disturb_times(200, "TransactWriteItems", Fault::Conflict);
    let refused = app.book(&clinic, START, 30).await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(503, "contention");
    app.wire.calm();
    assert_eq!(size(&app).await, before);
    app.book(&clinic, START, 30).await.expect(201);
}

#[tokio::test]
async fn throttling_is_told_apart_and_nothing_is_written() {
    let writes = Writes::new().await;
    let before = size(&writes.app).await;
    for (operation, call, _) in writes.all() {
        writes.app.wire.disturb_times(3, operation, Fault::Throttled);
        let refused = call.send().await;
        assert_eq!(refused.header("retry-after"), "1");
        refused.problem(503, "throttled");
        assert_eq!(writes.app.wire.waiting(), 0, "the SDK tried three times: {operation}");
    }
    assert_eq!(size(&writes.app).await, before);
    writes.app.wire.disturb_times(3, "GetItem", Fault::Throttled);
    writes.app.get(&writes.clinic.path).send().await.problem(503, "throttled");
    writes.app.wire.disturb_times(3, "Query", Fault::Throttled);
    writes.app.get("/v1/clinics").send().await.problem(503, "throttled");
    writes.app.check_day_sheets().await;
}

#[tokio::test]
async fn throttling_that_passes_is_not_noticed() {
    let writes = Writes::new().await;
    for (operation, call, status) in writes.all() {
        writes.app.wire.disturb_times(2, operation, Fault::Throttled);
        call.send().await.expect(status);
    }
    writes.app.check_day_sheets().await;
}

#[tokio::test]
async fn throttling_inside_a_transaction_and_conflicts_beside_conditions_are_tried_again() {
    for fault in [Fault::ThrottledInside, Fault::ConflictAndCondition] {
        let writes = Writes::new().await;
        for (operation, call, status) in writes.all() {
            if operation == "TransactWriteItems" {
                writes.app.wire.disturb_times(2, operation, fault);
            }
            call.send().await.expect(status);
            assert_eq!(writes.app.wire.waiting(), 0);
        }
        writes.app.check_day_sheets().await;
    }
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.wire.disturb_times(3, "TransactWriteItems", Fault::ThrottledInside);
    app.book(&clinic, START, 30).await.problem(503, "throttled");
    assert_eq!(app.wire.waiting(), 0);
}
