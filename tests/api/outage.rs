//! When DynamoDB does not answer, or limits its rate without end: it is not asked more for it, callers are told at once,
//! and all goes on when it is back.

use std::time::Duration;

use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::support::{
    Answer, Call, ClinicMade, Fault, TestApp,
    attempts::Attempts,
    booking, eventually,
    process::{RemoteTable, Running, http_client},
    proxy::{Proxy, Spoilt},
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
        let direct = TestApp::spawn_served().await;
        let proxy = Proxy::before(direct.endpoint(), 0).await;
        let attempts = Attempts::default();
        let app = direct.process_at(&proxy.endpoint(), &attempts);
        let clinic = direct.ready_clinic().await;
        app.get(&clinic.path).send().await.expect(200);
        Self { direct, app, proxy, attempts, clinic }
    }

    fn book(&self) -> Call {
        let body = booking(&self.clinic.staff, &self.clinic.patient, START, 30);
        self.app.post(&format!("{}/appointments", self.clinic.path)).json(&body)
    }
}

/// Whether it was answered without the database having been asked.
fn was_not_sent(answer: &Answer) -> bool {
    answer.status == 503 && answer.json()["detail"].as_str().unwrap().contains("was not asked")
}

/// Asks until nothing is sent any more, and tells how often that was.
async fn until_open(call: &Call) -> u64 {
    let mut asked = 0;
    eventually("calls are refused", async || {
        asked += 1;
        was_not_sent(&call.clone().send().await).then_some(())
    })
    .await;
    asked
}

#[tokio::test]
async fn a_database_that_is_away_is_asked_twice_a_second_and_callers_are_told_at_once() {
    let site = Site::new().await;
    let (get, book) = (site.app.get(&site.clinic.path), site.book());
    site.proxy.down().await;
    let before = site.attempts.number();
    let mut requests = until_open(&get).await;
    // What an impatient caller sends: thousands, of which hardly one goes on to the database.
    for call in [&get, &book].into_iter().cycle().take(1_000) {
        let refused = call.clone().send().await;
        assert_eq!(refused.header("retry-after"), "1");
        refused.problem(503, "store_unreachable");
        requests += 1;
    }
    let attempts = site.attempts.number() - before;
    assert!(attempts * 10 <= requests * 12, "{attempts} calls for {requests} requests");
    site.proxy.up();
    eventually("it is served again", async || {
        (get.clone().send().await.status == 200).then_some(())
    })
    .await;
    for _ in 0..10 {
        get.clone().send().await.expect(200);
    }
    book.send().await.expect(201);
    site.direct.check_day_sheets().await;
}

/// Callers who wait for less than a try may take see nothing fail: they give up, and so do all after them.
#[tokio::test]
async fn a_database_that_is_silent_for_longer_than_callers_wait_is_known_to_be() {
    let site = Site::new().await;
    let get = site.app.get(&site.clinic.path);
    site.proxy.spoil_all(&[Spoilt::Silent]);
    let before = site.attempts.number();
    let asking: Vec<_> = (0..8).map(|_| tokio::spawn(get.clone().send())).collect();
    let all = async || (site.attempts.number() - before == 8).then_some(());
    eventually("all are sent", all).await;
    // They wait for as long as it takes to tell silence from a pause, and longer.
    sleep(Duration::from_millis(1_100)).await;
    for asking in asking {
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled(), "nobody is answered");
    }
    // Who gives up so soon tells of nothing: those before have. Now and then somebody is let through.
    eventually("it is refused at once", async || {
        let answer = timeout(Duration::from_millis(500), get.clone().send()).await;
        answer.ok().filter(was_not_sent)
    })
    .await;
    site.proxy.spoil(0.0);
    eventually("it is served again", async || {
        (get.clone().send().await.status == 200).then_some(())
    })
    .await;
}

/// What was not sent is known to have done nothing; what was sent is not.
#[tokio::test]
async fn what_was_not_sent_has_changed_nothing_and_says_so() {
    let site = Site::new().await;
    let size = site.direct.all_items().await.len();
    site.proxy.down().await;
    let sent = site.book().send().await.problem(503, "store_unreachable");
    assert!(sent["detail"].as_str().unwrap().contains("not known"), "{sent}");
    until_open(&site.app.get(&site.clinic.path)).await;
    let refused = eventually("a booking is refused", async || {
        let answer = site.book().send().await;
        was_not_sent(&answer).then_some(answer)
    })
    .await;
    let problem: Value = refused.problem(503, "store_unreachable");
    assert!(problem["detail"].as_str().unwrap().contains("Nothing was written"), "{problem}");
    assert_eq!(site.direct.all_items().await.len(), size);
}

/// The program as it is shipped, which finds its database in the environment.
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
    let shown = async |value: &str| {
        let shown = http_client().get(metrics.parse().unwrap()).await.unwrap();
        let shown = shown.into_body().collect().await.unwrap().to_bytes();
        let line = format!("clinic_api_db_circuit_open {value}");
        String::from_utf8_lossy(&shown).lines().any(|shown| shown == line)
    };
    assert_eq!(running.send("GET", "/v1/clinics", None).await.0, 200);
    assert!(shown("0").await);
    proxy.down().await;
    eventually("it is shown", async || {
        assert_eq!(running.send("GET", "/v1/clinics", None).await.0, 503);
        shown("1").await.then_some(())
    })
    .await;
    assert!(running.log().contains("DynamoDB does not answer"), "{}", running.log());
    proxy.up();
    eventually("it is over", async || {
        let (status, _) = running.send("GET", "/v1/clinics", None).await;
        (status == 200).then_some(())
    })
    .await;
    assert!(shown("0").await);
    assert!(running.log().contains("DynamoDB answers again"), "{}", running.log());
}

/// A deletion has written by then: of that, nothing is said.
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
    until_open(&app.get(&clinic.path)).await;
    // The reply to its one try is lost, and what would find out is not sent.
    go_on.send(()).unwrap();
    let problem = deletion.await.unwrap().problem(503, "store_unreachable");
    assert!(problem["detail"].as_str().unwrap().contains("not known"), "{problem}");
    app.wire.calm();
    eventually("it is there again", async || {
        (app.get(&clinic.path).send().await.status == 200).then_some(())
    })
    .await;
    app.delete(&staff).send().await.problem(404, "not_found");
}

/// Repeats have a budget, and what DynamoDB answers, if only that it will not, leaves the way open.
#[tokio::test]
async fn throttling_without_end_is_not_answered_with_more_calls() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.wire.disturb_times(1_000, "GetItem", Fault::Throttled);
    app.wire.disturb_times(1_000, "PutItem", Fault::Throttled);
    for (operation, call) in [
        ("GetItem", app.get(&clinic.path)),
        ("PutItem", app.post("/v1/patients").json(&json!({ "name": "N" }))),
    ] {
        let before = app.wire.waiting();
        for _ in 0..150 {
            call.clone().send().await.problem(503, "throttled");
        }
        let tries = before - app.wire.waiting();
        // The budget's 25, and one for each.
        assert!((150..=180).contains(&tries), "{operation}: {tries} for 150");
    }
    app.wire.calm();
    app.get(&clinic.path).send().await.expect(200);
}

#[tokio::test]
async fn refusals_for_what_is_asked_do_not_keep_the_next_from_being_sent() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let body = json!({ "name": "Ida", "mrn": "A-1" });
    app.post("/v1/patients").json(&body).send().await.expect(201);
    for _ in 0..40 {
        app.post("/v1/patients").json(&body).send().await.problem(409, "mrn_taken");
        app.wire.disturb("GetItem", Fault::Unforeseen);
        app.get(&clinic.path).send().await.problem(500, "internal_error");
    }
    app.get(&clinic.path).send().await.expect(200);
}

/// A machine whose clock is off signs at a time that AWS does not take. What it is told of the time then counts, of writes as of
/// reads, also when the clock of either is set right.
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
        // One try of a read and one of a write, of which each client has its own time.
        assert_eq!(refused, 2, "{minutes} minutes");
    }
    site.direct.check_day_sheets().await;
}
