//! The search for free slots over HTTP.

use axum::extract::State;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    model::FreeSlot,
    repo::{self, Search, wrong},
};
use crate::{
    app::AppState,
    appointments::model::{MAX_MINUTES, MAX_RESOURCES, MIN_MINUTES},
    error::{ApiError, ApiResult, FieldCode},
    http::{ApiPath, Content, Filter, IndexQuery, Paging, ReadContext},
    id::{ClinicId, ResourceId, StaffId, VisitTypeId},
    records::clinics::handlers::ClinicPath,
    time::{Zone, optional_date},
    validation,
};

/// The default step between possible starts, in minutes.
const STEP_MINUTES: u16 = 15;
/// The allowed steps in minutes, all of which divide an hour.
const STEPS: [u16; 6] = [5, 10, 15, 20, 30, 60];

/// A page of a clinic's free slots.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Availability, example = json!({
    "clinic_id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
    "time_zone": "Europe/Zurich",
    "slots": [{
        "start": "2027-03-02T09:00:00+01:00",
        "end": "2027-03-02T09:30:00+01:00",
        "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C"
    }]
}))]
pub struct AvailabilityOut {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The clinic's time zone.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
    /// The free slots, by start, then by staff member. Each can be booked unless the patient is
    /// busy or another booking takes it first.
    pub slots: Vec<SlotOut>,
    /// Send this value as `cursor` to get the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
}

/// A free slot.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = FreeSlot)]
pub struct SlotOut {
    /// The start, with the clinic's UTC offset (RFC 3339).
    #[schema(format = "date-time")]
    pub start: String,
    /// The end, with the clinic's UTC offset (RFC 3339).
    #[schema(format = "date-time")]
    pub end: String,
    /// The staff member.
    pub staff_id: StaffId,
}

/// The filters of a search for free slots.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FreeTimes {
    /// The first date of the clinic's calendar. If absent, the search begins today.
    #[serde(default, deserialize_with = "optional_date")]
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// The last date (inclusive). A search covers at most 31 days. If absent, the search covers 31
    /// days.
    #[serde(default, deserialize_with = "optional_date")]
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Date>,
    /// The visit type. Send either this or `duration_minutes`.
    visit_type_id: Option<VisitTypeId>,
    /// The duration of the visit in minutes. Send either this or `visit_type_id`.
    #[param(minimum = 5, maximum = 720)]
    duration_minutes: Option<u16>,
    /// Only this staff member.
    staff_id: Option<StaffId>,
    /// Only staff members with this role.
    #[param(max_length = 40)]
    role: Option<String>,
    /// The resources that must be free as well: up to five ids, separated by commas.
    #[param(max_length = 150)]
    resource_ids: Option<String>,
    /// The minutes between possible starts, counted from local midnight: 5, 10, 15, 20, 30 or 60.
    #[param(minimum = 5, maximum = 60, default = 15)]
    step_minutes: Option<u16>,
}

impl Filter for FreeTimes {
    const DEFAULT_LIMIT: u16 = 200;
    const MAX_LIMIT: u16 = 1000;
}

impl FreeTimes {
    fn search(self, clinic: ClinicId) -> Result<Search, ApiError> {
        match (self.duration_minutes, &self.visit_type_id) {
            (Some(_), Some(_)) => {
                let message = "cannot be combined with visit_type_id";
                return Err(wrong("duration_minutes", FieldCode::Invalid, message));
            }
            (None, None) => {
                let message = "is required, unless visit_type_id is given";
                return Err(wrong("duration_minutes", FieldCode::Required, message));
            }
            (Some(minutes), None) if !(MIN_MINUTES..=MAX_MINUTES).contains(&minutes) => {
                let message = "must be between 5 and 720";
                return Err(wrong("duration_minutes", FieldCode::Range, message));
            }
            _ => {}
        }
        if self.role.as_deref().is_some_and(|role| !validation::is_role(role)) {
            return Err(wrong("role", FieldCode::Invalid, "must be a role, for example physician"));
        }
        let step_minutes = self.step_minutes.unwrap_or(STEP_MINUTES);
        if !STEPS.contains(&step_minutes) {
            return Err(wrong(
                "step_minutes",
                FieldCode::UnknownValue,
                "must be 5, 10, 15, 20, 30 or 60",
            ));
        }
        Ok(Search {
            clinic,
            dates: (self.from, self.to),
            staff: self.staff_id,
            role: self.role,
            visit_type: self.visit_type_id,
            minutes: self.duration_minutes,
            resources: resources(self.resource_ids.as_deref())?,
            step_minutes,
        })
    }
}

fn resources(list: Option<&str>) -> Result<Vec<ResourceId>, ApiError> {
    let ids = list.into_iter().flat_map(|list| list.split(',')).map(str::parse::<ResourceId>);
    let mut ids: Vec<_> = ids.collect::<Result<_, _>>().map_err(|_| {
        let message = "must be resource ids, separated by commas";
        wrong("resource_ids", FieldCode::Invalid, message)
    })?;
    ids.sort();
    ids.dedup();
    if ids.len() as u64 > MAX_RESOURCES {
        return Err(wrong("resource_ids", FieldCode::Length, "must have at most five ids"));
    }
    Ok(ids)
}

/// List free slots
///
/// Lists the free slots of all matching staff for up to 31 days, in pages. It applies the rules of
/// booking: working time and exceptions, appointments with buffers, and holds. The patient's
/// appointments are not checked. Past days have no free slots. A small `limit` costs least, because
/// the search stops when the page is full.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/availability",
    params(ClinicPath, IndexQuery<FreeTimes>),
)]
pub async fn list_availability(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    query: IndexQuery<FreeTimes>,
) -> ApiResult<Content<AvailabilityOut>> {
    let search = query.filter.clone().search(clinic_id)?;
    let paging = Paging::new(app.keyring(), &context.grant, &search.clinic, &query);
    let page = (paging.after()?, usize::from(paging.limit()));
    let org = context.grant.org();
    let zone = app.clinics().zone(org, &search.clinic).await?;
    let found = repo::search(app.store(), org, &zone, app.now(), &search, page);
    let (slots, next) = Box::pin(found).await?;
    let next_cursor = paging.next(next.as_ref())?;
    let slot = |FreeSlot { start, staff_id, end }: FreeSlot| SlotOut {
        start: zone.with_offset(start),
        end: zone.with_offset(end),
        staff_id,
    };
    let slots = slots.into_iter().map(slot).collect();
    let clinic_id = search.clinic;
    Ok(Content(AvailabilityOut { clinic_id, time_zone: zone, slots, next_cursor }))
}
