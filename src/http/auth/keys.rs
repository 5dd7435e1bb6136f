//! The issuer's keys: a JWK set (RFC 7517) from a URL or a file, cached and refreshed.

use std::{collections::HashMap, io::ErrorKind, path::PathBuf, str::FromStr, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use tokio::{
    sync::{Mutex, RwLock},
    task::JoinHandle,
};
use url::Url;

use super::fetch::{self, FetchError};
use crate::{
    http::metrics,
    sensitive::{LogSafe, chain},
};

/// The minimum interval between two refreshes, whatever key ids tokens have.
const REFRESH_AT_MOST: SignedDuration = SignedDuration::from_secs(30);
/// The age at which keys are refreshed in the background, so that requests of a busy service do not
/// wait.
const RENEWED: SignedDuration = SignedDuration::from_mins(5);
/// The maximum age at which keys verify tokens without a refresh. The issuer may have withdrawn
/// older keys.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// The time after a failed refresh during which requests do not wait for another attempt.
const OUTAGE: SignedDuration = SignedDuration::from_mins(1);
/// The maximum age of keys while the issuer is not reachable.
const TRUSTED: SignedDuration = SignedDuration::from_hours(24);

/// The location of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksLocation {
    /// A URL: `https`, or `http` on this machine.
    Url(Url),
    /// A file.
    File(PathBuf),
}

impl FromStr for JwksLocation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "must be https://…, file:/PATH, or http://… on this machine";
        if let Some(path) = text.strip_prefix("file:") {
            let path = PathBuf::from(path);
            return if path.as_os_str().is_empty() { Err(WRONG) } else { Ok(Self::File(path)) };
        }
        let url: Url = text.parse().map_err(|_| WRONG)?;
        let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let allowed = url.scheme() == "https" || url.scheme() == "http" && here;
        if allowed { Ok(Self::Url(url)) } else { Err(WRONG) }
    }
}

/// A key that verifies tokens.
#[derive(Clone)]
pub struct VerifyingKey {
    /// The key.
    pub key: DecodingKey,
    /// The only algorithm of the key, if the issuer names one.
    pub algorithm: Option<Algorithm>,
}

impl VerifyingKey {
    /// Returns whether the key verifies tokens with this `alg`. The key decides, not the token.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.key.family().algorithms().contains(&algorithm)
            && self.algorithm.is_none_or(|only| only == algorithm)
    }
}

/// The reason why the issuer's keys are not available. It quotes nothing of the issuer's response.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The download failed.
    #[error("the download failed")]
    Fetch(#[source] FetchError),
    /// The file could not be read.
    #[error("the file could not be read: {0}")]
    File(ErrorKind),
    /// The document is not a JWK set.
    #[error("it is not a JWK set")]
    NotJwks,
    /// Two keys have the same `kid`.
    #[error("two of its keys have the same kid")]
    SameKid,
    /// No key can verify signatures.
    #[error("it has no key with a kid that can verify signatures")]
    NoKey,
}

impl LogSafe for KeysError {}

/// The reason why there is no key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// The issuer has no key with this id.
    Unknown,
    /// The issuer's keys are not available.
    Unavailable,
}

/// The issuer's keys. Clones share them.
#[derive(Clone)]
pub struct IssuerKeys(Arc<Shared>);

struct Shared {
    location: Option<JwksLocation>,
    known: RwLock<Known>,
    /// The time of the last refresh. Locked during a refresh, so that only one runs at a time.
    asked: Mutex<Option<Timestamp>>,
}

#[derive(Clone, Default)]
struct Known {
    keys: Arc<HashMap<String, Arc<VerifyingKey>>>,
    /// The time of the last successful refresh, if there was one.
    since: Option<Timestamp>,
    /// The time of the last failed refresh, if no later one succeeded.
    failed: Option<Timestamp>,
}

impl Known {
    /// Returns whether the keys are younger than `age`. Fixed keys always are.
    fn within(&self, age: SignedDuration, now: Timestamp) -> bool {
        self.since.is_some_and(|since| now.duration_since(since) < age)
    }

    /// Returns whether the keys may verify tokens without a refresh.
    fn serve(&self, now: Timestamp) -> bool {
        let is_away = self.failed.is_some_and(|failed| now.duration_since(failed) < OUTAGE);
        self.within(FRESH, now) || is_away && self.within(TRUSTED, now)
    }
}

impl IssuerKeys {
    /// Returns the keys at a location. They are loaded when they are first needed.
    pub fn at(location: JwksLocation) -> Self {
        metrics::issuer_keys_obtained(None);
        Self::with(Some(location), Known::default())
    }

    /// Returns keys that never change.
    pub fn fixed(set: &JwkSet) -> Result<Self, KeysError> {
        let keys = Arc::new(usable(set)?);
        Ok(Self::with(None, Known { keys, since: Some(Timestamp::MAX), failed: None }))
    }

    fn with(location: Option<JwksLocation>, known: Known) -> Self {
        Self(Arc::new(Shared { location, known: RwLock::new(known), asked: Mutex::new(None) }))
    }

    /// Returns the key with an id. It is the same `Arc` until the next refresh.
    ///
    /// Refreshes the keys if the id is unknown or the keys are old, at most twice a minute. Old
    /// keys are only returned while the issuer is not reachable.
    pub async fn find(&self, id: &str, now: Timestamp) -> Result<Arc<VerifyingKey>, NoKey> {
        let known = self.0.known.read().await.clone();
        if let Some(key) = known.keys.get(id).filter(|_| known.serve(now)) {
            let is_due = || self.0.asked.try_lock().is_ok_and(|asked| may_ask(*asked, now));
            if !known.within(RENEWED, now) && is_due() {
                self.refresh_beside(now);
            }
            return Ok(key.clone());
        }
        // In a task, so that the refresh completes even if the caller disconnects.
        let _ = self.refresh_beside(now).await;
        let known = self.0.known.read().await;
        if !known.serve(now) {
            return Err(NoKey::Unavailable);
        }
        known.keys.get(id).cloned().ok_or(NoKey::Unknown)
    }

    /// Returns whether the keys were ever obtained. Refreshes them if not, at most twice a minute.
    pub async fn are_known(&self, now: Timestamp) -> bool {
        if self.0.known.read().await.since.is_none() {
            // In a task, so that the refresh completes even if the probe gives up.
            let _ = self.refresh_beside(now).await;
        }
        self.0.known.read().await.since.is_some()
    }

    fn refresh_beside(&self, now: Timestamp) -> JoinHandle<()> {
        let this = self.clone();
        tokio::spawn(async move { this.refresh(now).await })
    }

    /// Refreshes the keys, unless the last refresh is too recent.
    pub async fn refresh(&self, now: Timestamp) {
        let Some(location) = &self.0.location else { return };
        let mut asked = self.0.asked.lock().await;
        if !may_ask(*asked, now) {
            return;
        }
        *asked = Some(now);
        match load(location).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                *self.0.known.write().await = Known { keys, since: Some(now), failed: None };
                metrics::issuer_keys_obtained(Some(now));
            }
            Err(error) => {
                let mut known = self.0.known.write().await;
                if matches!(error, KeysError::NoKey) && known.since.is_some() {
                    // The issuer responded without a key: its earlier keys are withdrawn.
                    *known = Known { since: Some(now), ..Known::default() };
                } else {
                    known.failed = Some(now);
                }
                tracing::error!(
                    error.message = chain(&error),
                    "the issuer's keys are not available"
                );
            }
        }
    }
}

fn may_ask(asked: Option<Timestamp>, now: Timestamp) -> bool {
    asked.is_none_or(|last| now.duration_since(last) >= REFRESH_AT_MOST)
}

async fn load(location: &JwksLocation) -> Result<HashMap<String, Arc<VerifyingKey>>, KeysError> {
    let text = match location {
        JwksLocation::Url(url) => fetch::get(url).await.map_err(KeysError::Fetch)?,
        JwksLocation::File(path) => {
            tokio::fs::read(path).await.map_err(|error| KeysError::File(error.kind()))?.into()
        }
    };
    usable(&serde_json::from_slice(&text).map_err(|_| KeysError::NotJwks)?)
}

/// Returns the keys for signatures by id. Ignores other keys, as RFC 7517 requires (section 5).
fn usable(set: &JwkSet) -> Result<HashMap<String, Arc<VerifyingKey>>, KeysError> {
    let mut keys = HashMap::new();
    for jwk in &set.keys {
        let common = &jwk.common;
        let for_signatures = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
        let usable = common.key_id.clone().zip(verifying(jwk)).filter(|_| for_signatures);
        if let Some((id, key)) = usable
            && keys.insert(id, Arc::new(key)).is_some()
        {
            return Err(KeysError::SameKid);
        }
    }
    if keys.is_empty() { Err(KeysError::NoKey) } else { Ok(keys) }
}

fn verifying(jwk: &Jwk) -> Option<VerifyingKey> {
    let key = DecodingKey::from_jwk(jwk).ok()?;
    if key.family() == jsonwebtoken::AlgorithmFamily::Hmac {
        return None;
    }
    let algorithm = match jwk.common.key_algorithm {
        None => None,
        // Ignore a key for an unknown algorithm or another purpose.
        Some(named) => Some(named.to_string().parse().ok()?),
    };
    Some(VerifyingKey { key, algorithm })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_issuers_answer_is_told_without_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks.json");
        std::fs::write(&path, r#"{"keys":"canary"}"#).unwrap();
        let quoted = serde_json::from_slice::<JwkSet>(&std::fs::read(&path).unwrap()).err();
        assert!(quoted.unwrap().to_string().contains("canary"));
        let told = async |path: PathBuf| {
            let failed = load(&JwksLocation::File(path)).await.map(|_| ()).unwrap_err();
            chain(&failed)
        };
        assert_eq!(told(path).await, "it is not a JWK set");
        let missing = folder.path().join("canary");
        assert_eq!(told(missing).await, "the file could not be read: entity not found");
    }
}
