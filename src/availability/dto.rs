//! Free times as they go out over HTTP.

use serde::Serialize;
use utoipa::ToSchema;

use super::model::{Availability, FreeSlot};
use crate::{
    id::{ClinicId, StaffId},
    time::Zone,
};

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

impl AvailabilityOut {
    /// A page of what is free at a clinic.
    #[must_use]
    pub fn new(
        clinic_id: ClinicId,
        availability: Availability,
        next_cursor: Option<String>,
    ) -> Self {
        let Availability { zone, slots, .. } = availability;
        let slot = |FreeSlot { start, staff_id, end }: FreeSlot| SlotOut {
            start: zone.with_offset(start),
            end: zone.with_offset(end),
            staff_id,
        };
        let slots = slots.into_iter().map(slot).collect();
        Self { clinic_id, time_zone: zone, slots, next_cursor }
    }
}
