//! Limits: requests per minute, concurrent requests, headers.

use std::{net::TcpStream, num::NonZeroU32};

use clinic_api::{
    app::RequestLimits,
    http::{auth::Role, rate::RateSettings},
};
use serde_json::json;

use crate::support::{
    Answer, TestApp,
    callers::{principal, token},
    process::{Running, admin_token, admin_token_of, http_client, send},
    watched::Watched,
};

fn of(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// The remaining number and the waiting time of a limit in the `RateLimit` field.
fn told(answer: &Answer, limit: &str) -> (u32, u32) {
    let field = answer.header("ratelimit").to_owned();
    let member = field.split(", ").find(|member| member.starts_with(&format!("\"{limit}\";")));
    let member = member.unwrap_or_else(|| panic!("no {limit} in {field}"));
    let number = |name: &str| {
        let part = member.split(';').find_map(|part| part.strip_prefix(name)).unwrap();
        part.parse().unwrap()
    };
    (number("r="), number("t="))
}

#[tokio::test]
async fn a_principal_and_an_organisation_may_ask_so_often_a_minute() {
    let rates =
        RateSettings { per_principal: of(3), per_organisation: of(5), ..RateSettings::default() };
    let limits = RequestLimits { rates, ..RequestLimits::default() };
    let app = TestApp::builder().limits(limits).spawn().await;
    for left in [2, 1, 0] {
        let answer = app.get("/v1/clinics").send().await.expect(200);
        assert_eq!(told(&answer, "principal").0, left);
        let policy = answer.header("ratelimit-policy");
        assert_eq!(policy, "\"principal\";q=3;w=60, \"organisation\";q=5;w=60");
    }
    let before = app.all_items().await;
    let clinic = json!({ "name": "A", "time_zone": "UTC" });
    let refused = app.post("/v1/clinics").json(&clinic).send().await;
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(told(&refused, "principal").0, 0);
    assert!(refused.problem(429, "rate_limited")["detail"].as_str().unwrap().contains("principal"));
    assert_eq!(app.all_items().await, before);
    // Another caller of the organisation has a separate bucket, and shares the organisation's.
    let desk = app.with_bearer(token(&principal(Role::FrontDesk)));
    for left in [1, 0] {
        let answer = desk.get("/v1/clinics").send().await.expect(200);
        assert_eq!(told(&answer, "organisation").0, left);
    }
    let refused = desk.get("/v1/clinics").send().await;
    let detail = refused.problem(429, "rate_limited")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("organisation"), "{detail}");
    // Other organisations are independent.
    app.in_org("ORG-ELSEWHERE").get("/v1/clinics").send().await.expect(200);
    // A request with an invalid token gets no `RateLimit` field and is not counted.
    let nobody = app.get("/v1/clinics").anonymous().send().await;
    assert!(!nobody.headers.contains_key("ratelimit"));
    nobody.problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_ask_so_often_and_only_trusted_proxies_say_which_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let limited = ["--store", "memory", "--rate-per-address", "1"];
    let direct = Running::start(folder.path(), &limited);
    let ask = async |running: &Running, forwarded: &str| {
        let request = axum::http::Request::get(format!("{}/v1/clinics", running.base))
            .header("authorization", format!("Bearer {}", admin_token()))
            .header("x-forwarded-for", forwarded)
            .body(http_body_util::Full::default())
            .unwrap();
        http_client().request(request).await.unwrap().status().as_u16()
    };
    let mut answers = Vec::new();
    for n in 0..4 {
        answers.push(ask(&direct, &format!("192.0.2.{n}")).await);
    }
    assert_eq!(answers, [200, 429, 429, 429], "what a client writes itself is not believed");
    let other = tempfile::tempdir().unwrap();
    let behind =
        Running::start(other.path(), &[&limited[..], &["--trusted-proxies", "1"]].concat());
    for n in 0..4 {
        assert_eq!(ask(&behind, &format!("6.6.6.6, 192.0.2.{n}")).await, 200);
    }
    assert_eq!(ask(&behind, "1.1.1.1, 192.0.2.1").await, 429);
    // Probes share an address, but do not count.
    for _ in 0..5 {
        assert_eq!(
            send(&http_client(), &format!("{}/readyz", behind.base), "GET", None).await.unwrap().0,
            200
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_above_the_limit_of_the_program_is_rejected_at_once() {
    use std::io::{Read as _, Write as _};
    let service = Watched::start(&["--max-concurrent-requests", "2"]);
    let running = &service.running;
    // From two organisations, because one has half of the permits at most.
    let mut waiting: Vec<TcpStream> = ["ORG-DEMO", "ORG-OTHER"]
        .map(|org| {
            let head = format!(
                "POST /v1/clinics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 35\r\n\r\n",
                admin_token_of(org)
            );
            let mut connection = TcpStream::connect(running.address()).unwrap();
            connection.write_all(head.as_bytes()).unwrap();
            connection
        })
        .into();
    // A request before both hold their permits would take one of them.
    service.under_way(2).await;
    let (status, problem) = running.send("GET", "/v1/clinics", None).await;
    assert_eq!((status, &problem["code"]), (503, &json!("overloaded")), "{problem}");
    assert_eq!(running.send("GET", "/livez", None).await.0, 200);
    assert_eq!(running.send("GET", "/readyz", None).await.0, 200);
    for connection in &mut waiting {
        connection
            .write_all(br#"{"name": "Seefeld","time_zone":"UTC"}"#.get(..35).unwrap())
            .unwrap();
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 "));
    }
    assert_eq!(running.send("GET", "/v1/clinics", None).await.0, 200, "places are free again");
}

#[tokio::test]
async fn a_request_has_so_many_headers_at_most() {
    let app = TestApp::spawn().await;
    let call = |number: usize| {
        // The token is one of them.
        (1..number).fold(app.get("/v1/clinics"), |call, n| call.header(&format!("x-{n}"), "1"))
    };
    call(100).send().await.expect(200);
    call(101).send().await.problem(431, "too_many_headers");
}

#[tokio::test]
async fn answers_protect_themselves_in_browsers() {
    let app = TestApp::spawn().await;
    let patient = app.patient().await;
    let answers = [
        app.get(&format!("/v1/patients/{patient}")).send().await.expect(200),
        app.get("/v1/patients/nobody").send().await.expect(400),
        app.get("/v1/clinics").anonymous().send().await.expect(401),
        app.get("/nothing").send().await.expect(404),
        app.get("/docs/").send().await.expect(200),
        app.get("/openapi.json").send().await.expect(200),
    ];
    for answer in &answers[..4] {
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    for answer in &answers {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none';"));
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert!(!answer.headers.contains_key("strict-transport-security"));
    }
    assert!(answers[4].header("content-security-policy").contains("script-src 'self';"));
}

#[test]
fn browsers_keep_to_https_where_it_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let running =
        Running::start(folder.path(), &["--store", "memory", "--hsts-max-age", "31536000"]);
    let output = std::process::Command::new("curl")
        .args(["-sSI", &format!("{}/livez", running.base)])
        .output()
        .unwrap();
    let head = String::from_utf8(output.stdout).unwrap().to_lowercase();
    assert!(
        head.contains("strict-transport-security: max-age=31536000; includesubdomains"),
        "{head}"
    );
}
