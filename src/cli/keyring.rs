//! Finds the secret keys and the search keys: from a setting, from a file, or new keys for this
//! process.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use tokio::time::{MissedTickBehavior, interval};

#[cfg(feature = "embedded")]
use super::key_file::{self, Need};
#[cfg(feature = "embedded")]
use crate::store::keys;
use crate::{
    config::{Engine, KeyArgs, SearchArgs},
    http::metrics,
    keyring::{InvalidSecretKeys, Keyring, SearchKeys},
    records::patients::model::search::PatientSearch,
    sensitive::{LogSafe, Sensitive, chain},
};

/// The interval at which the file of the secret keys is read again.
const RELOAD: Duration = Duration::from_secs(5);

/// Returns the keyring of the settings.
pub fn find(settings: &KeyArgs, engine: &Engine) -> anyhow::Result<Keyring> {
    find_keys(settings.secret_keys.as_ref(), settings.secret_keys_file.as_deref(), engine)
}

/// Returns the keys and algorithms of the search for patients.
pub fn find_search(settings: &SearchArgs, engine: &Engine) -> anyhow::Result<PatientSearch> {
    let (given, file) = (settings.search_keys.as_ref(), settings.search_keys_file.as_deref());
    let keys = find_keys(given, file, engine)?;
    Ok(PatientSearch { keys, phonetics: settings.search_phonetics.clone() })
}

/// Returns the keys of the search like [`find_search`], or `None` if a table in DynamoDB comes without
/// a setting for them.
pub fn find_search_if_set(
    settings: &SearchArgs,
    engine: &Engine,
) -> anyhow::Result<Option<PatientSearch>> {
    let is_set = settings.search_keys.is_some() || settings.search_keys_file.is_some();
    if *engine == Engine::DynamoDb && !is_set {
        return Ok(None);
    }
    find_search(settings, engine).map(Some)
}

fn find_keys<K: Keys>(
    given: Option<&Sensitive<String>>,
    file: Option<&Path>,
    engine: &Engine,
) -> anyhow::Result<K> {
    let (name, variable) = (K::NAME, K::VARIABLE);
    if let Some(keys) = given {
        let keys = keys.expose().parse();
        return keys.with_context(|| format!("--{name}-keys ({variable}) is invalid"));
    }
    if let Some(path) = file {
        let loaded = load(path).map(|(_, keys)| keys);
        return loaded
            .with_context(|| format!("--{name}-keys-file ({variable}_FILE) can't be used"));
    }
    match engine {
        Engine::Memory => Ok(K::random()),
        #[cfg(feature = "embedded")]
        Engine::File(path) => {
            let key = key_file::read_or_create(path, name, &K::NEED)?;
            key.parse().with_context(|| {
                format!(
                    "{}.{name}-key holds no valid key: restore it from a backup",
                    path.display()
                )
            })
        }
        #[cfg(not(feature = "embedded"))]
        Engine::File(_) => anyhow::bail!("this build supports only dynamodb"),
        Engine::DynamoDb => anyhow::bail!(
            "--{name}-keys ({variable}) or --{name}-keys-file is required with --store dynamodb, with the same keys for all \
             {}; `clinic-api secret-key` prints a new key",
            K::USERS
        ),
    }
}

/// The reason why a file of keys can't be used.
#[derive(Debug, thiserror::Error)]
enum KeyFileError {
    #[error("the file could not be read: {0}")]
    Read(ErrorKind),
    #[error(transparent)]
    Invalid(#[from] InvalidSecretKeys),
}

impl LogSafe for KeyFileError {}

/// Returns the content of the file without white space, and its keys.
fn load<K>(path: &Path) -> Result<(Sensitive<String>, K), KeyFileError>
where
    K: FromStr<Err = InvalidSecretKeys>,
{
    let read = std::fs::metadata(path).and_then(|file| {
        // A pipe would block.
        if file.is_file() {
            std::fs::read_to_string(path)
        } else {
            Err(ErrorKind::InvalidInput.into())
        }
    });
    let text = read.map_err(|error| KeyFileError::Read(error.kind()))?;
    let text: String = text.split_whitespace().collect();
    let keys = text.parse()?;
    Ok((text.into(), keys))
}

/// Returns the first 24 bits of the SHA-256 of the keys: different keys have different numbers, and no number reveals a key.
fn fingerprint(text: &Sensitive<String>) -> u32 {
    let digest = Sha256::digest(text.expose());
    u32::from_be_bytes([0, digest[0], digest[1], digest[2]])
}

/// The keys of a setting. A running process can replace them.
pub(super) trait Keys: FromStr<Err = InvalidSecretKeys> + Send + 'static {
    /// Their name in settings and logs.
    const NAME: &'static str;
    /// The environment variable of the setting.
    const VARIABLE: &'static str;
    /// The processes that need the same keys.
    const USERS: &'static str;
    /// The metric of their fingerprint.
    const METRIC: &'static str;
    /// The items that need them.
    #[cfg(feature = "embedded")]
    const NEED: Need;

    /// Creates one random key.
    fn random() -> Self;

    /// Replaces the keys of every clone with those of `other`.
    fn replace_by(&self, other: &Self);
}

impl Keys for Keyring {
    const NAME: &'static str = "secret";
    const VARIABLE: &'static str = "CLINIC_API_SECRET_KEYS";
    const USERS: &'static str = "replicas and workers";
    const METRIC: &'static str = metrics::SECRET_KEYS;
    #[cfg(feature = "embedded")]
    const NEED: Need = Need {
        partitions: keys::OF_SECRET_KEYS,
        items: "webhooks whose secrets only this key decrypts",
        remedy: "give every webhook a new secret: POST /v1/webhooks/{webhook_id}/rotate-secret",
    };

    fn random() -> Self {
        Self::random()
    }

    fn replace_by(&self, other: &Self) {
        self.replace(other);
    }
}

impl Keys for SearchKeys {
    const NAME: &'static str = "search";
    const VARIABLE: &'static str = "CLINIC_API_SEARCH_KEYS";
    const USERS: &'static str = "replicas";
    const METRIC: &'static str = metrics::SEARCH_KEYS;
    #[cfg(feature = "embedded")]
    const NEED: Need = Need {
        partitions: keys::OF_SEARCH_KEYS,
        items: "patients that only a search with this key finds",
        remedy: "run `clinic-api table backfill --lost-search-keys` with the same --store before you start the service",
    };

    fn random() -> Self {
        Self::random()
    }

    fn replace_by(&self, other: &Self) {
        self.replace(other);
    }
}

/// Replaces keys whenever the file has other valid keys.
pub(super) async fn follow<K: Keys>(keys_in_use: K, path: PathBuf) {
    let mut known = None;
    let mut failed = false;
    let mut ticks = interval(RELOAD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // A file system can hang.
        let read = tokio::task::spawn_blocking({
            let path = path.clone();
            move || load::<K>(&path)
        });
        let Ok(loaded) = read.await else { return };
        match loaded {
            Ok((text, _)) if known.as_ref() == Some(&text) => failed = false,
            Ok((text, keys)) => {
                keys_in_use.replace_by(&keys);
                metrics::keys_loaded(K::METRIC, fingerprint(&text));
                if known.replace(text).is_some() {
                    tracing::info!(keys.kind = K::NAME, "the keys were replaced");
                }
                failed = false;
            }
            Err(error) => {
                // Once, until the file is valid again.
                if !failed {
                    tracing::error!(
                        keys.kind = K::NAME,
                        error.message = chain(&error),
                        "the file of the keys can't be used; keeping the current keys"
                    );
                }
                failed = true;
            }
        }
    }
}
