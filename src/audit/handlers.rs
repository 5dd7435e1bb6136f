//! Who has read what, over HTTP.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{dto::AccessOut, repo};
use crate::{
    app::AppState,
    error::ApiResult,
    http::{ApiPath, ApiQuery, Page, ReadContext, paging::Paging},
    id::PatientId,
    openapi::ReadProblems,
};

/// Parameters of a list of accesses.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPatientAccesses {
    /// Read what all writes before this request have left, at twice the cost.
    #[serde(default)]
    #[param(default = false)]
    consistent: bool,
    /// The most items of a page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// List who has read a patient's data
///
/// The latest first: who read what is known of the patient, or had it erased, and when. Accesses are written beside the
/// requests that make them, a moment later.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}/accesses",
    tag = "patients",
    params(("patient_id" = PatientId, Path), ListPatientAccesses),
    responses((status = OK, description = "A page of accesses.", body = Page<AccessOut>), ReadProblems),
)]
pub async fn list_patient_accesses(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(patient): ApiPath<PatientId>,
    ApiQuery(query): ApiQuery<ListPatientAccesses>,
) -> ApiResult<Json<Page<AccessOut>>> {
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_patient_accesses", &patient);
    let mut page = paging.request(query.cursor.as_deref(), query.limit)?;
    page.consistent = query.consistent;
    let listed = repo::list(app.store(), context.grant.org(), &patient, page).await?;
    app.note_access(&context, [&patient]);
    paging.page(listed, |access| access.value.into()).map(Json)
}
