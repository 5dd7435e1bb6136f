//! Bearer tokens: JWTs (RFC 7519) of one issuer, verified with its keys and the service's clock.

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

/// The maximum difference between the issuer's clock and ours.
const LEEWAY: SignedDuration = SignedDuration::from_secs(30);
/// The size of the cache of verified tokens, and the TTL of its entries.
const REMEMBERED: u64 = 10_000;
const REMEMBERED_FOR: Duration = Duration::from_mins(10);
/// The maximum length of a token. Headers are limited as well.
const MAX_BYTES: usize = 16 * 1024;
/// The accepted values of `typ`: JWT, or access token (RFC 9068). A missing `typ` is accepted as
/// well.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// The issuer for local development, whose key is in a folder.
pub(super) const DEVELOPMENT_ISSUER: &str = "urn:clinic-api:development";

/// The rules that tokens must satisfy.
#[derive(Debug, Clone)]
pub struct TokenRules {
    /// The required `iss`.
    pub issuer: String,
    /// The value that `aud` must contain.
    pub audience: String,
    /// The accepted algorithms. Algorithms with a shared secret are never accepted.
    pub algorithms: Vec<Algorithm>,
    /// Whether `nbf` may be missing.
    pub nbf_optional: bool,
    /// The names of the claims.
    pub claims: ClaimNames,
}

/// The reason why a token is rejected. The text is shown to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// The token is invalid.
    Invalid(&'static str),
    /// The token could not be verified, because the issuer's keys are not available.
    KeysUnavailable,
}

use TokenError::Invalid;

/// Verifies tokens and caches valid ones, because the signature is the slowest step before a
/// handler.
#[derive(Clone)]
pub struct Authenticator {
    rules: Arc<TokenRules>,
    keys: IssuerKeys,
    verified: Cache<[u8; 32], Arc<Verified>>,
}

/// A verified token, except for its validity period.
struct Verified {
    key_id: String,
    key: Arc<VerifyingKey>,
    validity: Validity,
    principal: Arc<Principal>,
}

impl Authenticator {
    /// Creates an authenticator for tokens that satisfy the rules and are signed with one of the
    /// keys.
    pub fn new(rules: TokenRules, keys: IssuerKeys) -> Self {
        let verified = Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR);
        Self { rules: Arc::new(rules), keys, verified: verified.build() }
    }

    /// Returns whether tokens can be verified: the issuer's keys were obtained at least once.
    pub async fn is_ready(&self, now: Timestamp) -> bool {
        self.keys.are_known(now).await
    }

    /// Returns the principal of a token.
    pub async fn authenticate(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Arc<Principal>, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(Invalid("it is longer than 16 KiB"));
        }
        // The cache key is a digest, so that no token stays in memory.
        let digest = Sha256::digest(token).into();
        if let Some(known) = self.verified.get(&digest).await
            // A key that was withdrawn or replaced invalidates its cached tokens.
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
            decode_header(token).map_err(|_| Invalid("it is not a JWT with a known algorithm"))?;
        self.check_header(&header)?;
        let key_id = header.kid.ok_or(Invalid("its header has no kid"))?;
        let key = self.keys.find(&key_id, now).await.map_err(|error| match error {
            NoKey::Unknown => Invalid(self.unknown_key()),
            NoKey::Unavailable => TokenError::KeysUnavailable,
        })?;
        if !key.is_for(header.alg) {
            return Err(Invalid("its algorithm does not match its key"));
        }
        let claims = self.verify(token, header.alg, &key)?;
        let validity = self.validity(&claims)?;
        validity.check(now)?;
        let principal = Arc::new(self.rules.claims.principal(&claims).map_err(Invalid)?);
        Ok(Verified { key_id, key, validity, principal })
    }

    fn unknown_key(&self) -> &'static str {
        if self.rules.issuer == DEVELOPMENT_ISSUER {
            "the service does not know its key. If `clinic-api token` used the key of another folder, run it in the folder in which \
             you started the service, or with the service's --development-issuer"
        } else {
            "its kid is not one of the issuer's keys"
        }
    }

    fn check_header(&self, header: &Header) -> Result<(), TokenError> {
        if !self.rules.algorithms.contains(&header.alg) {
            return Err(Invalid("its algorithm is not accepted"));
        }
        if header.crit.is_some() {
            return Err(Invalid("its header has a crit parameter, which is not supported"));
        }
        match &header.typ {
            Some(kind) if !TYPES.contains(&kind.to_lowercase().as_str()) => {
                Err(Invalid("its typ is not JWT or at+jwt"))
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
        // `validity` compares the times with the service's clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let verified = decode::<Value>(token, &key.key, &validation);
        verified.map(|token| token.claims).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => Invalid("its signature is invalid"),
            ErrorKind::InvalidIssuer => Invalid("it is from another issuer"),
            ErrorKind::InvalidAudience => Invalid("it is for another audience"),
            ErrorKind::MissingRequiredClaim(_) => Invalid("it has no iss, aud or sub"),
            _ => Invalid("it could not be verified"),
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

/// The validity period of a token.
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

/// Reads a `NumericDate` (RFC 7519, section 2): seconds, possibly with a fraction.
fn instant(claims: &Value, name: &str) -> Result<Option<Timestamp>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| seconds.abs() < 1e11);
    #[expect(clippy::cast_possible_truncation, reason = "it was compared with the bounds")]
    let instant = seconds.and_then(|seconds| Timestamp::from_second(seconds.floor() as i64).ok());
    match (instant, value) {
        (Some(instant), Value::Number(_)) => Ok(Some(instant)),
        _ => Err(Invalid("its exp or nbf is not a valid time")),
    }
}
