//! Free times over HTTP.

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
    error::{ApiError, ApiResult},
    http::{ApiPath, Content, Filter, IndexQuery, Paging, ReadContext},
    id::{ClinicId, ResourceId, StaffId, VisitTypeId},
    records::clinics::handlers::ClinicPath,
    time::{Zone, optional_date},
    validation,
};

/// The default minutes from one start to the next.
const STEP_MINUTES: u16 = 15;
/// The steps that divide an hour.
const STEPS: [u16; 6] = [5, 10, 15, 20, 30, 60];

/// A page of what is free at a clinic.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Availability, example = json!({
    "clinic_id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
    "time_zone": "Europe/Zurich",
    "slots": [{
        "start": "2027-03-02T09:00:00+01:00",
        "end": "2027-03-02T09:30:00+01:00",
        "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C"
    }],
    "next_cursor": null
}))]
pub struct AvailabilityOut {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// Its time zone.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
    /// The free slots, by their start, then by staff member. Each can be booked, if nobody is faster and the patient is free.
    pub slots: Vec<SlotOut>,
    /// Pass it as `cursor` to go on. There are no more slots in the range only when it is null.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// A time that can be booked.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Slot)]
pub struct SlotOut {
    /// When it begins, with the clinic's offset (RFC 3339).
    #[schema(format = "date-time")]
    pub start: String,
    /// When it ends, with the clinic's offset (RFC 3339).
    #[schema(format = "date-time")]
    pub end: String,
    /// With which staff member.
    pub staff_id: StaffId,
}

/// The filters of a search for free times.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FreeTimes {
    /// From this day of the clinic's calendar on, included; from today, if it is left out.
    #[serde(default, deserialize_with = "optional_date")]
    #[param(value_type = Option<String>, format = Date, example = "2027-03-01")]
    from: Option<Date>,
    /// To this day, included: 31 days at most, and as many if it is left out.
    #[serde(default, deserialize_with = "optional_date")]
    #[param(value_type = Option<String>, format = Date, example = "2027-03-07")]
    to: Option<Date>,
    /// For visits of this type. Either this or `duration_minutes`.
    visit_type: Option<VisitTypeId>,
    /// For visits that take so many minutes. Either this or `visit_type`.
    #[param(minimum = 5, maximum = 720, example = 30)]
    duration_minutes: Option<u16>,
    /// With this staff member alone.
    staff_id: Option<StaffId>,
    /// With staff of this role alone.
    #[param(max_length = 40, example = "physician")]
    role: Option<String>,
    /// With all of these resources, up to five, parted by commas.
    #[param(max_length = 150, example = "RES-9C3W6H1T8P5Z0K4M7Q2X1N6B")]
    resource_ids: Option<String>,
    /// Starts at multiples of so many minutes since midnight on the clinic's wall: 5, 10, 15, 20, 30 or 60.
    #[param(minimum = 5, maximum = 60, default = 15)]
    step_minutes: Option<u16>,
}

impl Filter for FreeTimes {
    const DEFAULT_LIMIT: u16 = 200;
    const MAX_LIMIT: u16 = 1000;
}

impl FreeTimes {
    fn search(self, clinic: ClinicId) -> Result<Search, ApiError> {
        match (self.duration_minutes, &self.visit_type) {
            (Some(_), Some(_)) => {
                return Err(wrong("duration_minutes", "can't be combined with visit_type"));
            }
            (None, None) => return Err(wrong("duration_minutes", "is required, or visit_type")),
            (Some(minutes), None) if !(MIN_MINUTES..=MAX_MINUTES).contains(&minutes) => {
                return Err(wrong("duration_minutes", "must be between 5 and 720"));
            }
            _ => {}
        }
        if self.role.as_deref().is_some_and(|role| !validation::is_role(role)) {
            return Err(wrong("role", "must be a role, as physician"));
        }
        let step_minutes = self.step_minutes.unwrap_or(STEP_MINUTES);
        if !STEPS.contains(&step_minutes) {
            return Err(wrong("step_minutes", "must be 5, 10, 15, 20, 30 or 60"));
        }
        Ok(Search {
            clinic,
            dates: (self.from, self.to),
            staff: self.staff_id,
            role: self.role,
            visit_type: self.visit_type,
            minutes: self.duration_minutes,
            resources: resources(self.resource_ids.as_deref())?,
            step_minutes,
        })
    }
}

fn resources(list: Option<&str>) -> Result<Vec<ResourceId>, ApiError> {
    let ids = list.into_iter().flat_map(|list| list.split(',')).map(str::parse::<ResourceId>);
    let mut ids: Vec<_> = ids
        .collect::<Result<_, _>>()
        .map_err(|_| wrong("resource_ids", "must be resource ids, parted by commas"))?;
    ids.sort();
    ids.dedup();
    if ids.len() as u64 > MAX_RESOURCES {
        return Err(wrong("resource_ids", "must be five at most"));
    }
    Ok(ids)
}

/// List what is free at a clinic
///
/// The slots of all fitting staff for up to 31 days, in pages, by the rules that booking keeps: working time with its
/// exceptions, appointments with their buffers, holds. It stops reading as soon as the page is full. Days that are over have
/// no free slots.
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
