//! Who has read what, over HTTP.

use axum::{Json, extract::State};

use super::{dto::AccessOut, repo};
use crate::{
    app::AppState,
    error::ApiResult,
    http::{
        ApiPath, ApiQuery, Page, ReadContext,
        paging::{ListAll, Paging},
    },
    id::PatientId,
    openapi::ReadProblems,
};

/// List who has read a patient's data
///
/// The latest first: who read what is known of the patient, or had it erased, and when. Accesses are written beside the
/// requests that make them, a moment later.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}/accesses",
    tag = "patients",
    params(("patient_id" = PatientId, Path), ListAll),
    responses((status = OK, description = "A page of accesses.", body = Page<AccessOut>), ReadProblems),
)]
pub async fn list_patient_accesses(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(patient): ApiPath<PatientId>,
    ApiQuery(query): ApiQuery<ListAll>,
) -> ApiResult<Json<Page<AccessOut>>> {
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_patient_accesses", &patient);
    let page = paging.request_of(&query)?;
    let listed = repo::list(app.store(), context.grant.org(), &patient, page).await?;
    app.note_access(&context, [&patient]);
    paging.page(listed, |access| access.value.into()).map(Json)
}
