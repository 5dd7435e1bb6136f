//! The export of a patient over HTTP.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::export::export;
use crate::{
    app::AppState,
    appointments::dto::AppointmentOut,
    audit::model::Access,
    error::ApiResult,
    http::{ApiPath, Content, Filter, IndexQuery, Paging, ReadContext},
    records::{
        patients::{handlers::PatientPath, model::Patient},
        shown::Shown,
    },
};

/// No filter. The limit is of appointments and accesses together.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportAll {}

impl Filter for ExportAll {
    const DEFAULT_LIMIT: u16 = 1000;
    const MAX_LIMIT: u16 = 1000;
}

// utoipa takes names without type parameters here.
type PatientOut = Shown<Patient>;

/// A page of all that is held on one patient.
#[derive(Debug, Serialize, ToSchema)]
pub struct PatientExport {
    /// When the page was taken together.
    pub exported_at: Timestamp,
    /// The patient, on each page; null if they were deleted and appointments are left of them.
    #[schema(required = true)]
    pub patient: Option<PatientOut>,
    /// Their appointments at all clinics, whatever became of them, by start. They come before the accesses.
    pub appointments: Vec<AppointmentOut>,
    /// Who has read what is known of them, the latest last.
    pub accesses: Vec<Access>,
    /// Pass it as `cursor` to go on. The export is complete only when it is null.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// Export all that is held on a patient
///
/// For the patient's right of access (GDPR, article 15): the record, every appointment with what staff noted, and who
/// has read them, in pages of at most 100 appointments and 1,000 entries: most patients are one page. All of it is read
/// consistently.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}/export",
    params(PatientPath, IndexQuery<ExportAll>),
)]
pub async fn export_patient(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(PatientPath { patient_id }): ApiPath<PatientPath>,
    query: IndexQuery<ExportAll>,
) -> ApiResult<Content<PatientExport>> {
    let paging = Paging::new(app.keyring(), &context.grant, &patient_id, &query);
    let (org, after) = (context.grant.org(), paging.after()?);
    let page = export(app.store(), org, &patient_id, after, paging.limit()).await?;
    app.record_access(&context, [&patient_id]);
    Ok(Content(PatientExport {
        exported_at: context.grant.now(),
        patient: page.patient.map(Into::into),
        appointments: page.appointments.into_iter().map(Into::into).collect(),
        accesses: page.accesses.into_iter().map(Into::into).collect(),
        next_cursor: paging.next(page.next.as_ref())?,
    }))
}
