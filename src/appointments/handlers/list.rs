//! Lists of appointments over HTTP.

use axum::{Json, extract::State};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{admitted, out, out_for};
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentOut, StatusDto},
        repo::{self, ClinicFilter, Dates},
    },
    error::{ApiError, ApiResult, ErrorCode},
    http::{ApiPath, ApiQuery, Page, ReadContext, paging::Paging},
    id::{ClinicId, PatientId, StaffId},
    openapi::ReadProblems,
    time::parse_date,
};

/// The most days over which a staff member's appointments are listed.
const MAX_DAYS_OF_STAFF: i32 = 31;

/// In which order a list comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The earliest date first.
    #[default]
    Ascending,
    /// The latest date first.
    Descending,
}

fn wrong(parameter: &'static str, message: &'static str) -> ApiError {
    ApiError::field(ErrorCode::InvalidParameter, parameter, message)
}

fn date(parameter: &'static str, text: &str) -> Result<Date, ApiError> {
    parse_date(text).ok_or_else(|| wrong(parameter, "is not a date, as 2027-03-02"))
}

/// From one date to another, both included; one alone leaves the other side open.
fn between(from: Option<&str>, to: Option<&str>) -> Result<Dates, ApiError> {
    let from = from.map(|text| date("from", text)).transpose()?;
    let to = to.map(|text| date("to", text)).transpose()?;
    match (from, to) {
        (None, None) => Ok(Dates::All),
        (from, to) => {
            let (from, to) = (from.unwrap_or(FIRST), to.unwrap_or(LAST));
            if to < from {
                return Err(wrong("to", "must not be before from"));
            }
            Ok(Dates::Between(from, to))
        }
    }
}

/// The first date that a key can have.
const FIRST: Date = Date::constant(0, 1, 1);
/// The last date that a key can have.
const LAST: Date = Date::constant(9999, 12, 31);

/// Parameters of a list of a clinic's appointments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListClinicAppointments {
    /// On this day of the clinic's calendar. Not together with `month`, `from` or `to`.
    #[param(format = Date, example = "2027-03-02")]
    date: Option<String>,
    /// In this month of the clinic's calendar.
    #[param(pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2027-03")]
    month: Option<String>,
    /// From this day on, included.
    #[param(format = Date, example = "2027-03-01")]
    from: Option<String>,
    /// To this day, included.
    #[param(format = Date, example = "2027-03-07")]
    to: Option<String>,
    /// Of this staff member; needs a range of days, of 31 at most.
    staff_id: Option<StaffId>,
    /// In this status.
    #[param(inline)]
    status: Option<StatusDto>,
    /// Which date comes first.
    #[serde(default)]
    #[param(inline)]
    order: Order,
    /// Read what all writes before this request have left, at twice the cost.
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

impl ListClinicAppointments {
    fn dates(&self) -> Result<Dates, ApiError> {
        let ranged = self.from.is_some() || self.to.is_some();
        match (&self.date, &self.month) {
            (Some(_), Some(_)) => Err(wrong("month", "can't be combined with date")),
            (Some(_), None) if ranged => Err(wrong("date", "can't be combined with from or to")),
            (None, Some(_)) if ranged => Err(wrong("month", "can't be combined with from or to")),
            (Some(day), None) => date("date", day).map(Dates::On),
            (None, Some(month)) => parse_date(&format!("{month}-01"))
                .map(Dates::Month)
                .ok_or_else(|| wrong("month", "is not a month, as 2027-03")),
            (None, None) => between(self.from.as_deref(), self.to.as_deref()),
        }
    }

    fn filter(&self) -> Result<ClinicFilter, ApiError> {
        let dates = self.dates()?;
        if self.staff_id.is_some() && !spans_few_days(dates) {
            return Err(wrong("staff_id", "needs date, month, or from and to, of 31 days at most"));
        }
        Ok(ClinicFilter {
            dates,
            staff: self.staff_id.clone(),
            status: self.status.map(Into::into),
            backwards: self.order == Order::Descending,
        })
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
/// By date, month, range of dates, staff member or status. A filtered page examines a bounded number of records
/// and may come back short, or empty, before the list has ended.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/appointments",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), ListClinicAppointments),
    responses((status = OK, description = "A page of appointments.", body = Page<AppointmentOut>), ReadProblems),
)]
pub async fn list_clinic_appointments(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(clinic): ApiPath<ClinicId>,
    ApiQuery(query): ApiQuery<ListClinicAppointments>,
) -> ApiResult<Json<Page<AppointmentOut>>> {
    let filter = query.filter()?;
    let list = (&clinic, &filter);
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_clinic_appointments", list);
    let mut page = paging.request(query.cursor.as_deref(), query.limit)?;
    page.consistent = query.consistent;
    let org = context.grant.org();
    let listed = repo::list_of_clinic(app.store(), org, &clinic, filter.clone(), page).await?;
    app.note_access(&context, listed.items.iter().flat_map(|found| &found.value.patient_id));
    paging.page(listed, out).map(Json)
}

/// Parameters of a list of a patient's appointments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPatientAppointments {
    /// From this day on, included, on each clinic's own calendar.
    #[param(format = Date, example = "2027-03-01")]
    from: Option<String>,
    /// To this day, included, on each clinic's own calendar.
    #[param(format = Date, example = "2027-03-07")]
    to: Option<String>,
    /// Which date comes first.
    #[serde(default)]
    #[param(inline)]
    order: Order,
    /// The most items of a page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// List a patient's appointments
///
/// At all clinics that the caller may see, by date. The list comes from an index, which lags behind by a moment.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}/appointments",
    tag = "appointments",
    params(("patient_id" = PatientId, Path), ListPatientAppointments),
    responses((status = OK, description = "A page of appointments.", body = Page<AppointmentOut>), ReadProblems),
)]
pub async fn list_patient_appointments(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(patient): ApiPath<PatientId>,
    ApiQuery(query): ApiQuery<ListPatientAppointments>,
) -> ApiResult<Json<Page<AppointmentOut>>> {
    let dates = between(query.from.as_deref(), query.to.as_deref())?;
    let backwards = query.order == Order::Descending;
    let list = (&patient, dates, backwards);
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_patient_appointments", list);
    let page = paging.request(query.cursor.as_deref(), query.limit)?;
    let org = context.grant.org();
    let mut listed =
        repo::list_of_patient(app.store(), org, &patient, dates, backwards, page).await?;
    app.note_access(&context, [&patient]);
    listed.items.retain(|found| admitted(&context.grant, found));
    paging.page(listed, |found| out_for(&context.grant, found)).map(Json)
}
