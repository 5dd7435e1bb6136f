//! What is to be booked, held, confirmed or moved.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::Start;
use crate::{
    appointments::model::{MAX_MINUTES, MAX_RESOURCES, MIN_MINUTES},
    id::{PatientId, ResourceId, StaffId, VisitTypeId},
    sensitive::Sensitive,
    validation::{distinct, member, optional_whole_number, sensitive as hidden, whole_number},
};

/// An appointment to be booked.
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
    /// The staff member, one of the clinic's.
    pub staff_id: StaffId,
    /// The patient.
    pub patient_id: PatientId,
    /// The rooms and the equipment that it needs, of the clinic's.
    #[serde(default)]
    #[validate(length(max = MAX_RESOURCES), custom(function = distinct))]
    #[schema(max_items = 5, default = json!([]))]
    pub resource_ids: Vec<ResourceId>,
    /// What type of visit it is: that says how long it takes. Either this or `duration_minutes`.
    pub visit_type_id: Option<VisitTypeId>,
    /// When it begins, to the minute: an instant with its offset (RFC 3339), or a date-time without one on the
    /// clinic's own wall. From now (with 5 minutes' grace) to 400 days ahead.
    #[schema(
        value_type = String,
        pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?$",
        example = "2027-03-02T09:00:00+01:00"
    )]
    pub start: Start,
    /// How long it takes, in minutes. Either this or `visit_type_id`.
    #[serde(default, deserialize_with = "optional_whole_number")]
    #[validate(range(min = MIN_MINUTES, max = MAX_MINUTES))]
    #[schema(minimum = 5, maximum = 720, example = 30)]
    pub duration_minutes: Option<u16>,
    /// What is not allowed to everybody.
    #[validate(nested)]
    pub overrides: Option<OverridesIn>,
    /// What it is for.
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
    /// What staff should know.
    #[validate(length(max = 4000), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub notes: Option<Sensitive<String>>,
}

/// What an appointment may do against the rules, for callers whose role may allow it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Overrides, example = json!({ "overbook": true, "reason": "emergency" }))]
pub struct OverridesIn {
    /// Whether it may overlap other appointments. Never one that is held.
    #[serde(default)]
    #[schema(default = false)]
    pub overbook: bool,
    /// Whether it may lie outside of working hours.
    #[serde(default)]
    #[schema(default = false)]
    pub any_hours: bool,
    /// Why. It is kept.
    #[validate(length(min = 1, max = 500), custom(function = hidden::text))]
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    pub reason: Sensitive<String>,
}

/// A slot to be held for a few minutes.
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
    /// The staff member, one of the clinic's.
    pub staff_id: StaffId,
    /// The patient, if they are known already.
    pub patient_id: Option<PatientId>,
    /// The rooms and the equipment that it needs, of the clinic's.
    #[serde(default)]
    #[validate(length(max = MAX_RESOURCES), custom(function = distinct))]
    #[schema(max_items = 5, default = json!([]))]
    pub resource_ids: Vec<ResourceId>,
    /// What type of visit it is: that says how long it takes. Either this or `duration_minutes`.
    pub visit_type_id: Option<VisitTypeId>,
    /// When it begins, as of an appointment.
    #[schema(
        value_type = String,
        pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?$",
        example = "2027-03-02T09:00:00+01:00"
    )]
    pub start: Start,
    /// How long it takes, in minutes. Either this or `visit_type_id`.
    #[serde(default, deserialize_with = "optional_whole_number")]
    #[validate(range(min = MIN_MINUTES, max = MAX_MINUTES))]
    #[schema(minimum = 5, maximum = 720, example = 30)]
    pub duration_minutes: Option<u16>,
    /// For how long it is held, in minutes.
    #[serde(default = "ten", deserialize_with = "whole_number")]
    #[validate(range(min = 1, max = 15))]
    #[schema(minimum = 1, maximum = 15, default = 10)]
    pub hold_minutes: u16,
}

fn ten() -> u16 {
    10
}

/// What makes a booking of a hold.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HoldConfirmation, example = json!({
    "hold_secret": "mB6yq3cW0sT9xJf2L8vKdE4nRzUaGhPo1iVtQwXy5kM",
    "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0"
}))]
pub struct ConfirmationIn {
    /// The hold's secret.
    #[schema(value_type = String, max_length = 100)]
    #[validate(length(max = 100))]
    pub hold_secret: Sensitive<String>,
    /// The patient, if the hold has none.
    pub patient_id: Option<PatientId>,
    /// What it is for.
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
    /// What staff should know.
    #[validate(length(max = 4000), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub notes: Option<Sensitive<String>>,
}

/// What gives a hold's time back.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HoldRelease, example = json!({ "hold_secret": "mB6yq3cW0sT9xJf2L8vKdE4nRzUaGhPo1iVtQwXy5kM" }))]
pub struct ReleaseIn {
    /// The hold's secret.
    #[schema(value_type = String, max_length = 100)]
    #[validate(length(max = 100))]
    pub hold_secret: Sensitive<String>,
}

/// Where an appointment is to go; what is left out stays.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reschedule, example = json!({ "start": "2027-03-02T09:10:00" }))]
pub struct RescheduleIn {
    /// When it is to begin, as of an appointment.
    #[schema(
        value_type = Option<String>,
        pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?$",
        example = "2027-03-02T09:10:00+01:00"
    )]
    pub start: Option<Start>,
    /// How long it is to take, in minutes.
    #[serde(default, deserialize_with = "optional_whole_number")]
    #[validate(range(min = MIN_MINUTES, max = MAX_MINUTES))]
    #[schema(minimum = 5, maximum = 720, example = 30)]
    pub duration_minutes: Option<u16>,
    /// With which staff member of the clinic.
    pub staff_id: Option<StaffId>,
    /// With which rooms and equipment.
    #[validate(length(max = MAX_RESOURCES), custom(function = distinct))]
    #[schema(max_items = 5)]
    pub resource_ids: Option<Vec<ResourceId>>,
    /// What is not allowed to everybody.
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
    let wrong = |message| Err(member("duration_minutes", message));
    match (minutes, visit_type) {
        (Some(_), Some(_)) => wrong("can't be combined with visit_type_id"),
        (None, None) => wrong("is required, or visit_type_id"),
        _ => Ok(()),
    }
}
