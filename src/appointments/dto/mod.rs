//! The request and response types of appointments.

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

/// The members of an appointment that a PATCH can change.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppointmentDetailsIn {
    /// The reason for the visit.
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
    /// Notes for staff, hidden from patients.
    #[validate(length(max = 4000), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub notes: Option<Sensitive<String>>,
}

/// A change of an appointment's status.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AppointmentStatusIn, example = json!({ "status": "confirmed" }))]
pub struct StatusIn {
    /// The new status.
    pub status: NextStatus,
}

/// The statuses that can be set directly. To cancel, use the `cancel` operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NextAppointmentStatus)]
#[serde(rename_all = "snake_case")]
pub enum NextStatus {
    /// Booked. This undoes a check-in.
    Scheduled,
    /// The patient has confirmed attendance.
    Confirmed,
    /// The patient has arrived, even if late. This also undoes `completed` and `no_show`.
    CheckedIn,
    /// The visit has taken place.
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

/// A cancellation. The body is optional.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "the patient called in sick" }))]
pub struct CancellationIn {
    /// The reason for the cancellation. The patient sees it.
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
}

/// The time and the staff member before the last move.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RescheduledFrom)]
pub struct RescheduledOut {
    /// The start, with the clinic's UTC offset (RFC 3339).
    #[schema(format = "date-time")]
    pub start: String,
    /// The duration in minutes.
    pub duration_minutes: u16,
    /// The staff member.
    pub staff_id: StaffId,
}

/// A held appointment and the secret that confirms or releases it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Hold)]
pub struct HoldOut {
    /// The appointment.
    #[serde(flatten)]
    pub appointment: AppointmentOut,
    /// The secret with which any authorised caller can confirm or release the hold.
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
    /// The id.
    pub id: AppointmentId,
    /// The clinic where the visit takes place.
    pub clinic_id: ClinicId,
    /// The staff member.
    pub staff_id: StaffId,
    /// The patient. A hold may have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub patient_id: Option<PatientId>,
    /// The rooms and equipment that the visit needs.
    pub resource_ids: Vec<ResourceId>,
    /// The visit type, if it was booked by visit type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub visit_type_id: Option<VisitTypeId>,
    /// The status.
    pub status: Status,
    /// The start, with the clinic's UTC offset (RFC 3339).
    #[schema(format = "date-time")]
    pub start: String,
    /// The end, with the clinic's UTC offset (RFC 3339).
    #[schema(format = "date-time")]
    pub end: String,
    /// The requested start, in the clinic's local time. It differs from `start` only if the time
    /// zone's rules have changed since. To keep this time, move the appointment to it.
    pub local_start: String,
    /// The duration in minutes.
    pub duration_minutes: u16,
    /// The time that staff and resources need before the visit, in minutes.
    pub buffer_before_minutes: u16,
    /// The time that staff and resources need after the visit, in minutes.
    pub buffer_after_minutes: u16,
    /// The clinic's time zone.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
    /// When the patient was checked in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub checked_in_at: Option<Timestamp>,
    /// When the hold expires or expired. Absent once it is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hold_expires_at: Option<Timestamp>,
    /// Whether it was allowed to overlap other appointments.
    pub overbooked: bool,
    /// The reason given for overriding the rules of booking. Hidden from patients.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub override_reason: Option<Sensitive<String>>,
    /// The time and the staff member before the last move.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rescheduled_from: Option<RescheduledOut>,
    /// The reason for the visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub reason: Option<Sensitive<String>>,
    /// Notes for staff, hidden from patients.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub notes: Option<Sensitive<String>>,
    /// The reason for the cancellation. The patient sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub cancellation_reason: Option<Sensitive<String>>,
    /// Whether the patient was erased. If so, reasons and notes are removed, and new ones are
    /// refused.
    pub erased: bool,
    /// When it was booked or held.
    pub created_at: Timestamp,
    /// When it was last changed.
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
            checked_in_at: appointment.checked_in_at,
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
