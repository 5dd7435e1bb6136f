//! What events tell: ids, times, statuses and names of what changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    appointments::{
        dto::StatusDto,
        model::{Appointment, Rescheduled, Status},
    },
    stream::change::Change,
};

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
pub struct Place {
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
    pub status: StatusDto,
    /// Where it stood before, if that was another.
    #[schema(required = true)]
    pub previous_status: Option<StatusDto>,
    /// When it begins.
    pub start: Timestamp,
    /// How long it takes.
    pub duration_minutes: u16,
    /// The clinic's time zone.
    pub time_zone: String,
    /// Where it was, if it has been moved by this change.
    #[schema(required = true)]
    pub previous: Option<Place>,
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

impl By {
    fn of(change: &Change<'_>) -> Self {
        let Change { subject, request_id, .. } = change;
        Self { subject: (*subject).to_owned(), request_id: (*request_id).to_owned() }
    }
}

fn changed(change: &Change<'_>) -> Vec<String> {
    change.changed.iter().map(|name| (*name).to_owned()).collect()
}

impl EventData {
    /// Of a record other than an appointment.
    #[must_use]
    pub fn of_record(change: &Change<'_>) -> Self {
        let Some(rev) = change.rev else {
            return Self::Deleted(DeletedData::of(change));
        };
        Self::Record(RecordData {
            id: change.record_id.to_owned(),
            clinic_id: change.clinic_id.map(str::to_owned),
            changed: changed(change),
            rev,
            by: By::of(change),
        })
    }
}

impl DeletedData {
    /// Of a deletion.
    #[must_use]
    pub fn of(change: &Change<'_>) -> Self {
        Self {
            id: change.record_id.to_owned(),
            clinic_id: change.clinic_id.map(str::to_owned),
            by: By::of(change),
        }
    }
}

impl AppointmentData {
    /// Of an appointment that was made or changed.
    #[must_use]
    pub fn of(change: &Change<'_>, old: Option<&Appointment>, new: &Appointment) -> Self {
        let moved = old.is_none_or(|old| old.rescheduled_from != new.rescheduled_from);
        let previous = new.rescheduled_from.as_ref().filter(|_| moved).map(Place::from);
        let previous_status = old.map(|old| old.status).filter(|old| *old != new.status);
        Self {
            appointment_id: new.id.to_string(),
            clinic_id: new.clinic_id.to_string(),
            staff_id: new.staff_id.to_string(),
            patient_id: new.patient_id.as_ref().map(ToString::to_string),
            resource_ids: new.resource_ids.iter().map(ToString::to_string).collect(),
            visit_type_id: new.visit_type_id.as_ref().map(ToString::to_string),
            status: new.status.into(),
            previous_status: previous_status.map(Into::into),
            start: new.start,
            duration_minutes: new.duration_minutes,
            time_zone: new.time_zone.to_string(),
            previous,
            hold_expires_at: new.hold_expires_at.filter(|_| new.status == Status::Held),
            changed: changed(change),
            rev: change.rev.unwrap_or_default(),
            by: By::of(change),
        }
    }
}

impl From<&Rescheduled> for Place {
    fn from(from: &Rescheduled) -> Self {
        let Rescheduled { start, duration_minutes, staff_id } = from;
        Self { start: *start, duration_minutes: *duration_minutes, staff_id: staff_id.to_string() }
    }
}
