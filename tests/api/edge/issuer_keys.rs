//! The issuer's keys: where they come from, how long they are trusted, and what no token can make of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use axum::{Router, http::StatusCode, response::Redirect, routing::get};
use clinic_api::http::auth::{
    claims::ClaimNames,
    development::{AUDIENCE, ISSUER},
    keys::{IssuerKeys, JwksLocation},
    token::{Authenticator, TokenError, TokenRules},
};
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};

use super::identity::{claims, now};

/// Serves on a port of its own; its URL.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
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
            set @ 0..=1 => (StatusCode::OK, sets[set].clone()),
            _ => (StatusCode::BAD_GATEWAY, String::new()),
        }
    });
    let url = serve(Router::new().route("/keys", keys)).await;
    let location: JwksLocation = format!("{url}/keys").parse().unwrap();
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
async fn what_is_remembered_of_a_token_is_its_signature_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let location: JwksLocation = format!("file:{}", file.display()).parse().unwrap();
    let write = |issuer: &RsaIssuer| {
        std::fs::write(&file, json!({ "keys": [issuer.jwk] }).to_string()).unwrap();
    };
    // The second has another key under the same name.
    let (first, second) = (RsaIssuer::new("one"), RsaIssuer::new("one"));
    write(&first);
    let keys = IssuerKeys::at(location);
    let authenticator = Authenticator::new(rules(), keys.clone());
    let after = |seconds| now() + SignedDuration::from_secs(seconds);
    let mut claims = claims();
    claims["exp"] = json!(after(4_000).as_second());
    claims["nbf"] = json!(now().as_second());
    let token = first.sign(&claims);
    for _ in 0..2 {
        let principal = authenticator.authenticate(&token, now()).await.unwrap();
        assert_eq!(principal.subject, claims["sub"].as_str().unwrap());
    }
    let refused = |answer: Result<_, TokenError>| match answer {
        Err(TokenError::Invalid(why)) => why,
        other => panic!("{other:?}"),
    };
    let tampered = {
        let other = first.sign(&json!({ "sub": "somebody else" }));
        let (signed, payload) = (token.rsplit_once('.').unwrap(), other.rsplit_once('.').unwrap());
        format!("{}.{}", payload.0, signed.1)
    };
    let answer = authenticator.authenticate(&tampered, now()).await;
    assert_eq!(refused(answer), "its signature is wrong");
    let early = authenticator.authenticate(&token, after(-31)).await;
    assert_eq!(refused(early), "it is not valid yet");
    let late = authenticator.authenticate(&token, after(4_030)).await;
    assert_eq!(refused(late), "it has expired");
    assert!(authenticator.authenticate(&token, after(3_000)).await.is_ok());
    write(&second);
    keys.refresh(after(3_100)).await;
    let withdrawn = authenticator.authenticate(&token, after(3_100)).await;
    assert_eq!(refused(withdrawn), "its signature is wrong");
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
async fn keys_are_asked_for_at_the_address_that_is_set_and_nowhere_else() {
    static ASKED_ELSEWHERE: AtomicUsize = AtomicUsize::new(0);
    let (ours, theirs) = (RsaIssuer::new("one"), RsaIssuer::new("one"));
    let their_set = json!({ "keys": [theirs.jwk] }).to_string();
    let elsewhere = get(async move || {
        ASKED_ELSEWHERE.fetch_add(1, Ordering::SeqCst);
        their_set.clone()
    });
    let elsewhere = serve(Router::new().route("/keys", elsewhere)).await + "/keys";
    let (our_set, target) = (json!({ "keys": [ours.jwk] }).to_string(), elsewhere.clone());
    let issuer = Router::new()
        .route("/keys", get(async move || our_set.clone()))
        .route("/moved", get(async move || Redirect::temporary(&target)));
    let issuer = serve(issuer).await;
    let at = |path: &str| {
        let location: JwksLocation = format!("{issuer}{path}").parse().unwrap();
        Authenticator::new(rules(), IssuerKeys::at(location))
    };
    // A token that says itself where its key is, or what it is.
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("one".to_owned());
    header.jku = Some(elsewhere.clone());
    header.x5u = Some(elsewhere);
    header.jwk = Some(theirs.jwk.clone());
    let self_made = encode(&header, &claims(), &theirs.key).unwrap();
    let refused = at("/keys").authenticate(&self_made, now()).await;
    assert!(matches!(refused, Err(TokenError::Invalid(_))), "{refused:?}");
    assert!(at("/keys").authenticate(&ours.sign(&claims()), now()).await.is_ok());
    let redirected = at("/moved").authenticate(&theirs.sign(&claims()), now()).await;
    assert_eq!(redirected, Err(TokenError::KeysUnavailable));
    assert_eq!(ASKED_ELSEWHERE.load(Ordering::SeqCst), 0);
}
