//! Finds the keyring: from a setting, from a file next to the data, or a new key for this process.

#[cfg(feature = "embedded")]
use std::path::Path;

use anyhow::Context as _;

use crate::{
    config::{Engine, KeyArgs},
    keyring::Keyring,
};

/// Returns the keyring of the settings.
pub fn find(settings: &KeyArgs, engine: &Engine) -> anyhow::Result<Keyring> {
    if let Some(keys) = &settings.secret_keys {
        let keys = keys.expose().parse();
        return keys.context("--secret-keys (CLINIC_API_SECRET_KEYS) is invalid");
    }
    match engine {
        Engine::Memory => Ok(Keyring::random()),
        #[cfg(feature = "embedded")]
        Engine::File(path) => key_beside(path),
        #[cfg(not(feature = "embedded"))]
        Engine::File(_) => anyhow::bail!("this build supports only dynamodb"),
        Engine::DynamoDb => anyhow::bail!(
            "--secret-keys (CLINIC_API_SECRET_KEYS) is required with --store dynamodb, with the same value for all \
             replicas and workers; `clinic-api secret-key` prints a new key"
        ),
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
