//! The access log over HTTP.

use axum::extract::State;

use super::{model::Access, repo};
use crate::{
    app::AppState,
    error::ApiResult,
    http::{ApiPath, ListQuery, Page, Paging, ReadContext},
    records::patients::handlers::PatientPath,
};

/// List who has read a patient's data
///
/// The latest first: who read what is known of the patient, or had it erased, and when. Accesses are written beside the
/// requests that make them, a moment later.
#[utoipa::path(get, path = "/v1/patients/{patient_id}/accesses", params(PatientPath, ListQuery))]
pub async fn list_patient_accesses(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(PatientPath { patient_id }): ApiPath<PatientPath>,
    query: ListQuery,
) -> ApiResult<Page<Access>> {
    let paging = Paging::new(app.keyring(), &context.grant, &patient_id, &query);
    let (org, page) = (context.grant.org(), paging.request()?);
    let listed = repo::list(app.store(), org, &patient_id, page).await?;
    app.record_access(&context, [&patient_id]);
    paging.page(listed)
}
