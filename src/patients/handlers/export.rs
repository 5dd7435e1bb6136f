//! All that is held on one patient, in pages.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::out;
use crate::{
    app::AppState,
    appointments::dto::AppointmentOut,
    audit::dto::AccessOut,
    error::ApiResult,
    http::{
        ApiPath, ApiQuery, ReadContext,
        paging::{Limit, Paging},
    },
    id::PatientId,
    openapi::ReadProblems,
    patients::{dto::PatientOut, repo},
};

/// The appointments and accesses of a page, together.
const LIMIT: Limit = Limit { default: 1000, max: 1000 };

/// Parameters of an export.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportPatient {
    /// The most appointments and accesses of a page, together.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// A page of all that is held on one patient.
#[derive(Debug, Serialize, ToSchema)]
pub struct PatientExport {
    /// When the page was taken together.
    pub exported_at: Timestamp,
    /// The patient, on each page; null if they were deleted and appointments are left of them.
    #[schema(required = true)]
    pub patient: Option<PatientOut>,
    /// Their appointments at all clinics, whatever became of them, by date. They come before the accesses.
    pub appointments: Vec<AppointmentOut>,
    /// Who has read what is known of them, the latest last.
    pub accesses: Vec<AccessOut>,
    /// Pass it as `cursor` to go on. The export is complete only when it is null.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// Export all that is held on a patient
///
/// For the patient's right of access (GDPR, article 15): the record, every appointment with what staff noted, and who
/// has read them, in pages of at most 1,000 and 2 MB: most patients are one page. The list of appointments comes from an
/// index, which lags behind by a moment.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}/export",
    tag = "patients",
    params(("patient_id" = PatientId, Path), ExportPatient),
    responses((status = OK, description = "A page of all that is held.", body = PatientExport), ReadProblems),
)]
pub async fn export_patient(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(id): ApiPath<PatientId>,
    ApiQuery(query): ApiQuery<ExportPatient>,
) -> ApiResult<Json<PatientExport>> {
    let paging = Paging::new(app.cursor_keys(), &context.grant, "export_patient", &id);
    let (position, limit) = (paging.after(query.cursor.as_deref())?, LIMIT.check(query.limit)?);
    let page = repo::export(app.store(), context.grant.org(), &id, position, limit).await?;
    app.note_access(&context, [&id]);
    let appointments = page.appointments.into_iter();
    Ok(Json(PatientExport {
        exported_at: app.now(),
        patient: page.patient.map(out),
        appointments: appointments.map(|one| one.show(AppointmentOut::new)).collect(),
        accesses: page.accesses.into_iter().map(|access| access.value.into()).collect(),
        next_cursor: paging.next(page.next.as_ref())?,
    }))
}
