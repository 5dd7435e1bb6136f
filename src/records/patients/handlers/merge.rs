//! The merge of two patients over HTTP.

use axum::extract::State;

use super::PatientPath;
use crate::{
    app::AppState,
    appointments::repo::merge_patients,
    error::{ApiError, ApiResult, ErrorCode},
    http::{ApiPath, Content, WriteCommand, auth::Grant, spawn::spawn_uncancellable},
    openapi::Conflict,
    records::patients::{dto::MergeIn, model::Merge},
};

/// Merge a patient into another one
///
/// For two records of the same person. The appointments move to the patient in `into`, except those
/// that overlap others: the answer lists them in `kept`. The merged patient stays as an inactive
/// record with `merged_into`. Its record number moves if the other one has none, and its identifiers
/// while the other one has room. A merge cannot be undone. A repeated request completes an
/// interrupted merge. A manager whose token names clinics moves all appointments, and `kept` lists
/// only those at these clinics.
#[utoipa::path(
    post,
    path = "/v1/patients/{patient_id}/merge",
    params(PatientPath),
    request_body(content = MergeIn),
    responses(Conflict),
)]
pub async fn merge_patient(
    State(app): State<AppState>,
    grant: Grant,
    ApiPath(PatientPath { patient_id }): ApiPath<PatientPath>,
    WriteCommand { body: MergeIn { into }, context }: WriteCommand<MergeIn>,
) -> ApiResult<Content<Merge>> {
    if into == patient_id {
        let message = "must be another patient than the one in the path";
        return Err(ApiError::field(ErrorCode::ValidationFailed, "/into", message));
    }
    let (store, search) = (app.store().clone(), app.search().clone());
    let mut merged = {
        let context = context.clone();
        let merging =
            async move { merge_patients(&store, &search, &context, &patient_id, &into).await };
        spawn_uncancellable(app.lifecycle(), merging).await??
    };
    app.record_unwritten(&context, &merged.meta, [&merged.value.patient_id]).await?;
    merged.value.kept.retain(|kept| grant.may_see_clinic(&kept.clinic_id));
    Ok(Content(merged.value))
}
