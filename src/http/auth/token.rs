//! Bearer tokens: JWTs (RFC 7519) of one issuer, verified with its keys and by the service's own clock.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, errors::ErrorKind};
use moka::future::Cache;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    claims::ClaimNames,
    keys::{IssuerKeys, NoKey, VerifyingKey},
    principal::Principal,
};

/// How far the issuer's clock may be from ours.
const LEEWAY: SignedDuration = SignedDuration::from_secs(30);
/// Of how many tokens it is remembered that they were verified, and for how long.
const REMEMBERED: u64 = 10_000;
const REMEMBERED_FOR: Duration = Duration::from_mins(10);
/// A longer token is none: headers are limited as well.
const MAX_BYTES: usize = 16 * 1024;
/// The types of token that say who calls: none given, any JWT, or an access token (RFC 9068).
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// What tokens must be.
#[derive(Debug, Clone)]
pub struct TokenRules {
    /// Their `iss`.
    pub issuer: String,
    /// What their `aud` must name.
    pub audience: String,
    /// The algorithms that are taken; those with a shared secret never are.
    pub algorithms: Vec<Algorithm>,
    /// Whether a token may come without `nbf`.
    pub nbf_optional: bool,
    /// Where a token has what.
    pub claims: ClaimNames,
}

/// Why a token is refused, for its bearer to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// The token is wrong.
    Invalid(&'static str),
    /// Nothing can be said of it: the issuer's keys can't be had.
    KeysUnavailable,
}

use TokenError::Invalid;

/// Verifies tokens, and remembers those that were right: a signature takes longer than all else before a handler.
#[derive(Clone)]
pub struct Authenticator {
    rules: Arc<TokenRules>,
    keys: IssuerKeys,
    verified: Cache<[u8; 32], Arc<Verified>>,
}

/// A token that was right, but for the time.
struct Verified {
    key_id: String,
    key: Arc<VerifyingKey>,
    validity: Validity,
    principal: Arc<Principal>,
}

impl Authenticator {
    /// One that takes what keeps the rules and is signed with one of the keys.
    pub fn new(rules: TokenRules, keys: IssuerKeys) -> Self {
        let verified = Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR);
        Self { rules: Arc::new(rules), keys, verified: verified.build() }
    }

    /// Whom a token speaks for.
    pub async fn authenticate(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Arc<Principal>, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(Invalid("it is too long"));
        }
        // What is remembered is no token: nobody finds one in this process's memory.
        let digest = Sha256::digest(token).into();
        if let Some(known) = self.verified.get(&digest).await
            // A key that was withdrawn or replaced since verifies nothing any more.
            && self.keys.find(&known.key_id, now).await.is_ok_and(|key| Arc::ptr_eq(&key, &known.key))
        {
            known.validity.check(now)?;
            return Ok(known.principal.clone());
        }
        let verified = Arc::new(self.read(token, now).await?);
        self.verified.insert(digest, verified.clone()).await;
        Ok(verified.principal.clone())
    }

    async fn read(&self, token: &str, now: Timestamp) -> Result<Verified, TokenError> {
        let header =
            decode_header(token).map_err(|_| Invalid("it is no JWT with a known algorithm"))?;
        self.check_header(&header)?;
        let key_id = header.kid.ok_or(Invalid("its header names no key"))?;
        let key = self.keys.find(&key_id, now).await.map_err(|error| match error {
            NoKey::Unknown => Invalid("its key is none of the issuer's"),
            NoKey::Unavailable => TokenError::KeysUnavailable,
        })?;
        if !key.is_for(header.alg) {
            return Err(Invalid("its key is not for its algorithm"));
        }
        let claims = self.verify(token, header.alg, &key)?;
        let validity = self.validity(&claims)?;
        validity.check(now)?;
        let principal = Arc::new(self.rules.claims.principal(&claims).map_err(Invalid)?);
        Ok(Verified { key_id, key, validity, principal })
    }

    fn check_header(&self, header: &Header) -> Result<(), TokenError> {
        if !self.rules.algorithms.contains(&header.alg) {
            return Err(Invalid("its algorithm is not taken here"));
        }
        if header.crit.is_some() {
            return Err(Invalid("its header asks for what is not known here"));
        }
        match &header.typ {
            Some(kind) if !TYPES.contains(&kind.to_lowercase().as_str()) => {
                Err(Invalid("it is not of a type that says who calls"))
            }
            _ => Ok(()),
        }
    }

    fn verify(
        &self,
        token: &str,
        algorithm: Algorithm,
        key: &VerifyingKey,
    ) -> Result<Value, TokenError> {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.rules.issuer]);
        validation.set_audience(&[&self.rules.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        // The times are compared with the service's own clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let verified = decode::<Value>(token, &key.key, &validation);
        verified.map(|token| token.claims).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => Invalid("its signature is wrong"),
            ErrorKind::InvalidIssuer => Invalid("it is of another issuer"),
            ErrorKind::InvalidAudience => Invalid("it is for another audience"),
            ErrorKind::MissingRequiredClaim(_) => Invalid("it lacks iss, aud or sub"),
            _ => Invalid("it can't be verified"),
        })
    }

    fn validity(&self, claims: &Value) -> Result<Validity, TokenError> {
        let expires = instant(claims, "exp")?.ok_or(Invalid("it has no exp"))?;
        let begins = instant(claims, "nbf")?;
        if begins.is_none() && !self.rules.nbf_optional {
            return Err(Invalid("it has no nbf"));
        }
        Ok(Validity { begins, expires })
    }
}

/// When a token is valid.
struct Validity {
    begins: Option<Timestamp>,
    expires: Timestamp,
}

impl Validity {
    fn check(&self, now: Timestamp) -> Result<(), TokenError> {
        if now.duration_since(self.expires) >= LEEWAY {
            return Err(Invalid("it has expired"));
        }
        if self.begins.is_some_and(|begins| begins.duration_since(now) > LEEWAY) {
            return Err(Invalid("it is not valid yet"));
        }
        Ok(())
    }
}

/// A `NumericDate` (RFC 7519, section 2): seconds, which may have a fraction.
fn instant(claims: &Value, name: &str) -> Result<Option<Timestamp>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| seconds.abs() < 1e11);
    #[expect(clippy::cast_possible_truncation, reason = "it was compared with the bounds")]
    let instant = seconds.and_then(|seconds| Timestamp::from_second(seconds.floor() as i64).ok());
    match (instant, value) {
        (Some(instant), Value::Number(_)) => Ok(Some(instant)),
        _ => Err(Invalid("its exp or nbf is no time")),
    }
}
