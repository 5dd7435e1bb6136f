//! The issuer's keys: where they come from, how long they are trusted, and attacks with forged tokens.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

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
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::identity::{claims, now};
use crate::support::eventually;

/// Serves a router on a free port. Returns its URL.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// A typical issuer: RSA, with its keys at a URL.
struct RsaIssuer {
    key: EncodingKey,
    jwk: Jwk,
    public_der: Vec<u8>,
}

impl RsaIssuer {
    fn new(kid: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // jsonwebtoken expects PKCS #1. PKCS #8 wraps it; the first 26 bytes only name the algorithm.
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
    // Even if an algorithm is allowed by mistake, a key is only used with its own kind.
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
    // Tokens with unknown keys cause no request within half a minute, and one after it.
    for _ in 0..5 {
        assert!(authenticator.authenticate(&by_new, later(29)).await.is_err());
    }
    assert_eq!(served(), 1);
    ROTATED.store(1, Ordering::SeqCst);
    assert!(authenticator.authenticate(&by_new, later(31)).await.is_ok());
    assert_eq!(served(), 2);
    // A withdrawn key is not trusted any more.
    assert!(authenticator.authenticate(&by_old, later(32)).await.is_err());
    // While the issuer is unreachable, the known keys are used for a day.
    ROTATED.store(2, Ordering::SeqCst);
    assert!(authenticator.authenticate(&by_new, later(3_600)).await.is_ok());
    assert!(authenticator.authenticate(&by_new, later(23 * 3_600)).await.is_ok());
    let gone = authenticator.authenticate(&by_new, later(26 * 3_600)).await;
    assert_eq!(gone, Err(TokenError::KeysUnavailable));
}

/// An issuer whose keys and availability the test changes.
#[derive(Clone, Default)]
struct Changing {
    keys: Arc<Mutex<Vec<Jwk>>>,
    away: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    /// Each response needs a permit; without one it waits.
    answers: Option<Arc<Semaphore>>,
}

impl Changing {
    async fn serve(&self) -> Authenticator {
        let this = self.clone();
        let keys = get(async move || {
            let is_away = this.away.load(Ordering::SeqCst);
            this.asked.fetch_add(1, Ordering::SeqCst);
            if let Some(answers) = &this.answers {
                answers.acquire().await.unwrap().forget();
            }
            if is_away {
                return (StatusCode::BAD_GATEWAY, String::new());
            }
            (StatusCode::OK, json!({ "keys": *this.keys.lock().unwrap() }).to_string())
        });
        let url = serve(Router::new().route("/keys", keys)).await;
        Authenticator::new(rules(), IssuerKeys::at(format!("{url}/keys").parse().unwrap()))
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn has(&self, issuers: &[&RsaIssuer]) {
        *self.keys.lock().unwrap() = issuers.iter().map(|issuer| issuer.jwk.clone()).collect();
    }
}

fn later(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

fn long_token(issuer: &RsaIssuer) -> String {
    let mut long = claims();
    long["exp"] = json!(later(100_000).as_second());
    issuer.sign(&long)
}

/// After an idle day the issuer was not asked. A key that it withdrew in the meantime must not be accepted even once.
#[tokio::test]
async fn a_key_that_was_withdrawn_is_not_accepted_after_an_idle_day() {
    let (kept, withdrawn) = (RsaIssuer::new("kept"), RsaIssuer::new("withdrawn"));
    for idle in [10, 60, 23 * 60] {
        let issuer = Changing::default();
        issuer.has(&[&kept, &withdrawn]);
        let authenticator = issuer.serve().await;
        let (good, bad) = (long_token(&kept), long_token(&withdrawn));
        for token in [&good, &bad] {
            assert!(authenticator.authenticate(token, now()).await.is_ok());
        }
        issuer.has(&[&kept]);
        // Concurrent requests cause one request to the issuer.
        let calls = (0..40).map(|number| {
            let token = if number % 2 == 0 { &bad } else { &good };
            authenticator.authenticate(token, later(idle))
        });
        for (number, answer) in join_all(calls).await.into_iter().enumerate() {
            let refused = matches!(answer, Err(TokenError::Invalid(_)));
            assert_eq!(refused, number % 2 == 0, "{idle}: {answer:?}");
        }
        assert_eq!(issuer.asked(), 2, "{idle}");
    }
}

/// An issuer that answers with an empty key set has withdrawn all keys. It is not unreachable.
#[tokio::test]
async fn the_only_key_is_not_accepted_once_it_was_withdrawn() {
    let (only, next) = (RsaIssuer::new("only"), RsaIssuer::new("next"));
    let issuer = Changing::default();
    issuer.has(&[&only]);
    let authenticator = issuer.serve().await;
    let token = long_token(&only);
    assert!(authenticator.authenticate(&token, now()).await.is_ok());
    issuer.has(&[]);
    for minutes in [10, 11, 60] {
        let refused = authenticator.authenticate(&token, later(minutes)).await;
        assert!(matches!(refused, Err(TokenError::Invalid(_))), "{refused:?}");
    }
    issuer.has(&[&next]);
    assert!(authenticator.authenticate(&long_token(&next), later(61)).await.is_ok());
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_the_issuer_is_asked_opens_no_gap() {
    let withdrawn = RsaIssuer::new("withdrawn");
    let answers = Arc::new(Semaphore::new(1));
    let issuer = Changing { answers: Some(answers.clone()), ..Changing::default() };
    issuer.has(&[&withdrawn]);
    let authenticator = issuer.serve().await;
    let token = long_token(&withdrawn);
    assert!(authenticator.authenticate(&token, now()).await.is_ok());
    issuer.has(&[&RsaIssuer::new("other")]);
    let (first, sent) = (authenticator.clone(), token.clone());
    let hung_up = tokio::spawn(async move { first.authenticate(&sent, later(60)).await });
    eventually("the issuer is asked", async || (issuer.asked() == 2).then_some(())).await;
    hung_up.abort();
    let (second, sent) = (authenticator.clone(), token.clone());
    let next = tokio::spawn(async move { second.authenticate(&sent, later(60)).await });
    answers.add_permits(1);
    let answer = next.await.unwrap();
    assert!(matches!(answer, Err(TokenError::Invalid(_))), "{answer:?}");
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn while_the_issuer_is_away_its_keys_serve_for_a_day_and_few_requests_wait_for_it() {
    let rsa = RsaIssuer::new("one");
    let issuer = Changing::default();
    issuer.has(&[&rsa]);
    let authenticator = issuer.serve().await;
    let token = long_token(&rsa);
    let accepted = async |now| authenticator.authenticate(&token, now).await;
    assert!(accepted(now()).await.is_ok());
    // After five minutes the keys are refreshed in the background.
    assert!(accepted(later(4)).await.is_ok());
    assert_eq!(issuer.asked(), 1);
    assert!(accepted(later(6)).await.is_ok());
    eventually("they are asked for", async || (issuer.asked() == 2).then_some(())).await;
    issuer.away.store(true, Ordering::SeqCst);
    for minutes in [20, 21, 23 * 60, 24 * 60 + 4] {
        assert!(accepted(later(minutes)).await.is_ok(), "{minutes}");
    }
    // The response of minute 6 is a day old.
    assert_eq!(accepted(later(24 * 60 + 7)).await, Err(TokenError::KeysUnavailable));
    issuer.away.store(false, Ordering::SeqCst);
    assert!(accepted(later(24 * 60 + 8)).await.is_ok());
}

#[tokio::test]
async fn what_is_remembered_of_a_token_is_its_signature_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let location: JwksLocation = format!("file:{}", file.display()).parse().unwrap();
    let write = |issuer: &RsaIssuer| {
        std::fs::write(&file, json!({ "keys": [issuer.jwk] }).to_string()).unwrap();
    };
    // The second issuer has another key with the same id.
    let (first, second) = (RsaIssuer::new("one"), RsaIssuer::new("one"));
    write(&first);
    let keys = IssuerKeys::at(location.clone());
    let authenticator = Authenticator::new(rules(), keys.clone());
    let another = Authenticator::new(rules(), IssuerKeys::at(location));
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
    assert_eq!(refused(answer), "its signature is invalid");
    let early = authenticator.authenticate(&token, after(-31)).await;
    assert_eq!(refused(early), "it is not valid yet");
    // Time does not go back, so this is a new authenticator.
    assert!(another.authenticate(&token, now()).await.is_ok());
    let late = another.authenticate(&token, after(4_030)).await;
    assert_eq!(refused(late), "it has expired");
    assert!(authenticator.authenticate(&token, after(3_000)).await.is_ok());
    write(&second);
    keys.refresh(after(3_100)).await;
    let withdrawn = authenticator.authenticate(&token, after(3_100)).await;
    assert_eq!(refused(withdrawn), "its signature is invalid");
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
    assert!(!authenticator.is_ready(now()).await);
    std::fs::write(&file, json!({ "keys": [rsa.jwk, { "kty": "new", "kid": "x" }] }).to_string())
        .unwrap();
    let later = now() + SignedDuration::from_secs(30);
    // Without a request: a replica that is not ready gets none.
    assert!(authenticator.is_ready(later).await);
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
    // A token that states the location or the kind of its key itself.
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
