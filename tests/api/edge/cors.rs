//! Cross-origin requests: off by default, and answered for the origins that an operator lists.

use axum::http::{Method, Request};
use clinic_api::app::RequestLimits;

use crate::support::{
    Call, TestApp,
    process::{Running, admin_token, http_client, program, text},
};

const DESK: &str = "https://desk.example.org";

fn preflight(app: &TestApp, origin: &str, method: &str) -> Call {
    let call = app.request(Method::OPTIONS, "/v1/clinics").anonymous();
    let call = call.header("origin", origin).header("access-control-request-method", method);
    call.header("access-control-request-headers", "authorization,idempotency-key")
}

/// The names in a header, in lower case.
fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_lowercase()).collect()
}

#[tokio::test]
async fn without_the_setting_no_other_origin_is_told_anything() {
    let app = TestApp::spawn().await;
    let answer = app.get("/v1/clinics").header("origin", DESK).send().await.expect(200);
    let refused = preflight(&app, DESK, "POST").send().await;
    for answer in [&answer, &refused] {
        let names = answer.headers.keys().map(axum::http::HeaderName::as_str);
        assert!(names.into_iter().all(|name| !name.starts_with("access-control")), "{answer:?}");
    }
    refused.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_listed_origin_may_call_the_api_and_read_its_headers_and_errors() {
    let origins = format!("{DESK},http://localhost:3000");
    let app = TestApp::builder().cors_origins(&origins).spawn().await;
    let expected = [
        "allow",
        "etag",
        "location",
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
        "www-authenticate",
        "x-request-id",
    ];
    for origin in [DESK, "http://localhost:3000"] {
        for (call, status) in [
            (app.get("/v1/clinics"), 200),
            (app.get("/v1/clinics").anonymous(), 401),
            (app.get("/nothing"), 404),
            (app.request(Method::PUT, "/v1/clinics"), 405),
            (app.get("/openapi.json"), 200),
        ] {
            let answer = call.header("origin", origin).send().await.expect(status);
            assert_eq!(answer.header("access-control-allow-origin"), origin);
            let vary = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap());
            assert!(vary.flat_map(names).any(|name| name == "origin"));
            let exposed = names(answer.header("access-control-expose-headers"));
            assert!(expected.iter().all(|name| exposed.contains(&(*name).to_owned())));
            // Cookies are not read, so that no credentials in the sense of CORS are allowed.
            assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        }
    }
    for stranger in ["https://desk.example.org.evil.example", "http://desk.example.org", "null"] {
        let answer = app.get("/v1/clinics").header("origin", stranger).send().await.expect(200);
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{stranger}");
        let answer = preflight(&app, stranger, "POST").send().await.expect(200);
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{stranger}");
    }
}

/// Every header of the service is one that scripts may always read, or is exposed.
#[tokio::test]
async fn no_header_of_the_api_is_hidden_from_scripts() {
    let app = TestApp::builder().cors_origins(DESK).server_timing().spawn().await;
    let clinic = app.clinic().await;
    let answers = [
        app.get(&clinic).send().await,
        app.post("/v1/clinics").send().await,
        app.get("/v1/clinics").anonymous().send().await,
        app.request(Method::PUT, "/v1/clinics").send().await,
    ];
    // The safelist of the Fetch standard, and what is for the browser alone.
    let others = ["cache-control", "content-length", "content-type", "vary", "referrer-policy"];
    let prefixes =
        ["access-control-", "content-security-", "cross-origin-", "x-content-", "x-frame-"];
    for answer in answers {
        let exposed = names(answer.header("access-control-expose-headers"));
        for name in answer.headers.keys().map(axum::http::HeaderName::as_str) {
            let is_safe = others.contains(&name) || prefixes.iter().any(|it| name.starts_with(it));
            assert!(is_safe || exposed.contains(&name.to_owned()), "{name}");
        }
    }
}

#[tokio::test]
async fn a_preflight_request_needs_no_token_and_no_permit() {
    // Every other request is above this limit.
    let limits = RequestLimits { concurrent: 0, ..RequestLimits::default() };
    let app = TestApp::builder().limits(limits).cors_origins(DESK).spawn().await;
    let answer = preflight(&app, DESK, "PATCH").send().await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), DESK);
    let methods = names(answer.header("access-control-allow-methods"));
    assert_eq!(methods, ["get", "post", "patch", "delete"]);
    let headers = names(answer.header("access-control-allow-headers"));
    for name in ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match"] {
        assert!(headers.contains(&name.to_owned()), "{name}");
    }
    assert_eq!(answer.header("access-control-max-age"), "7200");
    assert!(answer.body.is_empty());
    let limited = app.get("/v1/clinics").header("origin", DESK).send().await;
    assert_eq!(limited.header("access-control-allow-origin"), DESK);
    limited.problem(503, "overloaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_request_counts_in_no_rate() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ["--store", "memory", "--rate-per-address", "1", "--cors-origins", DESK];
    let running = Running::start(folder.path(), &settings);
    let ask = async |method: &str| {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/v1/clinics", running.base))
            .header("origin", DESK)
            .header("access-control-request-method", "GET")
            .header("authorization", format!("Bearer {}", admin_token()))
            .body(http_body_util::Full::default())
            .unwrap();
        let answer = http_client().request(request).await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-origin"], DESK);
        answer.status().as_u16()
    };
    for _ in 0..3 {
        assert_eq!(ask("OPTIONS").await, 200);
    }
    assert_eq!((ask("GET").await, ask("GET").await), (200, 429));
    assert_eq!(ask("OPTIONS").await, 200);
}

#[test]
fn an_origin_that_no_browser_sends_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    for bad in ["*", "https://desk.example.org/", "desk.example.org"] {
        let mut command = program(folder.path());
        command.args(["serve", "--store", "memory", "--cors-origins", bad]);
        let refused = command.output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused).contains("is not an origin"), "{}", text(&refused));
    }
}
