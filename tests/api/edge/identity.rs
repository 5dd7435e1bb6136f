//! Authentication: tokens that are accepted, and all ways in which one is invalid.

use clinic_api::http::auth::{
    Role,
    development::{AUDIENCE, ISSUER},
};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{
    NOW, TestApp,
    callers::{issuer, principal, token},
};

pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// The claims of a valid token.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "anna", "nbf": now().as_second() - 60,
        "exp": now().as_second() + 60, "org": "ORG-DEMO", "roles": ["admin"],
    })
}

fn with(name: &str, value: &Value) -> String {
    let mut claims = claims();
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(name),
        value => claims.as_object_mut().unwrap().insert(name.to_owned(), value.clone()),
    };
    issuer().sign(&claims).unwrap()
}

/// A token assembled by hand.
fn forged(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(claims), BASE64URL_NOPAD.encode(signature))
}

fn kid() -> String {
    issuer().jwks.keys[0].common.key_id.clone().unwrap()
}

#[tokio::test]
async fn a_token_must_be_whole_and_of_the_issuer() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic().await;
    let at = |seconds: i64| json!(now().as_second() + seconds);
    for good in [
        with("sub", &json!("anna")),
        with("aud", &json!(["elsewhere", AUDIENCE])),
        with("exp", &at(-29)),
        with("nbf", &at(29)),
        with("exp", &json!(f64::from(2_100_000_000) + 0.5)),
        with("roles", &json!("admin offline_access")),
    ] {
        app.get(&clinic).bearer(&good).send().await.expect(200);
    }
    let bad = [
        ("expired", with("exp", &at(-30))),
        ("not valid yet", with("nbf", &at(31))),
        ("no exp", with("exp", &Value::Null)),
        ("no nbf", with("nbf", &Value::Null)),
        ("not a valid time", with("exp", &json!("tomorrow"))),
        ("not a valid time", with("exp", &json!(1e300))),
        ("another issuer", with("iss", &json!("https://elsewhere.example"))),
        ("iss, aud or sub", with("iss", &Value::Null)),
        ("another audience", with("aud", &json!("elsewhere"))),
        ("iss, aud or sub", with("aud", &Value::Null)),
        ("sub", with("sub", &Value::Null)),
        ("sub", with("sub", &json!("an na"))),
        ("no valid organisation claim", with("org", &Value::Null)),
        ("not a list of names", with("roles", &json!({ "admin": true }))),
        ("not a list of clinic ids", with("clinics", &json!(["Seefeld"]))),
        ("not a patient id", with("patient", &json!("Ida"))),
    ];
    for (why, token) in bad {
        let answer = app.get(&clinic).bearer(&token).send().await;
        let challenge = answer.header("www-authenticate").to_owned();
        assert_eq!(challenge, "Bearer realm=\"clinic-api\", error=\"invalid_token\"", "{why}");
        let problem = answer.problem(401, "unauthenticated");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{why}: {problem}");
    }
    // A caller without roles is authenticated, but may do nothing.
    app.get(&clinic).bearer(&with("roles", &json!([]))).send().await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_token_that_the_issuer_did_not_sign_is_none() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic().await;
    let good = with("sub", &json!("anna"));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let public = serde_json::to_value(&issuer().jwks.keys[0]).unwrap();
    let public = BASE64URL_NOPAD.decode(public["x"].as_str().unwrap().as_bytes()).unwrap();
    let hs = |secret: &[u8]| {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(kid());
        encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap()
    };
    let stranger = clinic_api::http::auth::development::DevelopmentIssuer::random().unwrap();
    let none =
        |alg: &str| forged(&json!({ "alg": alg, "typ": "JWT", "kid": kid() }), &claims(), b"");
    let header = |extra: Value| {
        let mut header = json!({ "alg": "EdDSA", "kid": kid() });
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        forged(&header, &claims(), &BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap())
    };
    let mut other_claims = claims();
    other_claims["org"] = json!("ORG-ELSEWHERE");
    let swapped = forged(
        &json!({ "alg": "EdDSA", "kid": kid() }),
        &other_claims,
        &BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap(),
    );
    let bad = [
        none("none"),
        none("None"),
        none("EdDSA"),
        hs(&public),
        hs(b""),
        stranger.sign(&claims()).unwrap(),
        swapped,
        format!("{signed}."),
        format!("{signed}.{}", "A".repeat(86)),
        header(json!({ "crit": ["exp"] })),
        header(json!({ "typ": "logout+jwt" })),
        header(json!({ "kid": "unknown" })),
        header(json!({ "jwk": public, "kid": null })),
        header(json!({ "alg": "RS256" })),
        header(json!({ "alg": "ES256" })),
        String::new(),
        "a.b.c".to_owned(),
        good.replace('.', ".."),
        "x".repeat(20_000),
    ];
    for token in bad {
        let answer = app.get(&clinic).bearer(&token).send().await;
        answer.problem(401, "unauthenticated");
    }
    let elsewhere = [
        app.get(&clinic).anonymous(),
        app.get(&clinic).anonymous().header("authorization", "Basic YTpi"),
        app.get(&clinic).anonymous().header("authorization", &good),
        app.get(&clinic).header("authorization", &format!("Bearer {good}")),
        app.get(&format!("{clinic}?access_token={good}")).anonymous(),
        app.get(&clinic).anonymous().header("cookie", &format!("token={good}")),
    ];
    for call in elsewhere {
        let answer = call.send().await;
        assert!(answer.header("www-authenticate").starts_with("Bearer realm=\"clinic-api\""));
        answer.problem(401, "unauthenticated");
    }
    app.get(&clinic)
        .anonymous()
        .header("authorization", &format!("bearer {good}"))
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn nothing_of_a_request_is_looked_at_before_its_token() {
    let app = TestApp::spawn().await;
    let before = app.all_items().await;
    let calls = [
        app.get("/v1/clinics/nonsense"),
        app.get("/v1/clinics?nonsense=1"),
        app.post("/v1/clinics").bytes("text/plain", &vec![b'x'; 100_000]),
        app.request(axum::http::Method::HEAD, "/v1/clinics"),
    ];
    app.wire.forget();
    for call in calls {
        assert_eq!(call.anonymous().send().await.status.as_u16(), 401);
    }
    assert!(app.wire.take_calls().is_empty());
    assert_eq!(app.all_items().await, before);
    // An unknown path is 404 for every caller.
    app.get("/v1/nothing").anonymous().send().await.problem(404, "no_route");
    app.request(axum::http::Method::PUT, "/v1/clinics")
        .anonymous()
        .send()
        .await
        .problem(405, "method_not_allowed");
    for open in ["/livez", "/readyz", "/version", "/openapi.json", "/docs/", "/problems"] {
        app.get(open).anonymous().send().await.expect(200);
    }
}

#[tokio::test]
async fn what_is_written_carries_the_tokens_subject() {
    let app = TestApp::spawn().await;
    app.with_bearer(token(&principal(Role::FrontDesk))).patient().await;
    let items = app.all_items().await;
    let patient = items.iter().find(|item| item["type"].as_s().unwrap() == "patient").unwrap();
    assert_eq!(patient["updated_by"].as_s().unwrap(), "test-front_desk");
    assert_eq!(patient["org"].as_s().unwrap(), "ORG-DEMO");
}
