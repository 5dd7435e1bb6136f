//! The keys of the issuer: a JWK set (RFC 7517) from its URL or a file, cached and refreshed.

use std::{collections::HashMap, io::ErrorKind, path::PathBuf, str::FromStr, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use tokio::sync::{Mutex, RwLock};
use url::Url;

use super::fetch::{self, FetchError};
use crate::sensitive::{LogSafe, chain};

/// How often the keys are asked for at most, whatever tokens name.
const REFRESH_AT_MOST: SignedDuration = SignedDuration::from_secs(30);
/// How old keys may be before they are asked for anew, so that a key that was withdrawn is not trusted for ever.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// How old keys may be where the issuer can't be reached.
const TRUSTED: SignedDuration = SignedDuration::from_hours(24);

/// Where the keys are.
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
        const WRONG: &str = "is none of https://…, file:/PATH, and http://… on this machine";
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

/// A key that tokens may be signed with.
#[derive(Clone)]
pub struct VerifyingKey {
    /// The key.
    pub key: DecodingKey,
    /// The one algorithm that the issuer says it is for, if it says so.
    pub algorithm: Option<Algorithm>,
}

impl VerifyingKey {
    /// Whether a token with this `alg` may be signed with it: the key decides, not the token.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.key.family().algorithms().contains(&algorithm)
            && self.algorithm.is_none_or(|only| only == algorithm)
    }
}

/// Why an issuer's keys can't be had. It quotes nothing of what the issuer said.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The set did not arrive.
    #[error("the set did not arrive")]
    Fetch(#[source] FetchError),
    /// The file can't be read.
    #[error("the file can't be read: {0}")]
    File(ErrorKind),
    /// What arrived is something else.
    #[error("it is no JWK set")]
    NotJwks,
    /// Two keys have the same `kid`.
    #[error("two of its keys have the same kid")]
    SameKid,
    /// There is nothing to verify with.
    #[error("it holds no key with a kid that signatures can be verified with")]
    NoKey,
}

impl LogSafe for KeysError {}

/// Why there is no key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// The issuer has none of that id.
    Unknown,
    /// The issuer's keys can't be had.
    Unavailable,
}

/// The issuer's keys. Clones share them.
#[derive(Clone)]
pub struct IssuerKeys(Arc<Shared>);

struct Shared {
    location: Option<JwksLocation>,
    known: RwLock<Option<Known>>,
    /// When they were asked for last; held while they are asked for, so that one asks for all.
    asked: Mutex<Option<Timestamp>>,
}

#[derive(Clone)]
struct Known {
    keys: Arc<HashMap<String, Arc<VerifyingKey>>>,
    since: Timestamp,
}

impl IssuerKeys {
    /// The keys that will be found at a place.
    pub fn at(location: JwksLocation) -> Self {
        Self::with(Some(location), None)
    }

    /// Keys that never change.
    pub fn fixed(set: &JwkSet) -> Result<Self, KeysError> {
        Ok(Self::with(None, Some(Known { keys: Arc::new(usable(set)?), since: Timestamp::MAX })))
    }

    fn with(location: Option<JwksLocation>, known: Option<Known>) -> Self {
        Self(Arc::new(Shared { location, known: RwLock::new(known), asked: Mutex::new(None) }))
    }

    /// The key of an id, the same one until the set is asked for anew: at most twice a minute, whatever ids tokens make up.
    pub async fn find(&self, id: &str, now: Timestamp) -> Result<Arc<VerifyingKey>, NoKey> {
        let known = self.0.known.read().await.clone();
        let age = known.as_ref().map(|known| now.duration_since(known.since));
        let key = known.and_then(|known| known.keys.get(id).cloned());
        match (key, age) {
            (Some(key), Some(age)) if age < FRESH => Ok(key),
            // It serves while its successors are on their way.
            (Some(key), Some(age)) if age < TRUSTED => {
                let this = self.clone();
                if let Ok(asked) = this.0.clone().asked.try_lock()
                    && may_ask(*asked, now)
                {
                    tokio::spawn(async move { this.refresh(now).await });
                }
                Ok(key)
            }
            _ => {
                self.refresh(now).await;
                let known = self.0.known.read().await;
                let known =
                    known.as_ref().filter(|known| now.duration_since(known.since) < TRUSTED);
                known.ok_or(NoKey::Unavailable)?.keys.get(id).cloned().ok_or(NoKey::Unknown)
            }
        }
    }

    /// Asks for the keys, unless somebody has just done so.
    pub async fn refresh(&self, now: Timestamp) {
        let Some(location) = &self.0.location else { return };
        let mut asked = self.0.asked.lock().await;
        if !may_ask(*asked, now) {
            return;
        }
        *asked = Some(now);
        match load(location).await {
            Ok(keys) => {
                *self.0.known.write().await = Some(Known { keys: Arc::new(keys), since: now });
            }
            Err(error) => {
                tracing::error!(error.message = chain(&error), "the issuer's keys can't be had");
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

/// The keys for signatures, by id. What else a set holds is passed over, as RFC 7517 asks (section 5).
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
        // A key for another purpose than signatures of a kind that is known here.
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
        assert_eq!(told(path).await, "it is no JWK set");
        let missing = folder.path().join("canary");
        assert_eq!(told(missing).await, "the file can't be read: entity not found");
    }
}
