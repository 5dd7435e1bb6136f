//! Request bodies for booking, holding, confirming and moving appointments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::Start;
use crate::{
    appointments::model::{MAX_MINUTES, MAX_RESOURCES, MIN_MINUTES},
    id::{PatientId, ResourceId, StaffId, VisitTypeId},
    sensitive::Sensitive,
    validation::{
        distinct, member, missing, optional_whole_number, sensitive as hidden, whole_number,
    },
};

/// An appointment to book.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = of_one_length))]
#[schema(example = json!({
    "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
    "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
    "start": "2027-03-02T09:00:00",
    "duration_minutes": 30,
    "reason": "check-up"
}))]
pub struct AppointmentIn {
    /// A staff member of this clinic.
    pub staff_id: StaffId,
    /// A patient of the organisation.
    pub patient_id: PatientId,
    /// The rooms and equipment of this clinic that the visit needs.
    #[serde(default)]
    #[validate(length(max = MAX_RESOURCES), custom(function = distinct))]
    #[schema(max_items = 5, default = json!([]))]
    pub resource_ids: Vec<ResourceId>,
    /// The visit type, which sets the duration. Send either this or `duration_minutes`.
    pub visit_type_id: Option<VisitTypeId>,
    /// The start: at most 5 minutes ago and at most 400 days ahead.
    pub start: Start,
    /// The duration in minutes. Send either this or `visit_type_id`.
    #[serde(default, deserialize_with = "optional_whole_number")]
    #[validate(range(min = MIN_MINUTES, max = MAX_MINUTES))]
    #[schema(minimum = 5, maximum = 720, example = 30)]
    pub duration_minutes: Option<u16>,
    /// The rules to override. Only some roles may do this.
    #[validate(nested)]
    pub overrides: Option<OverridesIn>,
    /// The reason for the visit.
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
    /// Notes for staff, hidden from patients.
    #[validate(length(max = 4000), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub notes: Option<Sensitive<String>>,
}

/// The rules that a booking or a move overrides. Only some roles may override them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = overrides_something))]
#[schema(as = BookingOverrides, example = json!({ "overbook": true, "reason": "emergency" }))]
pub struct OverridesIn {
    /// Whether it may overlap other appointments. It never overlaps an active hold.
    #[serde(default)]
    #[schema(default = false)]
    pub overbook: bool,
    /// Whether it may lie outside working hours.
    #[serde(default)]
    #[schema(default = false)]
    pub any_hours: bool,
    /// The reason for the override, stored with the appointment.
    #[validate(length(max = 500), custom(function = hidden::line))]
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    pub reason: Sensitive<String>,
}

/// A reason without an override would be stored, although nothing was overridden.
fn overrides_something(overrides: &OverridesIn) -> Result<(), ValidationError> {
    if overrides.overbook || overrides.any_hours {
        return Ok(());
    }
    Err(member("overbook", "must be true, unless any_hours is true; leave overrides out otherwise"))
}

/// A slot to hold for a few minutes.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = held_for_one_length))]
#[schema(example = json!({
    "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
    "start": "2027-03-02T09:00:00",
    "duration_minutes": 30,
    "hold_minutes": 10
}))]
pub struct HoldIn {
    /// A staff member of this clinic.
    pub staff_id: StaffId,
    /// The patient, if already known.
    pub patient_id: Option<PatientId>,
    /// The rooms and equipment of this clinic that the visit needs.
    #[serde(default)]
    #[validate(length(max = MAX_RESOURCES), custom(function = distinct))]
    #[schema(max_items = 5, default = json!([]))]
    pub resource_ids: Vec<ResourceId>,
    /// The visit type, which sets the duration. Send either this or `duration_minutes`.
    pub visit_type_id: Option<VisitTypeId>,
    /// The start, with the same limits as for a booking.
    pub start: Start,
    /// The duration in minutes. Send either this or `visit_type_id`.
    #[serde(default, deserialize_with = "optional_whole_number")]
    #[validate(range(min = MIN_MINUTES, max = MAX_MINUTES))]
    #[schema(minimum = 5, maximum = 720, example = 30)]
    pub duration_minutes: Option<u16>,
    /// How long the hold lasts, in minutes.
    #[serde(default = "ten", deserialize_with = "whole_number")]
    #[validate(range(min = 1, max = 15))]
    #[schema(minimum = 1, maximum = 15, default = 10)]
    pub hold_minutes: u16,
}

fn ten() -> u16 {
    10
}

/// The confirmation of a hold.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HoldConfirmation, example = json!({
    "hold_secret": "mB6yq3cW0sT9xJf2L8vKdE4nRzUaGhPo1iVtQwXy5kM",
    "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0"
}))]
pub struct ConfirmationIn {
    /// The secret that was returned with the hold.
    #[schema(value_type = String, max_length = 100)]
    #[validate(length(max = 100))]
    pub hold_secret: Sensitive<String>,
    /// The patient. Required if the hold has none. Otherwise it must be the hold's patient.
    pub patient_id: Option<PatientId>,
    /// The reason for the visit.
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
    /// Notes for staff, hidden from patients.
    #[validate(length(max = 4000), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub notes: Option<Sensitive<String>>,
}

/// The release of a hold.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HoldRelease, example = json!({ "hold_secret": "mB6yq3cW0sT9xJf2L8vKdE4nRzUaGhPo1iVtQwXy5kM" }))]
pub struct ReleaseIn {
    /// The secret that was returned with the hold.
    #[schema(value_type = String, max_length = 100)]
    #[validate(length(max = 100))]
    pub hold_secret: Sensitive<String>,
}

/// The changes of a move. Absent members stay as they are.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reschedule, example = json!({ "start": "2027-03-02T09:10:00" }))]
pub struct RescheduleIn {
    /// The new start, with the same limits as for a booking.
    pub start: Option<Start>,
    /// The new duration in minutes.
    #[serde(default, deserialize_with = "optional_whole_number")]
    #[validate(range(min = MIN_MINUTES, max = MAX_MINUTES))]
    #[schema(minimum = 5, maximum = 720, example = 30)]
    pub duration_minutes: Option<u16>,
    /// The new staff member, of the same clinic.
    pub staff_id: Option<StaffId>,
    /// The new rooms and equipment, which replace the current ones.
    #[validate(length(max = MAX_RESOURCES), custom(function = distinct))]
    #[schema(max_items = 5)]
    pub resource_ids: Option<Vec<ResourceId>>,
    /// The rules to override. Only some roles may do this.
    #[validate(nested)]
    pub overrides: Option<OverridesIn>,
}

fn of_one_length(appointment: &AppointmentIn) -> Result<(), ValidationError> {
    one_length(appointment.duration_minutes, appointment.visit_type_id.as_ref())
}

fn held_for_one_length(hold: &HoldIn) -> Result<(), ValidationError> {
    one_length(hold.duration_minutes, hold.visit_type_id.as_ref())
}

fn one_length(
    minutes: Option<u16>,
    visit_type: Option<&VisitTypeId>,
) -> Result<(), ValidationError> {
    match (minutes, visit_type) {
        (Some(_), Some(_)) => {
            Err(member("duration_minutes", "cannot be combined with visit_type_id"))
        }
        (None, None) => {
            Err(missing("duration_minutes", "is required, unless visit_type_id is given"))
        }
        _ => Ok(()),
    }
}
