//! Settings of the search for patients.

use std::path::PathBuf;

use clap::Args;

use crate::{records::patients::model::search::Phonetics, sensitive::Sensitive};

/// The search for patients.
#[derive(Debug, Clone, Args)]
pub struct SearchArgs {
    /// The search keys: 32 bytes each in base64url, separated by commas. They turn names, dates of
    /// birth, telephone numbers, e-mail addresses and identifiers into keys of the table, and
    /// encrypt what a search shows. New patients use the first key; a search uses all. All replicas
    /// need the same keys. Patients that no key finds are missing from searches until `table
    /// backfill` runs. Required with `dynamodb`, except by `table verify`, which then compares no
    /// search items. Without this setting, `file:PATH` creates a key and stores it next to the data.
    /// If that file is missing later and there are patients, the command refuses to start.
    /// `clinic-api secret-key` prints a new key.
    // Parsed later: clap's error message would show the value.
    #[arg(long, env = "CLINIC_API_SEARCH_KEYS", hide_env_values = true)]
    pub search_keys: Option<Sensitive<String>>,
    /// A file with the search keys, instead of `--search-keys`. A running process reads it again
    /// every 5 seconds, like `--secret-keys-file`.
    #[arg(long, env = "CLINIC_API_SEARCH_KEYS_FILE", conflicts_with = "search_keys")]
    pub search_keys_file: Option<PathBuf>,
    /// The phonetic algorithm that finds names that sound alike: `double-metaphone` or `cologne`,
    /// which suits German names. Organisations may have their own, for example
    /// `double-metaphone,ORG-1=cologne`. After a change, run `table backfill`.
    #[arg(long, env = "CLINIC_API_SEARCH_PHONETICS", default_value = "double-metaphone")]
    pub search_phonetics: Phonetics,
}
