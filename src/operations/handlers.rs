//! The endpoints for orchestrators and operators.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::AppState, error::ApiResult, http::Content, version};

/// The health of the process.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ServiceHealth)]
pub struct Health {
    /// Always `ok`. A failed check returns an error instead.
    #[schema(example = "ok")]
    pub status: &'static str,
}

/// Liveness
///
/// Returns 200 as long as the process runs. It does not depend on the database.
#[utoipa::path(get, path = "/livez")]
pub async fn get_liveness() -> Content<Health> {
    Content(Health { status: "ok" })
}

/// Readiness
///
/// Returns 200 while the process accepts requests: the table is readable, the token issuer's keys
/// were obtained at least once, and the process is not shutting down. Otherwise returns 503. The
/// table is read at most once a second, however often the endpoint is called. The check fails after
/// two failed reads in a row.
#[utoipa::path(get, path = "/readyz")]
pub async fn get_readiness(State(app): State<AppState>) -> ApiResult<Content<Health>> {
    let authenticator = &app.parts().authenticator;
    app.readiness().check(app.store(), authenticator, app.lifecycle(), || app.now()).await?;
    Ok(Content(Health { status: "ok" }))
}

/// The build of the process.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ServiceVersion)]
pub struct Build {
    /// The version (Semantic Versioning).
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// The commit of the build. Omitted if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "853b2e5d0f6d4f6a8c0f8f0a8e9a2b1c3d4e5f60")]
    pub commit: Option<&'static str>,
}

/// Version
///
/// Returns the version of the process that answers. During a rollout, this can be the old or the
/// new version.
#[utoipa::path(get, path = "/version")]
pub async fn get_version() -> Content<Build> {
    Content(Build { version: version::VERSION, commit: version::COMMIT })
}
