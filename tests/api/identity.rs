//! Who calls: tokens that are taken, and all the ways in which one is not.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use axum::{Router, routing::get};
use clinic_api::http::auth::{
    Role,
    claims::ClaimNames,
    development::{AUDIENCE, ISSUER},
    keys::{IssuerKeys, JwksLocation},
    token::{Authenticator, TokenError, TokenRules},
};
use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};

use crate::support::{
    NOW, TestApp,
    callers::{issuer, principal, token},
};

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn claims() -> Value {
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

/// A token put together by hand.
fn forged(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(claims), BASE64URL_NOPAD.encode(signature))
}

fn kid() -> String {
    issuer().jwks().keys[0].common.key_id.clone().unwrap()
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
        ("no time", with("exp", &json!("tomorrow"))),
        ("no time", with("exp", &json!(1e300))),
        ("another issuer", with("iss", &json!("https://elsewhere.example"))),
        ("iss, aud or sub", with("iss", &Value::Null)),
        ("another audience", with("aud", &json!("elsewhere"))),
        ("iss, aud or sub", with("aud", &Value::Null)),
        ("sub", with("sub", &Value::Null)),
        ("sub", with("sub", &json!("an na"))),
        ("no organisation", with("org", &Value::Null)),
        ("no list of names", with("roles", &json!({ "admin": true }))),
        ("no list of ids", with("clinics", &json!(["Seefeld"]))),
        ("no patient's id", with("patient", &json!("Ida"))),
    ];
    for (why, token) in bad {
        let answer = app.get(&clinic).bearer(&token).send().await;
        let challenge = answer.header("www-authenticate").to_owned();
        assert_eq!(challenge, "Bearer realm=\"clinic-api\", error=\"invalid_token\"", "{why}");
        let problem = answer.problem(401, "unauthenticated");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{why}: {problem}");
    }
    // Nobody of no role is still somebody, who may do nothing.
    app.get(&clinic).bearer(&with("roles", &json!([]))).send().await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_token_that_the_issuer_did_not_sign_is_none() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic().await;
    let good = with("sub", &json!("anna"));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let public = serde_json::to_value(&issuer().jwks().keys[0]).unwrap();
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
    // What is no operation tells so to everybody.
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

/// An issuer as there are many: RSA, with its keys behind a URL.
struct RsaIssuer {
    key: EncodingKey,
    jwk: Jwk,
    public_der: Vec<u8>,
}

impl RsaIssuer {
    fn new(kid: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // jsonwebtoken takes PKCS #1, which PKCS #8 wraps: the 26 bytes before it say only what it is.
        let key = EncodingKey::from_rsa_der(&der.as_ref()[26..]);
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        Self { key, jwk, public_der: public.as_ref().to_vec() }
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid.clone_from(&self.jwk.common.key_id);
        encode(&header, claims, &self.key).unwrap()
    }
}

fn rules() -> TokenRules {
    TokenRules {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        algorithms: vec![Algorithm::RS256],
        nbf_optional: false,
        claims: ClaimNames::default(),
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret_to_sign_with() {
    let rsa = RsaIssuer::new("one");
    let set = serde_json::from_value(json!({ "keys": [rsa.jwk] })).unwrap();
    let keys = IssuerKeys::fixed(&set).unwrap();
    let strict = Authenticator::new(rules(), keys.clone());
    // Even with an algorithm allowed by mistake, a key is used for its own kind alone.
    let careless = TokenRules { algorithms: vec![Algorithm::RS256, Algorithm::HS256], ..rules() };
    let careless = Authenticator::new(careless, keys);
    assert!(strict.authenticate(&rsa.sign(&claims()), now()).await.is_ok());
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        data_encoding::BASE64.encode(&rsa.public_der)
    );
    for secret in [rsa.public_der.as_slice(), pem.as_bytes()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("one".to_owned());
        let confused = encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
        for authenticator in [&strict, &careless] {
            let refused = authenticator.authenticate(&confused, now()).await;
            assert!(matches!(refused, Err(TokenError::Invalid(_))), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn keys_are_cached_and_asked_for_again_when_one_is_not_known_but_rarely() {
    static SERVED: AtomicUsize = AtomicUsize::new(0);
    static ROTATED: AtomicUsize = AtomicUsize::new(0);
    let (old, new) = (RsaIssuer::new("old"), RsaIssuer::new("new"));
    let sets = [json!({ "keys": [old.jwk] }).to_string(), json!({ "keys": [new.jwk] }).to_string()];
    let keys = get(async move || {
        SERVED.fetch_add(1, Ordering::SeqCst);
        match ROTATED.load(Ordering::SeqCst) {
            set @ 0..=1 => (axum::http::StatusCode::OK, sets[set].clone()),
            _ => (axum::http::StatusCode::BAD_GATEWAY, String::new()),
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let server = Router::new().route("/keys", keys);
    tokio::spawn(async move { axum::serve(listener, server).await });
    let location: JwksLocation = url.parse().unwrap();
    let authenticator = Authenticator::new(rules(), IssuerKeys::at(location));
    let served = || SERVED.load(Ordering::SeqCst);
    let later = |seconds| now() + SignedDuration::from_secs(seconds);
    let mut long = claims();
    long["exp"] = json!(later(1_000_000).as_second());
    let (by_old, by_new) = (old.sign(&long), new.sign(&long));
    for _ in 0..5 {
        assert!(authenticator.authenticate(&by_old, now()).await.is_ok());
    }
    assert_eq!(served(), 1);
    // Tokens with made-up keys make no requests within half a minute, and one after it.
    for _ in 0..5 {
        assert!(authenticator.authenticate(&by_new, later(29)).await.is_err());
    }
    assert_eq!(served(), 1);
    ROTATED.store(1, Ordering::SeqCst);
    assert!(authenticator.authenticate(&by_new, later(31)).await.is_ok());
    assert_eq!(served(), 2);
    // A key that was withdrawn is trusted no more.
    assert!(authenticator.authenticate(&by_old, later(32)).await.is_err());
    // While the issuer is away, what is known of it serves, for a day.
    ROTATED.store(2, Ordering::SeqCst);
    assert!(authenticator.authenticate(&by_new, later(3_600)).await.is_ok());
    assert!(authenticator.authenticate(&by_new, later(23 * 3_600)).await.is_ok());
    let gone = authenticator.authenticate(&by_new, later(26 * 3_600)).await;
    assert_eq!(gone, Err(TokenError::KeysUnavailable));
}

#[tokio::test]
async fn an_issuer_that_was_never_reached_is_no_fault_of_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let location: JwksLocation = format!("file:{}", file.display()).parse().unwrap();
    let rsa = RsaIssuer::new("one");
    let authenticator = Authenticator::new(rules(), IssuerKeys::at(location));
    let token = rsa.sign(&claims());
    for useless in
        ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"one"}]}"#]
    {
        std::fs::write(&file, useless).unwrap();
        let answer = authenticator.authenticate(&token, now()).await;
        assert_eq!(answer, Err(TokenError::KeysUnavailable), "{useless}");
    }
    std::fs::write(&file, json!({ "keys": [rsa.jwk, { "kty": "new", "kid": "x" }] }).to_string())
        .unwrap();
    let later = now() + SignedDuration::from_secs(30);
    assert!(authenticator.authenticate(&token, later).await.is_ok());
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
