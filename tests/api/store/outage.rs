//! Outages and endless throttling of DynamoDB: retries stay within their budget, callers get 503, and the service recovers.

use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde_json::json;

use crate::support::{
    Call, ClinicMade, Fault, TestApp,
    attempts::Attempts,
    booking,
    builder::long_timeouts,
    eventually,
    process::{RemoteTable, Running, http_client},
    proxy::Proxy,
};

const START: &str = "2035-01-16T09:00:00";

/// A service that reaches its engine through a proxy, and one that reaches it directly.
struct Site {
    direct: TestApp,
    app: TestApp,
    proxy: Proxy,
    attempts: Attempts,
    clinic: ClinicMade,
}

impl Site {
    async fn new() -> Self {
        let direct = TestApp::builder().with_port().spawn().await;
        let proxy = Proxy::before(direct.endpoint(), 0).await;
        let attempts = Attempts::default();
        let app = TestApp::builder()
            .client(attempts.client(&proxy.endpoint(), Some(long_timeouts())))
            .without_rates()
            .replica_of(&direct);
        let clinic = direct.ready_clinic().await;
        app.get(&clinic.path).send().await.expect(200);
        Self { direct, app, proxy, attempts, clinic }
    }

    fn book(&self) -> Call {
        let body = booking(&self.clinic.staff, &self.clinic.patient, START, 30);
        self.app.post(&format!("{}/appointments", self.clinic.path)).json(&body)
    }
}

#[tokio::test]
async fn a_database_that_is_away_meets_one_call_per_request_and_a_budget_of_repeats() {
    let site = Site::new().await;
    let get = site.app.get(&site.clinic.path);
    let size = site.direct.all_items().await.len();
    site.proxy.down().await;
    let before = site.attempts.number();
    for _ in 0..150 {
        let refused = get.clone().send().await;
        assert_eq!(refused.header("retry-after"), "1");
        let problem = refused.problem(503, "store_unreachable");
        assert!(!problem["detail"].as_str().unwrap().contains("written"), "{problem}");
    }
    let attempts = site.attempts.number() - before;
    // The 25 retries of the budget, and one attempt each.
    assert!((150..=180).contains(&attempts), "{attempts} calls for 150 requests");
    let unknown = site.book().send().await.problem(503, "store_unreachable");
    assert!(unknown["detail"].as_str().unwrap().contains("not known"), "{unknown}");
    assert_eq!(site.direct.all_items().await.len(), size);
    site.proxy.up();
    for _ in 0..10 {
        get.clone().send().await.expect(200);
    }
    site.book().send().await.expect(201);
    site.direct.check_day_sheets().await;
}

/// The program as it is shipped, with the database in its environment.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_shows_an_outage_in_its_metrics_and_its_log() {
    let (folder, table) = (tempfile::tempdir().unwrap(), RemoteTable::missing().await);
    table.create(folder.path());
    let proxy = Proxy::before(table.endpoint(), 0).await;
    let mut command = table.program(folder.path());
    command.env("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint());
    command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    let running = Running::launch(&mut command, 5);
    let metrics = running.greeting[4].split_whitespace().last().unwrap();
    let failed = async || {
        let shown = http_client().get(metrics.parse().unwrap()).await.unwrap();
        let shown = shown.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8_lossy(&shown).lines().any(|line| {
            line.starts_with("db_client_operation_duration_seconds_count{")
                && line.contains("error_type=\"dispatch\"")
        })
    };
    assert_eq!(running.send("GET", "/v1/clinics", None).await.0, 200);
    assert!(!failed().await);
    proxy.down().await;
    assert_eq!(running.send("GET", "/v1/clinics", None).await.0, 503);
    assert!(failed().await);
    let told = "error.type=\"store_unreachable\" error.message=Query: no connection";
    eventually("the log tells", async || running.log().contains(told).then_some(())).await;
    proxy.up();
    assert_eq!(running.send("GET", "/v1/clinics", None).await.0, 200);
}

/// A deletion has already written by then, so the response does not claim that nothing was written.
#[tokio::test]
async fn a_deletion_that_is_cut_off_half_way_is_an_unknown_outcome() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.wire.disturb("DeleteItem", Fault::LostReply);
    let (marked, go_on) = app.wire.pause_before("DeleteItem");
    let deletion = tokio::spawn(app.delete(&staff).send());
    marked.await.unwrap();
    app.wire.disturb_times(1_000, "GetItem", Fault::Unreachable);
    // The reply to its first attempt is lost, and the read that would tell the outcome gets no response.
    go_on.send(()).unwrap();
    let problem = deletion.await.unwrap().problem(503, "store_unreachable");
    assert!(problem["detail"].as_str().unwrap().contains("not known"), "{problem}");
    app.wire.calm();
    app.delete(&staff).send().await.problem(404, "not_found");
}

/// Retries have a budget. A response from DynamoDB, even throttling, does not block further requests.
#[tokio::test]
async fn throttling_without_end_is_not_answered_with_more_calls() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.wire.disturb_times(1_000, "GetItem", Fault::Throttled);
    app.wire.disturb_times(1_000, "PutItem", Fault::Throttled);
    for (operation, call) in [
        ("GetItem", app.get(&clinic.path)),
        ("PutItem", app.post("/v1/clinics").json(&json!({ "name": "N", "time_zone": "UTC" }))),
    ] {
        let before = app.wire.waiting();
        for _ in 0..150 {
            call.clone().send().await.problem(503, "throttled");
        }
        let tries = before - app.wire.waiting();
        // The 25 retries of the budget, and one attempt each.
        assert!((150..=180).contains(&tries), "{operation}: {tries} for 150");
    }
    app.wire.calm();
    app.get(&clinic.path).send().await.expect(200);
}

/// A machine with a wrong clock signs with a time that AWS refuses. The client then uses the time of AWS's response, for reads
/// and writes, also after either clock is corrected.
#[tokio::test]
async fn clocks_that_are_minutes_apart_cost_a_try_and_no_request() {
    let site = Site::new().await;
    let (get, mut times) = (site.app.get(&site.clinic.path), 9..);
    for minutes in [10, -10, 0] {
        site.proxy.go_ahead_by(SignedDuration::from_mins(minutes));
        let before = site.proxy.refused_for_time();
        for _ in 0..3 {
            get.clone().send().await.expect(200);
            let start = format!("2035-01-16T{:02}:00:00", times.next().unwrap());
            let body = booking(&site.clinic.staff, &site.clinic.patient, &start, 30);
            let book = site.app.post(&format!("{}/appointments", site.clinic.path));
            book.json(&body).send().await.expect(201);
        }
        let refused = site.proxy.refused_for_time() - before;
        // One attempt of a read and one of a write; each client tracks the time separately.
        assert_eq!(refused, 2, "{minutes} minutes");
    }
    site.direct.check_day_sheets().await;
}
