//! The data of events: ids, times, statuses and names of changed members.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::appointments::model::Status;

/// The data of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum EventData {
    /// The data of an appointment.
    Appointment(Box<AppointmentData>),
    /// The data of any other record.
    Record(RecordData),
    /// The data of a deleted record.
    Deleted(DeletedData),
}

/// The caller who made the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EventActor)]
pub struct By {
    /// The `sub` of the caller's token.
    pub subject: String,
    /// The id of the request.
    pub request_id: String,
}

/// The slot of an appointment before it was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviousSlot {
    /// The previous start.
    pub start: Timestamp,
    /// The previous duration in minutes.
    pub duration_minutes: u16,
    /// The previous staff member.
    pub staff_id: String,
}

/// The data of an appointment event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppointmentData {
    /// The appointment.
    pub appointment_id: String,
    /// The clinic.
    pub clinic_id: String,
    /// The staff member.
    pub staff_id: String,
    /// The patient. Omitted for a hold without a patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub patient_id: Option<String>,
    /// The rooms and equipment.
    pub resource_ids: Vec<String>,
    /// The visit type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub visit_type_id: Option<String>,
    /// The status of the appointment.
    pub status: Status,
    /// The previous status, if the status changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub previous_status: Option<Status>,
    /// The start.
    pub start: Timestamp,
    /// The duration in minutes.
    pub duration_minutes: u16,
    /// The clinic's time zone.
    pub time_zone: String,
    /// The previous slot, if the change moved the appointment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub previous: Option<PreviousSlot>,
    /// The expiry of the hold. Omitted for other statuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hold_expires_at: Option<Timestamp>,
    /// The names of the changed members.
    pub changed: Vec<String>,
    /// The revision of the record. Of two events about a record, the later one has the higher
    /// revision.
    pub rev: u64,
    /// The caller who made the change.
    pub by: By,
}

/// The data of an event about any other record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordData {
    /// The id of the record.
    pub id: String,
    /// The record's clinic, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub clinic_id: Option<String>,
    /// The names of the changed members. Empty for a new record.
    pub changed: Vec<String>,
    /// The revision of the record. Of two events about a record, the later one has the higher
    /// revision.
    pub rev: u64,
    /// The staff member whose hours an exception changes. Only for exceptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub staff_id: Option<String>,
    /// The resource whose hours an exception changes. Only for exceptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub resource_id: Option<String>,
    /// The caller who made the change.
    pub by: By,
}

/// The data of an event about a deleted record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeletedData {
    /// The id of the deleted record.
    pub id: String,
    /// The record's clinic, if it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub clinic_id: Option<String>,
    /// The staff member whose hours an exception changed. Only for exceptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub staff_id: Option<String>,
    /// The resource whose hours an exception changed. Only for exceptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub resource_id: Option<String>,
    /// The caller who made the change.
    pub by: By,
}
