//! The endpoints for orchestrators and operators.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::AppState, error::ApiResult, http::Content, version};

/// That all is well.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`; anything else is a problem.
    #[schema(example = "ok")]
    pub status: &'static str,
}

/// Liveness
///
/// Answers as long as the process runs, whatever the database does.
#[utoipa::path(get, path = "/livez")]
pub async fn get_liveness() -> Content<Health> {
    Content(Health { status: "ok" })
}

/// Readiness
///
/// Answers 200 while the process takes requests: the table can be read, and the process was not told to stop.
/// The table is read at most once a second, whoever asks. Once it could be read, only the third failure in a row
/// counts.
#[utoipa::path(get, path = "/readyz")]
pub async fn get_readiness(State(app): State<AppState>) -> ApiResult<Content<Health>> {
    app.readiness().check(app.store(), app.lifecycle(), || app.now()).await?;
    Ok(Content(Health { status: "ok" }))
}

/// The build that answers.
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
#[utoipa::path(get, path = "/version")]
pub async fn get_version() -> Content<Build> {
    Content(Build { version: version::VERSION, commit: version::COMMIT })
}
