//! Whether the process lives, and whether it should be sent requests.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::AppState, error::ApiResult, openapi::AnyProblems};

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
#[utoipa::path(
    get,
    path = "/livez",
    tag = "operations",
    operation_id = "get_liveness",
    responses((status = OK, description = "The process runs.", body = Health), AnyProblems),
)]
pub async fn get_liveness() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Readiness
///
/// Answers 200 while the process takes requests: the table can be read, and the process was not told to stop.
/// The table is read at most once a second, whoever asks. Once it could be read, only the third failure in a row
/// counts.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    operation_id = "get_readiness",
    responses((status = OK, description = "The process takes requests.", body = Health), AnyProblems),
)]
pub async fn get_readiness(State(app): State<AppState>) -> ApiResult<Json<Health>> {
    app.readiness().check(app.store(), app.lifecycle(), || app.now()).await?;
    Ok(Json(Health { status: "ok" }))
}
