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
/// Returns the patient's access log: who read the patient's data or had it erased, and when. The
/// latest hour comes first; entries within an hour are sorted by operation. Repeated calls of one
/// operation by the same caller within an hour are one entry. An entry appears within seconds of
/// the request.
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
    app.record_access(&context, [&patient_id]).await?;
    paging.page(listed)
}
