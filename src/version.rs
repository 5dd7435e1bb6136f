//! The version and the commit of the program.

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit of the build, if the build names it.
pub const COMMIT: Option<&str> = known(option_env!("CLINIC_API_COMMIT"));

/// An image that is built without the argument sets it empty.
const fn known(commit: Option<&'static str>) -> Option<&'static str> {
    match commit {
        Some(commit) if commit.is_empty() => None,
        other => other,
    }
}
