//! The data of events: ids, times, statuses and names of what changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::appointments::model::Status;

/// What there is to tell of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum EventData {
    /// Of an appointment.
    Appointment(Box<AppointmentData>),
    /// Of a patient, a clinic or a staff member.
    Record(RecordData),
    /// Of what was deleted.
    Deleted(DeletedData),
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct By {
    /// The `sub` of their token.
    pub subject: String,
    /// The request that did it.
    pub request_id: String,
}

/// When and with whom an appointment was to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Place)]
pub struct PreviousSlot {
    /// When it was to begin.
    pub start: Timestamp,
    /// How long it was to take.
    pub duration_minutes: u16,
    /// With which staff member.
    pub staff_id: String,
}

/// What is told of an appointment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppointmentData {
    /// The appointment.
    pub appointment_id: String,
    /// The clinic.
    pub clinic_id: String,
    /// The staff member.
    pub staff_id: String,
    /// The patient; a hold may have none yet.
    #[schema(required = true)]
    pub patient_id: Option<String>,
    /// The rooms and the equipment.
    pub resource_ids: Vec<String>,
    /// What type of visit it is.
    #[schema(required = true)]
    pub visit_type_id: Option<String>,
    /// Where it stands in its life.
    pub status: Status,
    /// Where it stood before, if that was another.
    #[schema(required = true)]
    pub previous_status: Option<Status>,
    /// When it begins.
    pub start: Timestamp,
    /// How long it takes.
    pub duration_minutes: u16,
    /// The clinic's time zone.
    pub time_zone: String,
    /// Where it was, if it has been moved by this change.
    #[schema(required = true)]
    pub previous: Option<PreviousSlot>,
    /// Until when it is held, if it is.
    #[schema(required = true)]
    pub hold_expires_at: Option<Timestamp>,
    /// The names of the members that changed.
    pub changed: Vec<String>,
    /// The record's revision: of two events, the later one has the greater.
    pub rev: u64,
    /// Who did it.
    pub by: By,
}

/// What is told of a patient, a clinic or a staff member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordData {
    /// The record.
    pub id: String,
    /// Its clinic, if it has one.
    #[schema(required = true)]
    pub clinic_id: Option<String>,
    /// The names of the members that changed; none if it is new.
    pub changed: Vec<String>,
    /// The record's revision: of two events, the later one has the greater.
    pub rev: u64,
    /// Who did it.
    pub by: By,
}

/// What is told of what was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeletedData {
    /// What was the record.
    pub id: String,
    /// Its clinic, if it had one.
    #[schema(required = true)]
    pub clinic_id: Option<String>,
    /// Who did it.
    pub by: By,
}
