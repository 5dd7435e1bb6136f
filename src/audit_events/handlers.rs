//! The audit log over HTTP: who changed what.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::{
    model::{AuditEvent, AuditEventOut},
    repo::{self, FIRST, LAST},
};
use crate::{
    app::AppState,
    appointments::{self, handlers::AppointmentPath},
    error::{ApiError, ApiResult, ErrorCode},
    http::{ApiPath, Filter, IndexQuery, ListQuery, Page, Paging, ReadContext},
    records::{
        clinics::handlers::ClinicPath,
        patients::{self, handlers::PatientPath},
    },
    store::keys,
    time::optional_instant,
};

/// The filters of the audit log.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Instants {
    /// Return changes at or after this instant.
    #[serde(default, deserialize_with = "optional_instant")]
    from: Option<Timestamp>,
    /// Return changes at or before this instant.
    #[serde(default, deserialize_with = "optional_instant")]
    to: Option<Timestamp>,
}

impl Filter for Instants {}

fn range(filter: &Instants) -> ApiResult<(Timestamp, Timestamp)> {
    let range = (filter.from.unwrap_or(FIRST), filter.to.unwrap_or(LAST));
    let invalid = |name, message| Err(ApiError::field(ErrorCode::InvalidParameter, name, message));
    if range.0 < FIRST {
        return invalid("from", "must not be before 1970");
    }
    if range.1 < range.0 {
        return invalid("to", "must not be before from");
    }
    Ok((range.0, range.1.min(LAST)))
}

/// List the changes of a patient's record
///
/// Returns the patient's audit log, the latest change first: who changed which members and when,
/// without values. Changes are read from the table's stream, so an entry appears shortly after the
/// change. Entries remain after the record is deleted.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}/audit",
    params(PatientPath, ListQuery<Instants>),
)]
pub async fn list_patient_audit_events(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(PatientPath { patient_id }): ApiPath<PatientPath>,
    query: ListQuery<Instants>,
) -> ApiResult<Page<AuditEventOut>> {
    let range = range(&query.filter)?;
    let paging = Paging::new(app.keyring(), &context.grant, &patient_id, &query);
    let (store, org, page) = (app.store(), context.grant.org(), paging.request()?);
    let record = (&patient_id).into();
    let keys = |from, to| keys::changes_of_record(&record, from, to);
    let found = patients::repo::get(store, org, &patient_id, true);
    paging
        .page(Box::pin(repo::list_of_record(store, org, keys, range, page, |_| true, found)).await?)
}

/// List the changes of an appointment
///
/// Returns the appointment's audit log, the latest change first: who changed which members and
/// when, without values. Changes are read from the table's stream, so an entry appears shortly
/// after the change. Entries remain after the appointment is deleted.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}/audit",
    params(AppointmentPath, ListQuery<Instants>),
)]
pub async fn list_appointment_audit_events(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(path): ApiPath<AppointmentPath>,
    query: ListQuery<Instants>,
) -> ApiResult<Page<AuditEventOut>> {
    let range = range(&query.filter)?;
    let AppointmentPath { clinic_id, appointment_id } = &path;
    let parent = (clinic_id, appointment_id);
    let paging = Paging::new(app.keyring(), &context.grant, parent, &query);
    let (store, org, page) = (app.store(), context.grant.org(), paging.request()?);
    let record = appointment_id.into();
    let keys = |from, to| keys::changes_of_record(&record, from, to);
    let at_clinic = |event: &AuditEvent| event.clinic_id.as_ref() == Some(clinic_id);
    let found = appointments::repo::get(store, org, clinic_id, appointment_id, true);
    paging.page(
        Box::pin(repo::list_of_record(store, org, keys, range, page, at_clinic, found)).await?,
    )
}

/// List the changes at a clinic
///
/// Returns the clinic's audit log, the latest change first: who changed which members and when,
/// without values. It covers the clinic, its staff, resources, visit types, exceptions and
/// appointments. The list is read from an index and is eventually consistent.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/audit",
    params(ClinicPath, IndexQuery<Instants>),
)]
pub async fn list_clinic_audit_events(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    query: IndexQuery<Instants>,
) -> ApiResult<Page<AuditEventOut>> {
    let range = range(&query.filter)?;
    let paging = Paging::new(app.keyring(), &context.grant, &clinic_id, &query);
    let (store, org, page) = (app.store(), context.grant.org(), paging.request()?);
    let keys = |from, to| keys::changes_at_clinic(&clinic_id, from, to);
    let clinic = keys::clinic(&clinic_id);
    let found = store.require(org, &clinic);
    paging
        .page(Box::pin(repo::list_of_record(store, org, keys, range, page, |_| true, found)).await?)
}
