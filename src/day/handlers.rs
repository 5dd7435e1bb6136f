//! A clinic's day over HTTP.

use axum::{Json, extract::State};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::repo::{self, Day, StaffDay};
use crate::{
    app::AppState,
    appointments::dto::AppointmentOut,
    error::ApiResult,
    http::{ApiPath, ReadContext},
    id::{ClinicId, StaffId},
    openapi::ReadProblems,
    time::{Spans, Zone, date_only},
};

/// A day of a clinic's calendar, as a path names it.
#[derive(Debug, Deserialize)]
pub struct DayPath {
    clinic_id: ClinicId,
    #[serde(deserialize_with = "date_only")]
    date: Date,
}

/// A clinic's day, by staff.
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
    /// Those who work at the clinic, by id, and those who are gone and had appointments that day.
    pub staff: Vec<StaffDayOut>,
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
    /// When they work and nothing takes their time.
    pub free: Vec<SpanOut>,
    /// The appointments that begin that day, or go on in it, by their start; cancelled ones as well.
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
/// The whole day by staff: when they work, when they are free, and their appointments with their statuses. Three
/// Queries at once.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/day/{date}",
    tag = "availability",
    params(("clinic_id" = ClinicId, Path), ("date" = String, Path, format = Date, example = "2027-03-02")),
    responses((status = OK, description = "The day.", body = DayOut), ReadProblems),
)]
pub async fn get_day(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(DayPath { clinic_id, date }): ApiPath<DayPath>,
) -> ApiResult<Json<DayOut>> {
    let day = repo::day(app.store(), context.grant.org(), &clinic_id, date, app.now());
    let day = Box::pin(day).await?;
    let appointments = day.staff.iter().flat_map(|staff| &staff.appointments);
    app.note_access(&context, appointments.flat_map(|found| &found.value.patient_id));
    Ok(Json(DayOut::new(clinic_id, date, day)))
}

impl DayOut {
    /// A clinic's day.
    #[must_use]
    pub fn new(clinic_id: ClinicId, date: Date, day: Day) -> Self {
        let Day { zone, staff } = day;
        let staff = staff.into_iter().map(|day| StaffDayOut::new(day, &zone)).collect();
        Self { clinic_id, date, time_zone: zone, staff }
    }
}

impl StaffDayOut {
    fn new(day: StaffDay, zone: &Zone) -> Self {
        let StaffDay { staff_id, member, working, free, appointments } = day;
        let active = member.as_ref().is_some_and(|member| member.active);
        let (name, role) = member.map(|member| (member.name, member.role)).unzip();
        let appointments = appointments.into_iter().map(|found| found.show(AppointmentOut::new));
        Self {
            staff_id,
            name,
            role,
            active,
            working: spans(&working, zone),
            free: spans(&free, zone),
            appointments: appointments.collect(),
        }
    }
}

fn spans(spans: &Spans, zone: &Zone) -> Vec<SpanOut> {
    let text =
        |second| Timestamp::from_second(second).map(|at| zone.with_offset(at)).unwrap_or_default();
    spans.iter().map(|(start, end)| SpanOut { start: text(start), end: text(end) }).collect()
}
