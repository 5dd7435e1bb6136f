//! Settings of the store: the engine, the table and the secret keys.

use std::{path::PathBuf, str::FromStr};

use clap::Args;

use crate::sensitive::Sensitive;

/// The store.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// The storage engine: `memory` (data is lost on exit), `file:PATH` (embedded, one SQLite file)
    /// or `dynamodb`. With `dynamodb`, region, credentials and endpoint come from the standard AWS
    /// environment variables (`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_DYNAMODB` for DynamoDB
    /// Local, …). `clinic-api worker` requires `dynamodb`: on an embedded engine, `serve` runs the
    /// worker's tasks.
    #[arg(long, env = "CLINIC_API_STORE", default_value = DEFAULT_STORE)]
    pub store: Engine,
    /// The table name.
    #[arg(long, env = "CLINIC_API_TABLE", default_value = "clinic")]
    pub table: String,
}

#[cfg(feature = "embedded")]
const DEFAULT_STORE: &str = "file:data/clinic.db";
#[cfg(not(feature = "embedded"))]
const DEFAULT_STORE: &str = "dynamodb";

/// The secret keys.
#[derive(Debug, Clone, Args)]
pub struct KeyArgs {
    /// The secret keys: 32 bytes each in base64url, separated by commas. The service derives the
    /// keys for cursors, webhook secrets and hold secrets from them. The first key encrypts and
    /// signs; all keys decrypt and verify. All replicas and workers need the same keys. Required
    /// with `dynamodb`. Without this setting, `file:PATH` creates a key and stores it next to the
    /// data. If that file is missing later and there are webhooks, the command refuses to start.
    /// `clinic-api secret-key` prints a new key.
    // Parsed later: clap's error message would show the value.
    #[arg(long, env = "CLINIC_API_SECRET_KEYS", hide_env_values = true)]
    pub secret_keys: Option<Sensitive<String>>,
    /// A file with the secret keys, instead of `--secret-keys`. A running process reads the file
    /// again every 5 seconds and uses changed keys without a restart. If the new content is not
    /// valid, it keeps its keys and logs an error.
    #[arg(long, env = "CLINIC_API_SECRET_KEYS_FILE", conflicts_with = "secret_keys")]
    pub secret_keys_file: Option<PathBuf>,
}

/// A storage engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, in memory. Data is lost on exit.
    Memory,
    /// Embedded, in one SQLite file.
    File(PathBuf),
    /// DynamoDB, or a compatible engine at the configured endpoint.
    DynamoDb,
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let engine = match text {
            "memory" => Self::Memory,
            "dynamodb" => Self::DynamoDb,
            other => match other.strip_prefix("file:") {
                Some(path) if !path.is_empty() => Self::File(PathBuf::from(path)),
                _ => return Err("must be one of memory, file:PATH, dynamodb".to_owned()),
            },
        };
        if engine != Self::DynamoDb && cfg!(not(feature = "embedded")) {
            return Err("is not part of this build, which supports only dynamodb".to_owned());
        }
        Ok(engine)
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;

    #[test]
    fn engines_are_named_as_documented() {
        assert_eq!("memory".parse(), Ok(Engine::Memory));
        assert_eq!("dynamodb".parse(), Ok(Engine::DynamoDb));
        assert_eq!("file:a/b.db".parse(), Ok(Engine::File("a/b.db".into())));
        for bad in ["", "file:", "sqlite", "Memory"] {
            assert!(bad.parse::<Engine>().is_err(), "{bad}");
        }
    }
}
