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
    openapi::Conflict,
    records::patients::{dto::PatientOut, handlers::PatientPath, repo},
};

/// No filter. The limit applies to appointments and accesses together.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportAll {}

impl Filter for ExportAll {
    const DEFAULT_LIMIT: u16 = 1000;
    const MAX_LIMIT: u16 = 1000;
}

/// A page of all data held on one patient.
#[derive(Debug, Serialize, ToSchema)]
pub struct PatientExport {
    /// When the page was created.
    pub exported_at: Timestamp,
    /// The patient, on each page. Absent if the patient was deleted and only appointments are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub patient: Option<PatientOut>,
    /// The patients that were merged into this one, on each page. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub merged: Vec<PatientOut>,
    /// The appointments at all clinics in every status, by start. They come before the accesses.
    /// The appointments and accesses of merged patients come before those of the patient.
    pub appointments: Vec<AppointmentOut>,
    /// The access log: who read the patient's data, by hour, oldest first. A read appears in the
    /// log within seconds.
    pub accesses: Vec<Access>,
    /// Send this value as `cursor` to get the next page. The export is complete when it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
}

/// Export a patient's data
///
/// Returns the record, every appointment with staff notes, and the access log, to answer a request
/// for access (GDPR, article 15). A page has at most 100 appointments and 1,000 entries, so most
/// patients are one page. Each patient that was merged into this one begins a page. For a merged
/// patient, export the one in `merged_into`. All reads are consistent.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}/export",
    params(PatientPath, IndexQuery<ExportAll>),
    responses(Conflict),
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
    if let Some(merged_into) = page.patient.as_ref().and_then(|it| it.value.merged_into.as_ref()) {
        return Err(repo::merged(merged_into));
    }
    let merged = page.merged.iter().map(|merged| &merged.value.record.id);
    app.record_access(&context, [&patient_id].into_iter().chain(merged)).await?;
    Ok(Content(PatientExport {
        exported_at: context.grant.now(),
        patient: page.patient.map(Into::into),
        merged: page.merged.into_iter().map(Into::into).collect(),
        appointments: page.appointments.into_iter().map(Into::into).collect(),
        accesses: page.accesses.into_iter().map(Into::into).collect(),
        next_cursor: paging.next(page.next.as_ref())?,
    }))
}
