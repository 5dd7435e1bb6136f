//! Whether the process lives, and whether it can serve.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::AppState, error::ApiResult, openapi::AnyProblems, store::StoreError};

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
/// Answers 200 while the table can be read.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    operation_id = "get_readiness",
    responses((status = OK, description = "The table can be read.", body = Health), AnyProblems),
)]
pub async fn get_readiness(State(app): State<AppState>) -> ApiResult<Json<Health>> {
    app.store().ping().await.map_err(not_ready)?;
    Ok(Json(Health { status: "ok" }))
}

/// Whatever keeps the table from being read, a missing table included, may pass: not ready, rather than broken.
fn not_ready(error: StoreError) -> StoreError {
    match error {
        known @ (StoreError::Throttled | StoreError::Unreachable(_)) => known,
        other => StoreError::Unreachable(other.into()),
    }
}
