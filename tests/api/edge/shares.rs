//! The share of one organisation in the concurrent requests: it is refused above its share, and all others are served.

use clinic_api::{app::RequestLimits, http::share::heavy_at_once};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    Answer, Call, TestApp,
    frames::{Frame, Frames, HEADERS, fields},
    process::admin_token,
    watched::Watched,
};

fn assert_refused(answer: Answer) {
    assert_eq!(answer.header("retry-after"), "1");
    assert!(answer.headers.contains_key("ratelimit"), "it was counted");
    let problem = answer.problem(429, "concurrency_limited");
    assert!(problem["detail"].as_str().unwrap().contains("limit of concurrent requests"));
}

#[tokio::test]
async fn an_organisation_has_half_of_the_permits_and_others_have_the_rest() {
    let roomy = TestApp::spawn().await;
    let limits = RequestLimits { concurrent: 4, ..RequestLimits::default() };
    let app = TestApp::builder().limits(limits).replica_of(&roomy);
    let other = app.in_org("ORG-OTHER");
    let (clinic, others) = (app.clinic().await, other.clinic().await);
    let before = roomy.all_items().await;
    // Two requests of one organisation wait in the store until a request of another arrives there.
    roomy.wire.gather(&[3]);
    let new = json!({ "name": "N", "time_zone": "UTC" });
    let meanwhile = async {
        assert_refused(app.get(&clinic).send().await);
        assert_refused(app.post("/v1/clinics").json(&new).send().await);
        assert_eq!(app.post("/v1/clinics").idempotent("again").json(&new).send().await.status, 429);
        for probe in ["/livez", "/version"] {
            app.get(probe).send().await.expect(200);
        }
        other.get(&others).send().await.expect(200);
    };
    let (one, two, ()) = tokio::join!(app.get(&clinic).send(), app.get(&clinic).send(), meanwhile);
    one.expect(200);
    two.expect(200);
    assert_eq!(roomy.all_items().await, before);
    // A refusal is not stored under the key.
    app.post("/v1/clinics").idempotent("again").json(&new).send().await.expect(201);
}

#[tokio::test]
async fn a_caller_who_hangs_up_frees_the_organisations_share() {
    let roomy = TestApp::spawn().await;
    let limits = RequestLimits { concurrent: 2, ..RequestLimits::default() };
    let app = TestApp::builder().limits(limits).replica_of(&roomy);
    let clinic = app.clinic().await;
    for _ in 0..3 {
        let (has_come, _go_on) = roomy.wire.pause_before("GetItem");
        let held = tokio::spawn(app.get(&clinic).send());
        has_come.await.unwrap();
        assert_refused(app.get(&clinic).send().await);
        held.abort();
        assert!(held.await.unwrap_err().is_cancelled());
        app.get(&clinic).send().await.expect(200);
    }
    // A refused request releases its share too.
    for (path, status) in [("/v1/clinics/CLN-x", 400), ("/v1/patients/none", 400)] {
        for _ in 0..3 {
            assert_eq!(app.get(path).send().await.status, status);
        }
    }
}

/// When as many heavy requests of an organisation as are handled at once are in the store, its next heavy one waits, and a light
/// one does not.
#[tokio::test]
async fn heavy_requests_of_an_organisation_wait_for_their_turn() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let range = "from=2035-01-16&to=2035-01-16&duration_minutes=30";
    let free = app.get(&format!("{}/availability?{range}", clinic.path));
    let day = app.get(&format!("{}/day/2035-01-16", clinic.path));
    let export = app.get(&format!("/v1/patients/{}/export", clinic.patient));
    let light = app.get(&clinic.path);
    // Each with the number of its calls before the first response.
    for (heavy, calls) in [(free, 3), (day, 4), (export, 1)] {
        // The first request fills the caches.
        heavy.clone().send().await.expect(200);
        app.settle().await;
        app.wire.forget();
        let together = heavy_at_once() * calls + 1;
        app.wire.gather(&[together]);
        let sent = (0..=heavy_at_once()).map(|_| heavy.clone()).chain([light.clone()]);
        for answer in join_all(sent.map(Call::send)).await {
            answer.expect(200);
        }
        app.settle().await;
        let mut made = app.wire.take_calls();
        made.sort_by_key(|call| call.span.0);
        let last = &made[together - 1];
        assert_eq!(last.operation, "GetItem", "{made:?}");
        assert_eq!(last.request["Key"]["SK"]["S"], "META");
        assert!(last.request["Key"]["PK"]["S"].as_str().unwrap().starts_with("CLINIC#"));
    }
}

/// Unread responses stay in memory. They count in the share of their organisation, and in no other.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_no_responses_takes_their_own_organisations_share_alone() {
    const SHARE: usize = 4;
    let service = Watched::start(&["--max-concurrent-requests", "8"]);
    // SETTINGS_INITIAL_WINDOW_SIZE
    let mut attacker = Frames::open(service.running.address(), &[(4, 0)]).await;
    let bearer = format!("Bearer {}", admin_token());
    let request = fields("GET", "/v1/clinics", &[("authorization", &bearer)]);
    for stream in 0..2 * SHARE {
        let id = 2 * u32::try_from(stream).unwrap() + 1;
        attacker.send(&[Frame::request(id, &request)]).await;
        attacker.until(|frame| frame.kind == HEADERS).await.unwrap();
    }
    let answered = async |status: &str| {
        let status = format!("http_response_status_code=\"{status}\"");
        let counter = "http_server_request_duration_seconds_count";
        service.metric(counter, &["/v1/clinics\"", &status]).await
    };
    let share = i64::try_from(SHARE).unwrap();
    assert_eq!((answered("200").await, answered("429").await), (share, share));
    service.serves_others().await;
    let (status, problem) = service.running.send("GET", "/v1/clinics", None).await;
    assert_eq!((status, &problem["code"]), (429, &json!("concurrency_limited")), "{problem}");
    drop(attacker);
    service.calms_down().await;
    assert_eq!(service.running.send("GET", "/v1/clinics", None).await.0, 200);
}
