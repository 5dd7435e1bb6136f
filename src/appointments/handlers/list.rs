//! Lists of appointments over HTTP.

use axum::extract::State;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::get::{admitted, shown_to};
use crate::{
    app::AppState,
    appointments::{
        dto::AppointmentOut,
        model::Status,
        repo::{self, Dates},
    },
    error::{ApiError, ApiResult, ErrorCode},
    http::{ApiPath, Filter, ListQuery, Page, Paging, ReadContext},
    id::StaffId,
    records::{clinics::handlers::ClinicPath, patients::handlers::PatientPath},
    time::parse_date,
};

/// The maximum number of days of a list that is filtered by staff member.
const MAX_DAYS_OF_STAFF: i32 = 31;

/// The sort order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = SortOrder)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The earliest start first.
    #[default]
    Ascending,
    /// The latest start first.
    Descending,
}

fn wrong(parameter: &'static str, message: &'static str) -> ApiError {
    ApiError::field(ErrorCode::InvalidParameter, parameter, message)
}

fn date(parameter: &'static str, text: &str) -> Result<Date, ApiError> {
    parse_date(text).ok_or_else(|| wrong(parameter, "must be a date, for example 2027-03-02"))
}

/// The range of dates, both inclusive. A missing date leaves that side open.
fn between(from: Option<&str>, to: Option<&str>) -> Result<Dates, ApiError> {
    let from = from.map(|text| date("from", text)).transpose()?;
    let to = to.map(|text| date("to", text)).transpose()?;
    match (from, to) {
        (None, None) => Ok(Dates::All),
        (from, to) => {
            let (from, to) = (from.unwrap_or(Date::ZERO), to.unwrap_or(Date::MAX));
            if to < from {
                return Err(wrong("to", "must not be before from"));
            }
            Ok(Dates::Between(from, to))
        }
    }
}

/// The filters of the list of a clinic's appointments.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ClinicAppointments {
    /// Only this date of the clinic's calendar. Not with `month`, `from` or `to`.
    #[param(format = Date)]
    date: Option<String>,
    /// Only this month of the clinic's calendar. Not with `date`, `from` or `to`.
    #[param(pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$")]
    month: Option<String>,
    /// From this date on (inclusive).
    #[param(format = Date)]
    from: Option<String>,
    /// Up to this date (inclusive).
    #[param(format = Date)]
    to: Option<String>,
    /// Only this staff member. Requires `date`, `month`, or `from` and `to` that cover at most 31
    /// days.
    staff_id: Option<StaffId>,
    /// Only this status.
    status: Option<Status>,
    /// The sort order by start. Default: `ascending`.
    #[serde(default)]
    order: Order,
}

impl Filter for ClinicAppointments {}

impl ClinicAppointments {
    fn dates(&self) -> Result<Dates, ApiError> {
        let ranged = self.from.is_some() || self.to.is_some();
        match (&self.date, &self.month) {
            (Some(_), Some(_)) => Err(wrong("month", "cannot be combined with date")),
            (Some(_), None) if ranged => Err(wrong("date", "cannot be combined with from or to")),
            (None, Some(_)) if ranged => Err(wrong("month", "cannot be combined with from or to")),
            (Some(day), None) => date("date", day).map(Dates::On),
            (None, Some(month)) => parse_date(&format!("{month}-01"))
                .map(Dates::Month)
                .ok_or_else(|| wrong("month", "must be a month, for example 2027-03")),
            (None, None) => between(self.from.as_deref(), self.to.as_deref()),
        }
    }
}

fn spans_few_days(dates: Dates) -> bool {
    match dates {
        Dates::All => false,
        Dates::On(_) | Dates::Month(_) => true,
        Dates::Between(from, to) => (to - from).get_days() < MAX_DAYS_OF_STAFF,
    }
}

/// List a clinic's appointments
///
/// Lists appointments by start, with filters by date, month, range, staff member and status. A page
/// examines a limited number of records, so it may be short or empty before the end of the list.
/// For one day by staff member, get the clinic's day.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/appointments",
    params(ClinicPath, ListQuery<ClinicAppointments>),
)]
pub async fn list_clinic_appointments(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    query: ListQuery<ClinicAppointments>,
) -> ApiResult<Page<AppointmentOut>> {
    let ClinicAppointments { staff_id, status, order, .. } = &query.filter;
    let dates = query.filter.dates()?;
    if staff_id.is_some() && !spans_few_days(dates) {
        let message = "can be used only with date, with month, or with from and to that cover at most 31 days";
        return Err(wrong("staff_id", message));
    }
    let (only, descending) = ((staff_id.as_ref(), *status), *order == Order::Descending);
    let paging = Paging::new(app.keyring(), &context.grant, &clinic_id, &query);
    let (org, page) = (context.grant.org(), paging.request()?);
    let store = app.store();
    let listed =
        repo::list_of_clinic(store, org, &clinic_id, dates, only, descending, page).await?;
    let shown = listed.items.iter().flat_map(|found| &found.value.patient_id);
    app.record_access(&context, shown).await?;
    paging.page(listed)
}

/// The filters of the list of a patient's appointments.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PatientAppointments {
    /// From this date on (inclusive), on each clinic's own calendar.
    #[param(format = Date)]
    from: Option<String>,
    /// Up to this date (inclusive), on each clinic's own calendar.
    #[param(format = Date)]
    to: Option<String>,
    /// The sort order by start. Default: `ascending`.
    #[serde(default)]
    order: Order,
}

impl Filter for PatientAppointments {}

/// List a patient's appointments
///
/// Lists the patient's appointments by start, at all clinics that the caller may see. The order is
/// that of the instants, also if the clinics have different time zones. The list is eventually
/// consistent unless `consistent` is set.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}/appointments",
    params(PatientPath, ListQuery<PatientAppointments>),
)]
pub async fn list_patient_appointments(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(PatientPath { patient_id }): ApiPath<PatientPath>,
    query: ListQuery<PatientAppointments>,
) -> ApiResult<Page<AppointmentOut>> {
    let PatientAppointments { from, to, order } = &query.filter;
    let dates = between(from.as_deref(), to.as_deref())?;
    let descending = *order == Order::Descending;
    // Cursors of the index and of the links differ.
    let list = (&patient_id, query.consistent());
    let paging = Paging::new(app.keyring(), &context.grant, list, &query);
    let (org, page) = (context.grant.org(), paging.request()?);
    let mut listed =
        repo::list_of_patient(app.store(), org, &patient_id, dates, descending, page).await?;
    app.record_access(&context, [&patient_id]).await?;
    listed.items.retain(|found| admitted(&context.grant, found));
    paging.page_of(listed, |found| shown_to(&context.grant, found.into()))
}
