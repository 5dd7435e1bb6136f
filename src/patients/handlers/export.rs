//! All that is held on one patient.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::out;
use crate::{
    app::AppState,
    appointments::{self, dto::AppointmentOut},
    audit::{self, dto::AccessOut},
    error::{ApiError, ApiResult},
    http::{ApiPath, ReadContext},
    id::PatientId,
    openapi::ReadProblems,
    patients::{dto::PatientOut, repo},
};

/// All that is held on one patient.
#[derive(Debug, Serialize, ToSchema)]
pub struct PatientExport {
    /// When it was taken together.
    pub exported_at: Timestamp,
    /// The patient; null if they were deleted and appointments are left of them.
    #[schema(required = true)]
    pub patient: Option<PatientOut>,
    /// Their appointments at all clinics, whatever became of them, by date.
    pub appointments: Vec<AppointmentOut>,
    /// Who has read what is known of them, the latest last.
    pub accesses: Vec<AccessOut>,
}

/// Export all that is held on a patient
///
/// For the patient's right of access (GDPR, article 15): the record, every appointment with what staff noted, and who
/// has read them. The list of appointments comes from an index, which lags behind by a moment.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}/export",
    tag = "patients",
    params(("patient_id" = PatientId, Path)),
    responses((status = OK, description = "All that is held.", body = PatientExport), ReadProblems),
)]
pub async fn export_patient(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(id): ApiPath<PatientId>,
) -> ApiResult<Json<PatientExport>> {
    let (store, org) = (app.store(), context.grant.org());
    let patient = repo::find(store, org, &id).await?;
    let appointments = appointments::repo::all_of_patient(store, org, &id).await?;
    if patient.is_none() && appointments.is_empty() {
        return Err(ApiError::not_found());
    }
    let accesses = audit::repo::all(store, org, &id).await?;
    app.note_access(&context, [&id]);
    Ok(Json(PatientExport {
        exported_at: app.now(),
        patient: patient.map(out),
        appointments: appointments.into_iter().map(|one| one.show(AppointmentOut::new)).collect(),
        accesses: accesses.into_iter().map(|access| access.value.into()).collect(),
    }))
}
