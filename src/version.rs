//! The version and the commit of the program.

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit of the build, if known.
pub const COMMIT: Option<&str> = non_empty(option_env!("CLINIC_API_COMMIT"));

/// Treats an empty value as unknown: an image built without the build argument sets it to an empty
/// string.
const fn non_empty(commit: Option<&'static str>) -> Option<&'static str> {
    match commit {
        Some(commit) if commit.is_empty() => None,
        other => other,
    }
}
