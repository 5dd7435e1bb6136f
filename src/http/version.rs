//! What runs.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::AnyProblems;

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from, if whoever built it told.
pub const COMMIT: Option<&str> = known(option_env!("CLINIC_API_COMMIT"));

/// An image that is built without the argument sets it empty.
const fn known(commit: Option<&'static str>) -> Option<&'static str> {
    match commit {
        Some(commit) if commit.is_empty() => None,
        other => other,
    }
}

/// What runs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Build {
    /// The version of the program (Semantic Versioning).
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// The commit that it was built from; null if whoever built it did not tell.
    #[schema(required, example = "853b2e5d0f6d4f6a8c0f8f0a8e9a2b1c3d4e5f60")]
    pub commit: Option<&'static str>,
}

/// Version
///
/// Which version answers. While a new one is rolled out, that can be either.
#[utoipa::path(
    get,
    path = "/version",
    tag = "operations",
    operation_id = "get_version",
    responses((status = OK, description = "What runs.", body = Build), AnyProblems),
)]
pub async fn get_version() -> Json<Build> {
    Json(Build { version: VERSION, commit: COMMIT })
}
