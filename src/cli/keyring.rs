//! Finds the keyring: from a setting, from a file, or a new key for this process.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    config::{Engine, KeyArgs},
    http::metrics,
    keyring::{InvalidSecretKeys, Keyring},
    sensitive::{LogSafe, Sensitive, chain},
};

/// The interval at which the file of the secret keys is read again.
const RELOAD: Duration = Duration::from_secs(5);

/// Returns the keyring of the settings.
pub fn find(settings: &KeyArgs, engine: &Engine) -> anyhow::Result<Keyring> {
    if let Some(keys) = &settings.secret_keys {
        let keys = keys.expose().parse();
        return keys.context("--secret-keys (CLINIC_API_SECRET_KEYS) is invalid");
    }
    if let Some(path) = &settings.secret_keys_file {
        let loaded = load(path).map(|(_, keys)| keys);
        return loaded.context("--secret-keys-file (CLINIC_API_SECRET_KEYS_FILE) can't be used");
    }
    match engine {
        Engine::Memory => Ok(Keyring::random()),
        #[cfg(feature = "embedded")]
        Engine::File(path) => key_beside(path),
        #[cfg(not(feature = "embedded"))]
        Engine::File(_) => anyhow::bail!("this build supports only dynamodb"),
        Engine::DynamoDb => anyhow::bail!(
            "--secret-keys (CLINIC_API_SECRET_KEYS) or --secret-keys-file is required with --store dynamodb, with the same \
             keys for all replicas and workers; `clinic-api secret-key` prints a new key"
        ),
    }
}

/// The reason why the file of the secret keys can't be used.
#[derive(Debug, thiserror::Error)]
enum KeyFileError {
    #[error("the file could not be read: {0}")]
    Read(ErrorKind),
    #[error(transparent)]
    Invalid(#[from] InvalidSecretKeys),
}

impl LogSafe for KeyFileError {}

/// Returns the content of the file without white space, and its keys.
fn load(path: &Path) -> Result<(Sensitive<String>, Keyring), KeyFileError> {
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

/// Replaces the keys of a keyring whenever the file has other valid keys.
pub(super) async fn follow(keyring: Keyring, path: PathBuf) {
    let mut known = None;
    let mut failed = false;
    let mut ticks = interval(RELOAD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // A file system can hang.
        let read = tokio::task::spawn_blocking({
            let path = path.clone();
            move || load(&path)
        });
        let Ok(loaded) = read.await else { return };
        match loaded {
            Ok((text, _)) if known.as_ref() == Some(&text) => failed = false,
            Ok((text, keys)) => {
                keyring.replace(&keys);
                metrics::secret_keys_loaded(fingerprint(&text));
                if known.replace(text).is_some() {
                    tracing::info!("the secret keys were replaced");
                }
                failed = false;
            }
            Err(error) => {
                // Once, until the file is valid again.
                if !failed {
                    tracing::error!(
                        error.message = chain(&error),
                        "the file of the secret keys can't be used; keeping the current keys"
                    );
                }
                failed = true;
            }
        }
    }
}

/// Reads the key file next to the data, or creates it. Cursors and sealed secrets thus stay valid
/// after a restart.
#[cfg(feature = "embedded")]
fn key_beside(data: &Path) -> anyhow::Result<Keyring> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let path = crate::store::embedded::beside_data(data, ".secret-key");
    let shown = path.display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = crate::keyring::new_key();
            let mut new = std::fs::OpenOptions::new();
            let file = new.write(true).create_new(true).mode(0o600).open(path);
            let written = file.and_then(|mut file| file.write_all(key.as_bytes()));
            written.with_context(|| format!("{shown} can't be written"))?;
            key
        }
        Err(error) => return Err(error).with_context(|| format!("{shown} can't be read")),
    };
    text.trim()
        .parse()
        .with_context(|| format!("{shown} holds no valid key; delete it to create a new one"))
}
