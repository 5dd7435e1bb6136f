//! Who changed what, over HTTP.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    dto::AuditEventOut,
    model::AuditEvent,
    repo::{self, FIRST, LAST},
};
use crate::{
    app::AppState,
    appointments,
    error::{ApiError, ApiResult, ErrorCode},
    http::{ApiPath, ApiQuery, Page, ReadContext, paging::Paging},
    id::{AppointmentId, ClinicId, PatientId},
    openapi::ReadProblems,
    patients,
};

/// Parameters of a list of changes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAuditEvents {
    /// From this instant on, included.
    #[param(example = "2027-03-01T00:00:00Z")]
    from: Option<Timestamp>,
    /// To this instant, included.
    #[param(example = "2027-03-31T23:59:59Z")]
    to: Option<Timestamp>,
    /// Read what all writes before this request have left, at twice the cost. Not of a clinic, whose list comes from an
    /// index.
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

impl ListAuditEvents {
    fn range(&self) -> ApiResult<(Timestamp, Timestamp)> {
        let range = (self.from.unwrap_or(FIRST), self.to.unwrap_or(LAST));
        let wrong =
            |name, message| Err(ApiError::field(ErrorCode::InvalidParameter, name, message));
        if range.0 < FIRST {
            return wrong("from", "must not be before 1970");
        }
        if range.1 < range.0 {
            return wrong("to", "must not be before from");
        }
        Ok((range.0, range.1.min(LAST)))
    }
}

/// List the changes of a patient's record
///
/// The latest first: who changed what and when, without values. Changes are told by the table's stream, a moment after they
/// happen; they stay when the record is deleted.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}/audit",
    tag = "audit",
    params(("patient_id" = PatientId, Path), ListAuditEvents),
    responses((status = OK, description = "A page of changes.", body = Page<AuditEventOut>), ReadProblems),
)]
pub async fn list_patient_audit_events(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(patient): ApiPath<PatientId>,
    ApiQuery(query): ApiQuery<ListAuditEvents>,
) -> ApiResult<Json<Page<AuditEventOut>>> {
    let range = query.range()?;
    let list = (&patient, range);
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_patient_audit_events", list);
    let mut page = paging.request(query.cursor.as_deref(), query.limit)?;
    page.consistent = query.consistent;
    let org = context.grant.org();
    let record = (&patient).into();
    let listed = repo::list_of_record(app.store(), org, &record, range, page).await?;
    if listed.items.is_empty() {
        let found = patients::repo::get(app.store(), org, &patient, true).await;
        repo::or_remembered_record(app.store(), org, &record, |_| true, found).await?;
    }
    paging.page(listed, |event| event.value.into()).map(Json)
}

/// List the changes of an appointment
///
/// The latest first: who changed what and when, without values. Changes are told by the table's stream, a moment after they
/// happen; they stay when the appointment is deleted.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}/audit",
    tag = "audit",
    params(("clinic_id" = ClinicId, Path), ("appointment_id" = AppointmentId, Path), ListAuditEvents),
    responses((status = OK, description = "A page of changes.", body = Page<AuditEventOut>), ReadProblems),
)]
pub async fn list_appointment_audit_events(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath((clinic, appointment)): ApiPath<(ClinicId, AppointmentId)>,
    ApiQuery(query): ApiQuery<ListAuditEvents>,
) -> ApiResult<Json<Page<AuditEventOut>>> {
    let range = query.range()?;
    let list = (&clinic, &appointment, range);
    let paging =
        Paging::new(app.cursor_keys(), &context.grant, "list_appointment_audit_events", list);
    let mut page = paging.request(query.cursor.as_deref(), query.limit)?;
    page.consistent = query.consistent;
    let org = context.grant.org();
    let record = (&appointment).into();
    let listed = repo::list_of_record(app.store(), org, &record, range, page).await?;
    let at_clinic = |event: &AuditEvent| event.clinic_id.as_ref() == Some(&clinic);
    if !listed.items.iter().any(|event| at_clinic(&event.value)) {
        let found = appointments::repo::get(app.store(), org, &clinic, &appointment, true).await;
        repo::or_remembered_record(app.store(), org, &record, at_clinic, found).await?;
    }
    paging.page(listed, |event| event.value.into()).map(Json)
}

/// List the changes at a clinic
///
/// The latest first: who changed what of the clinic, its staff, resources, visit types, exceptions and appointments, and
/// when, without values. The list comes from an index, which lags behind by a moment.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/audit",
    tag = "audit",
    params(("clinic_id" = ClinicId, Path), ListAuditEvents),
    responses((status = OK, description = "A page of changes.", body = Page<AuditEventOut>), ReadProblems),
)]
pub async fn list_clinic_audit_events(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(clinic): ApiPath<ClinicId>,
    ApiQuery(query): ApiQuery<ListAuditEvents>,
) -> ApiResult<Json<Page<AuditEventOut>>> {
    if query.consistent {
        let message = "can't be asked of a list that comes from an index";
        return Err(ApiError::field(ErrorCode::InvalidParameter, "consistent", message));
    }
    let range = query.range()?;
    let list = (&clinic, range);
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_clinic_audit_events", list);
    let page = paging.request(query.cursor.as_deref(), query.limit)?;
    let listed =
        repo::list_at_clinic(app.store(), context.grant.org(), &clinic, range, page).await?;
    paging.page(listed, |event| event.value.into()).map(Json)
}
