//! Appointments as they come and go over HTTP.

mod book;
mod start;

pub use book::{AppointmentIn, ConfirmationIn, HoldIn, OverridesIn, ReleaseIn, RescheduleIn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
pub use start::Start;
use utoipa::ToSchema;
use validator::Validate;

use super::model::{Appointment, Status};
use crate::{
    id::{AppointmentId, ClinicId, PatientId, ResourceId, StaffId, VisitTypeId},
    sensitive::Sensitive,
    store::Entity,
    time::Zone,
    validation::sensitive as hidden,
};

/// What can be changed of an appointment without moving it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppointmentDetailsIn {
    /// What it is for.
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
    /// What staff should know.
    #[validate(length(max = 4000), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub notes: Option<Sensitive<String>>,
}

/// A step of an appointment's life.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "status": "confirmed" }))]
pub struct StatusIn {
    /// Where it is to go.
    pub status: NextStatus,
}

/// The statuses that can be stepped to as such: cancelling is an operation of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NextStatus {
    /// Takes back a check-in.
    Scheduled,
    /// The patient has confirmed.
    Confirmed,
    /// The patient has arrived.
    CheckedIn,
    /// It has taken place.
    Completed,
    /// The patient did not come.
    NoShow,
}

impl From<NextStatus> for Status {
    fn from(next: NextStatus) -> Self {
        match next {
            NextStatus::Scheduled => Self::Scheduled,
            NextStatus::Confirmed => Self::Confirmed,
            NextStatus::CheckedIn => Self::CheckedIn,
            NextStatus::Completed => Self::Completed,
            NextStatus::NoShow => Self::NoShow,
        }
    }
}

/// A cancellation; its body may be left out.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "the patient called in sick" }))]
pub struct CancellationIn {
    /// Why.
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
}

/// Where an appointment was before it was moved.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Rescheduled)]
pub struct RescheduledOut {
    /// When it was to begin, with the clinic's offset (RFC 3339).
    #[schema(format = "date-time")]
    pub start: String,
    /// How long it was to take, in minutes.
    pub duration_minutes: u16,
    /// With which staff member.
    pub staff_id: StaffId,
}

/// An appointment that is held, and what it is confirmed or released with.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Hold)]
pub struct HoldOut {
    /// The appointment.
    #[serde(flatten)]
    pub appointment: AppointmentOut,
    /// What confirms or releases the hold: whoever has it may.
    pub hold_secret: String,
}

/// An appointment.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Appointment, example = json!({
    "id": "APT-A1TQ7M2K9QW4X8B1N6T5V0C3",
    "clinic_id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
    "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
    "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
    "resource_ids": [],
    "status": "scheduled",
    "start": "2027-03-02T09:00:00+01:00",
    "end": "2027-03-02T09:30:00+01:00",
    "local_start": "2027-03-02T09:00:00",
    "duration_minutes": 30,
    "buffer_before_minutes": 0,
    "buffer_after_minutes": 0,
    "overbooked": false,
    "time_zone": "Europe/Zurich",
    "reason": "check-up",
    "erased": false,
    "created_at": "2027-03-01T08:00:00Z",
    "updated_at": "2027-03-01T08:00:00Z"
}))]
pub struct AppointmentOut {
    /// Its id.
    pub id: AppointmentId,
    /// The clinic where it takes place.
    pub clinic_id: ClinicId,
    /// The staff member.
    pub staff_id: StaffId,
    /// The patient; a hold may have none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub patient_id: Option<PatientId>,
    /// The rooms and the equipment that it needs.
    pub resource_ids: Vec<ResourceId>,
    /// What type of visit it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub visit_type_id: Option<VisitTypeId>,
    /// Where it stands in its life.
    pub status: Status,
    /// When it begins, with the clinic's offset (RFC 3339).
    #[schema(format = "date-time")]
    pub start: String,
    /// When it ends, with the clinic's offset (RFC 3339).
    #[schema(format = "date-time")]
    pub end: String,
    /// The start that was asked for, in the clinic's local time. It differs from `start` only if the rules of the time zone have
    /// changed since: moving the appointment to this time sets that right.
    pub local_start: String,
    /// How long it takes, in minutes.
    pub duration_minutes: u16,
    /// What staff and resources need before it, in minutes.
    pub buffer_before_minutes: u16,
    /// What staff and resources need after it, in minutes.
    pub buffer_after_minutes: u16,
    /// The clinic's time zone.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
    /// Until when it is held, if it is, or was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hold_expires_at: Option<Timestamp>,
    /// Whether it was booked over others.
    pub overbooked: bool,
    /// Why it was booked over others, or outside of working hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub override_reason: Option<Sensitive<String>>,
    /// From where it was moved last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rescheduled_from: Option<RescheduledOut>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub reason: Option<Sensitive<String>>,
    /// What staff should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub notes: Option<Sensitive<String>>,
    /// Why it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub cancellation_reason: Option<Sensitive<String>>,
    /// Whether its patient was erased: it has no reasons and notes any more, and accepts none.
    pub erased: bool,
    /// When it was booked.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl From<Entity<Appointment>> for AppointmentOut {
    fn from(Entity { value: appointment, meta }: Entity<Appointment>) -> Self {
        let zone = &appointment.time_zone;
        Self {
            start: zone.with_offset(appointment.start),
            end: zone.with_offset(appointment.end()),
            local_start: appointment.local_start.to_string(),
            status: appointment.status,
            id: appointment.id,
            clinic_id: appointment.clinic_id,
            staff_id: appointment.staff_id,
            patient_id: appointment.patient_id,
            resource_ids: appointment.resource_ids,
            visit_type_id: appointment.visit_type_id,
            duration_minutes: appointment.duration_minutes,
            buffer_before_minutes: appointment.buffer_before_minutes,
            buffer_after_minutes: appointment.buffer_after_minutes,
            hold_expires_at: appointment.hold_expires_at,
            overbooked: appointment.overbooked,
            override_reason: appointment.override_reason,
            rescheduled_from: appointment.rescheduled_from.map(|from| RescheduledOut {
                start: zone.with_offset(from.start),
                duration_minutes: from.duration_minutes,
                staff_id: from.staff_id,
            }),
            time_zone: appointment.time_zone,
            reason: appointment.reason,
            notes: appointment.notes,
            cancellation_reason: appointment.cancellation_reason,
            erased: appointment.erased,
            created_at: meta.created_at,
            updated_at: meta.updated_at,
        }
    }
}
