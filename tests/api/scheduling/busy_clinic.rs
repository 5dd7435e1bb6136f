//! The cost of an availability search in a clinic with 50 staff members and 2,000 appointments a week.

use clinic_api::id::{ClinicId, StaffId};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    TestApp, busy_month, weekly_span,
    wire::{WireCall, rounds},
    write_context,
};

const STAFF: usize = 50;
const MONDAY: &str = "2035-01-22";

async fn busy_clinic(app: &TestApp) -> (String, ClinicId) {
    let path = app.clinic().await;
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday"];
    let hours = json!({ "opening_hours": days.map(|day| weekly_span(day, "08:00", "18:00")) });
    app.patch(&path).json(&hours).send().await.expect(200);
    let staff: Vec<StaffId> = join_all((0..STAFF).map(|_| app.staff_member(&path)))
        .await
        .into_iter()
        .map(|id| id.parse().unwrap())
        .collect();
    let clinic = path.rsplit('/').next().unwrap().parse().unwrap();
    let month = (MONDAY.parse().unwrap(), 33);
    let made =
        busy_month::fill(&app.store, &write_context("busy"), (&clinic, &staff), month, 8).await;
    assert!(made / 5 > 1_900, "{made} appointments in five weeks");
    (path, clinic)
}

fn of_sheets(calls: &[WireCall]) -> usize {
    let reads = |call: &&WireCall| {
        let values = call.request["ExpressionAttributeValues"].to_string();
        values.contains("DAYS#") && !values.contains("EXCEPTION#")
    };
    calls.iter().filter(reads).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_free_of_fifty_staff_in_a_month_is_two_rounds_away_and_reads_a_part_at_a_time() {
    let app = TestApp::builder().for_many().spawn().await;
    let (path, _) = busy_clinic(&app).await;
    let visit_type = app.visit_type(&path).await;
    // A new replica reads the clinic's time zone first.
    let fresh = TestApp::builder().without_rates().replica_of(&app);
    app.wire.forget();
    app.wire.gather(&[1, 3]);
    let month = format!("from={MONDAY}&to=2035-02-21&visit_type_id={visit_type}");
    let page = format!("{path}/availability?{month}&limit=1000");
    let found = fresh.get(&page).send().await.expect(200).json();
    assert_eq!(found["slots"].as_array().unwrap().len(), 1000);
    let calls = app.wire.take_calls();
    assert_eq!((calls.len(), of_sheets(&calls), rounds(&calls)), (4, 1, 2), "{calls:#?}");
    let units: f64 = calls.iter().map(|call| call.capacity).sum();
    assert!(units < 25.0, "{units} units");
    // In a month without free slots all sheets are read once, except those of the days on which two reads meet.
    app.closed(&path, MONDAY, "2035-02-21").await;
    app.wire.forget();
    let found = fresh.get(&page).send().await.expect(200).json();
    assert_eq!((&found["slots"], &found["next_cursor"]), (&json!([]), &json!(null)));
    let calls = app.wire.take_calls();
    assert_eq!((calls.len(), of_sheets(&calls)), (8, 6), "{calls:#?}");
    let units: f64 = calls.iter().map(|call| call.capacity).sum();
    assert!(units < 170.0, "{units} units");
}
