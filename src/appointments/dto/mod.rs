//! Appointments as they come and go over HTTP.

mod start;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
pub use start::Start;
use utoipa::ToSchema;
use validator::Validate;

use super::model::{Appointment, MAX_MINUTES, MIN_MINUTES, Status};
use crate::{
    id::{AppointmentId, ClinicId, PatientId, StaffId},
    sensitive::Sensitive,
    time::Zone,
    validation::sensitive as hidden,
};

/// An appointment to be booked.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
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
    /// When it begins, to the minute: an instant with its offset (RFC 3339), or a date-time without one on the
    /// clinic's own wall. From now (with 5 minutes' grace) to 400 days ahead.
    #[schema(
        value_type = String,
        pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?$",
        example = "2027-03-02T09:00:00+01:00"
    )]
    pub start: Start,
    /// How long it takes, in minutes.
    #[serde(deserialize_with = "whole_number")]
    #[validate(range(min = MIN_MINUTES, max = MAX_MINUTES))]
    #[schema(minimum = 5, maximum = 720, example = 30)]
    pub duration_minutes: u16,
    /// What it is for.
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
    /// What staff should know.
    #[validate(length(max = 4000), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub notes: Option<Sensitive<String>>,
}

/// A whole number as JSON Schema has it: `30.0` is one.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = number.as_u64().and_then(|number| u16::try_from(number).ok());
    let rounded = number.as_f64().filter(|number| number.fract() == 0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was compared with the bounds"
    )]
    let exact =
        rounded.filter(|number| (0.0..=65_535.0).contains(number)).map(|number| number as u16);
    whole.or(exact).ok_or_else(|| D::Error::custom("must be a whole number, and not too large"))
}

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

/// Where an appointment stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Status)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "model::Status says it")]
pub enum StatusDto {
    Held,
    Scheduled,
    Confirmed,
    CheckedIn,
    Completed,
    Cancelled,
    NoShow,
    Expired,
}

macro_rules! same_variants {
    ($from:ty => $to:ident: $($variant:ident)*) => {
        impl From<$from> for $to {
            fn from(status: $from) -> Self {
                match status { $(<$from>::$variant => Self::$variant,)* }
            }
        }
    };
}
same_variants!(Status => StatusDto: Held Scheduled Confirmed CheckedIn Completed Cancelled NoShow Expired);
same_variants!(StatusDto => Status: Held Scheduled Confirmed CheckedIn Completed Cancelled NoShow Expired);

/// An appointment.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Appointment, example = json!({
    "id": "APT-A1TQ7M2K9QW4X8B1N6T5V0C3",
    "clinic_id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
    "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
    "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
    "status": "scheduled",
    "start": "2027-03-02T09:00:00+01:00",
    "end": "2027-03-02T09:30:00+01:00",
    "duration_minutes": 30,
    "time_zone": "Europe/Zurich",
    "reason": "check-up",
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
    /// The patient.
    pub patient_id: PatientId,
    /// Where it stands in its life.
    pub status: StatusDto,
    /// When it begins, with the clinic's offset (RFC 3339).
    #[schema(format = "date-time")]
    pub start: String,
    /// When it ends, with the clinic's offset (RFC 3339).
    #[schema(format = "date-time")]
    pub end: String,
    /// How long it takes, in minutes.
    pub duration_minutes: u16,
    /// The clinic's time zone.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
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
    /// When it was booked.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl AppointmentOut {
    /// The appointment with the times of its record.
    #[must_use]
    pub fn new(appointment: Appointment, created_at: Timestamp, updated_at: Timestamp) -> Self {
        let zone = &appointment.time_zone;
        Self {
            start: zone.with_offset(appointment.start),
            end: zone.with_offset(appointment.end()),
            status: appointment.status.into(),
            id: appointment.id,
            clinic_id: appointment.clinic_id,
            staff_id: appointment.staff_id,
            patient_id: appointment.patient_id,
            duration_minutes: appointment.duration_minutes,
            time_zone: appointment.time_zone,
            reason: appointment.reason,
            notes: appointment.notes,
            cancellation_reason: appointment.cancellation_reason,
            created_at,
            updated_at,
        }
    }

    /// The same without what staff noted for each other.
    #[must_use]
    pub fn for_patient(self) -> Self {
        Self { notes: None, ..self }
    }
}

impl From<Appointment> for AppointmentDetailsIn {
    fn from(Appointment { reason, notes, .. }: Appointment) -> Self {
        Self { reason, notes }
    }
}
