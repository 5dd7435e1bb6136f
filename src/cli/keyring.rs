//! The keyring: from a setting, from a file beside the data, or of a new key for this process alone.

#[cfg(feature = "embedded")]
use std::path::Path;

use anyhow::Context as _;

use crate::{
    config::{Engine, KeyArgs},
    keyring::Keyring,
};

/// Returns the keyring that the settings name.
pub fn find(settings: &KeyArgs, engine: &Engine) -> anyhow::Result<Keyring> {
    if let Some(keys) = &settings.secret_keys {
        let keys = keys.expose().parse();
        return keys.context("--secret-keys (CLINIC_API_SECRET_KEYS) holds no keys");
    }
    match engine {
        Engine::Memory => Ok(Keyring::random()),
        #[cfg(feature = "embedded")]
        Engine::File(path) => key_beside(path),
        #[cfg(not(feature = "embedded"))]
        Engine::File(_) => anyhow::bail!("this build has dynamodb alone"),
        Engine::DynamoDb => anyhow::bail!(
            "--secret-keys (CLINIC_API_SECRET_KEYS) is needed with --store dynamodb: all replicas share it; \
             `clinic-api secret-key` makes one"
        ),
    }
}

/// Reads the key beside the data file, or makes it: cursors and sealed secrets stay valid after a restart.
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
    text.trim().parse().with_context(|| format!("{shown} holds no key: delete it for a new one"))
}
