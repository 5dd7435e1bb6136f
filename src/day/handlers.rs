//! A clinic's day over HTTP.

use axum::extract::State;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::repo::{self, Day, StaffDay};
use crate::{
    app::AppState,
    appointments::dto::AppointmentOut,
    error::ApiResult,
    http::{ApiPath, Content, Filter, IndexQuery, Paging, ReadContext},
    id::{ClinicId, StaffId},
    time::{Spans, Zone, date_only},
};

/// The path parameters of a clinic's day.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct DayPath {
    /// The clinic.
    clinic_id: ClinicId,
    /// The date of the clinic's calendar.
    #[serde(deserialize_with = "date_only")]
    #[param(value_type = String, format = Date, example = "2027-03-02")]
    date: Date,
}

/// No filter. For most clinics, one page has the whole day.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WholeDay {}

impl Filter for WholeDay {
    const DEFAULT_LIMIT: u16 = 1000;
    const MAX_LIMIT: u16 = 1000;
}

/// A clinic's day by staff member, with a page of its appointments.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ClinicDay)]
pub struct DayOut {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The date of the clinic's calendar.
    #[schema(format = Date)]
    pub date: Date,
    /// The clinic's time zone.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
    /// The clinic's staff members by id, and deleted ones with appointments on this page.
    pub staff: Vec<StaffDayOut>,
    /// Send this value as `cursor` to get the next page of appointments. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
}

/// A staff member's day.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StaffDay)]
pub struct StaffDayOut {
    /// The staff member.
    pub staff_id: StaffId,
    /// The name, unless the staff member was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// The role, unless the staff member was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<String>,
    /// Whether the staff member can be booked.
    pub active: bool,
    /// The working time.
    pub working: Vec<SpanOut>,
    /// The working time that is free. Empty for inactive staff members and for days 90 or more days
    /// ago.
    pub free: Vec<SpanOut>,
    /// This page's appointments that take place on the day, by start. Includes cancelled ones.
    pub appointments: Vec<AppointmentOut>,
}

/// A span of time.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = TimeSpan, example = json!({
    "start": "2027-03-02T08:00:00+01:00", "end": "2027-03-02T12:00:00+01:00"
}))]
pub struct SpanOut {
    /// The start, with the clinic's UTC offset (RFC 3339).
    #[schema(format = "date-time")]
    pub start: String,
    /// The end, with the clinic's UTC offset (RFC 3339).
    #[schema(format = "date-time")]
    pub end: String,
}

/// Get a clinic's day
///
/// Returns the working time, the free time and the appointments of each staff member. Use it for
/// the front desk's view of a day. A page has at most 1,000 appointments and 1 MB, so most days are
/// one page. Each page repeats the working and free time of all staff members.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/day/{date}",
    params(DayPath, IndexQuery<WholeDay>),
)]
pub async fn get_day(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(DayPath { clinic_id, date }): ApiPath<DayPath>,
    query: IndexQuery<WholeDay>,
) -> ApiResult<Content<DayOut>> {
    let paging = Paging::new(app.keyring(), &context.grant, (&clinic_id, date), &query);
    let (org, page) = (context.grant.org(), paging.request()?);
    let day = Box::pin(repo::day(app.store(), org, &clinic_id, date, app.now(), page)).await?;
    let appointments = day.staff.iter().flat_map(|staff| &staff.appointments);
    app.record_access(&context, appointments.flat_map(|found| &found.value.patient_id)).await?;
    let next_cursor = paging.next(day.next.as_ref())?;
    let Day { zone, staff, .. } = day;
    let staff = staff.into_iter().map(|day| StaffDayOut::new(day, &zone)).collect();
    Ok(Content(DayOut { clinic_id, date, time_zone: zone, staff, next_cursor }))
}

impl StaffDayOut {
    fn new(day: StaffDay, zone: &Zone) -> Self {
        let StaffDay { staff_id, member, working, free, appointments } = day;
        let active = member.as_ref().is_some_and(|member| member.active);
        let (name, role) = member.map(|member| (member.details.name, member.details.role)).unzip();
        Self {
            staff_id,
            name,
            role,
            active,
            working: spans(&working, zone),
            free: spans(&free, zone),
            appointments: appointments.into_iter().map(Into::into).collect(),
        }
    }
}

fn spans(spans: &Spans, zone: &Zone) -> Vec<SpanOut> {
    let text =
        |second| Timestamp::from_second(second).map(|at| zone.with_offset(at)).unwrap_or_default();
    spans.iter().map(|(start, end)| SpanOut { start: text(start), end: text(end) }).collect()
}
