//! The keys that seal cursors: from a setting, beside the data, or for this process alone.

#[cfg(feature = "embedded")]
use std::path::Path;

use anyhow::Context as _;

use crate::{
    config::{Engine, Secret},
    http::cursor::CursorKeys,
};

/// The keys as the settings say.
///
/// # Errors
/// If there are none and the engine needs them, or the file beside the data is of no use.
pub fn find(keys: Option<&Secret>, engine: &Engine) -> anyhow::Result<CursorKeys> {
    if let Some(keys) = keys {
        let keys = keys.reveal().parse();
        return keys.context("--cursor-keys (CLINIC_API_CURSOR_KEYS) holds no keys");
    }
    match engine {
        Engine::Memory => Ok(CursorKeys::random()),
        #[cfg(feature = "embedded")]
        Engine::File(path) => key_beside(path),
        #[cfg(not(feature = "embedded"))]
        Engine::File(_) => anyhow::bail!("this build has dynamodb alone"),
        Engine::DynamoDb => anyhow::bail!(
            "--cursor-keys (CLINIC_API_CURSOR_KEYS) is needed with --store dynamodb: all replicas share it; \
             `clinic-api cursor-key` makes one"
        ),
    }
}

/// The key beside the data file, made with it, so that cursors outlive a restart.
#[cfg(feature = "embedded")]
fn key_beside(data: &Path) -> anyhow::Result<CursorKeys> {
    let path = crate::store::embedded::beside_data(data, ".cursor-key");
    let shown = path.display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = crate::http::cursor::new_key();
            write_private(&path, &key).with_context(|| format!("{shown} can't be written"))?;
            key
        }
        Err(error) => return Err(error).with_context(|| format!("{shown} can't be read")),
    };
    text.trim().parse().with_context(|| format!("{shown} holds no key: delete it for a new one"))
}

#[cfg(feature = "embedded")]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
