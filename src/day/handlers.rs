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

/// A day of a clinic's calendar in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct DayPath {
    /// The clinic.
    clinic_id: ClinicId,
    /// The day of the clinic's calendar.
    #[serde(deserialize_with = "date_only")]
    #[param(value_type = String, format = Date, example = "2027-03-02")]
    date: Date,
}

/// No filter. A page has the whole day of most clinics.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WholeDay {}

impl Filter for WholeDay {
    const DEFAULT_LIMIT: u16 = 1000;
    const MAX_LIMIT: u16 = 1000;
}

/// A clinic's day, by staff, with a page of its appointments.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Day)]
pub struct DayOut {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The day of the clinic's calendar.
    #[schema(format = Date)]
    pub date: Date,
    /// The clinic's time zone.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
    /// Those who work at the clinic, by id, and those who are gone and have appointments on this page.
    pub staff: Vec<StaffDayOut>,
    /// Pass it as `cursor` for further appointments. All have been told only when it is null.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// A staff member's day.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StaffDay)]
pub struct StaffDayOut {
    /// Whose.
    pub staff_id: StaffId,
    /// Their name, if they are still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// What they work as, if they are still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<String>,
    /// Whether they can be booked.
    pub active: bool,
    /// When they work.
    pub working: Vec<SpanOut>,
    /// When they work and nothing takes their time; nothing of days more than 90 days ago.
    pub free: Vec<SpanOut>,
    /// The appointments of this page that begin that day, or go on in it, by their start; cancelled ones as well.
    pub appointments: Vec<AppointmentOut>,
}

/// A span of time.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Span, example = json!({
    "start": "2027-03-02T08:00:00+01:00", "end": "2027-03-02T12:00:00+01:00"
}))]
pub struct SpanOut {
    /// When it begins, with the clinic's offset (RFC 3339).
    #[schema(format = "date-time")]
    pub start: String,
    /// When it ends, with the clinic's offset (RFC 3339).
    #[schema(format = "date-time")]
    pub end: String,
}

/// Get a clinic's day
///
/// The day by staff: when they work, when they are free, and their appointments with their statuses. Appointments come in
/// pages of at most 1,000 and 1 MB, so that most days are one page; each page tells the working and the free time of all staff.
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
    app.record_access(&context, appointments.flat_map(|found| &found.value.patient_id));
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
