//! Events: what other programs are told of a change, as CloudEvents 1.0 in JSON. They name records and tell times and
//! statuses; nothing that is known of a patient is in them.

mod data;
mod kind;

pub use data::{AppointmentData, DeletedData, EventData, RecordData};
use jiff::Timestamp;
pub use kind::EventType;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::change::Change;
use crate::{
    appointments::model::{Appointment, Status},
    store::{Entity, Item, Record, StoreError},
};

/// The source of every event.
const SOURCE: &str = "/clinic-api";

/// A CloudEvent (CloudEvents 1.0, JSON event format).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Event, example = json!({
    "specversion": "1.0",
    "id": "c81e728d9d4c2f636f067f89cc14862c",
    "source": "/clinic-api",
    "type": "clinic.patient.created.v1",
    "subject": "PAT-5DZTY78BVG45PH3PZGKXREHH",
    "time": "2027-03-01T08:00:00Z",
    "datacontenttype": "application/json",
    "org": "ORG-DEMO",
    "data": {
        "id": "PAT-5DZTY78BVG45PH3PZGKXREHH",
        "clinic_id": null,
        "changed": [],
        "rev": 1,
        "by": { "subject": "anna.keller", "request_id": "h2q4vt9oc99bth6bffph07p2" }
    }
}))]
pub struct Event {
    /// The version of CloudEvents.
    #[schema(example = "1.0")]
    pub specversion: String,
    /// The event's id. It may come more than once, with the same id.
    pub id: String,
    /// Where it comes from.
    #[schema(example = "/clinic-api")]
    pub source: String,
    /// What happened.
    pub r#type: EventType,
    /// The id of the record that it happened to.
    pub subject: String,
    /// When. Events may come in any order; of one record, `data.rev` tells which is the later one.
    pub time: Timestamp,
    /// The form of `data`.
    #[schema(example = "application/json")]
    pub datacontenttype: String,
    /// The organisation.
    pub org: String,
    /// What there is to tell.
    pub data: EventData,
}

impl Event {
    /// The event that a change is, if others are told of it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::NewerShape`] if an image can't be read.
    pub fn of(change: &Change<'_>) -> Result<Option<Self>, StoreError> {
        let told = match change.kind {
            "appointment" => of_appointment(change)?,
            other => EventType::of_record(other, change.action)
                .map(|kind| (kind, EventData::of_record(change))),
        };
        Ok(told.map(|(kind, data)| Self {
            specversion: "1.0".to_owned(),
            id: change.event_id.to_owned(),
            source: SOURCE.to_owned(),
            r#type: kind,
            subject: change.record_id.to_owned(),
            time: change.at,
            datacontenttype: "application/json".to_owned(),
            org: change.org.as_str().to_owned(),
            data,
        }))
    }
}

fn of_appointment(change: &Change<'_>) -> Result<Option<(EventType, EventData)>, StoreError> {
    let Some(new) = change.new else {
        let data = EventData::Deleted(DeletedData::of(change));
        return Ok(Some((EventType::AppointmentDeleted, data)));
    };
    let new = read::<Appointment>(new)?;
    let old = change.old.map(read::<Appointment>).transpose()?;
    let kind = kind_of(old.as_ref(), &new);
    let data = AppointmentData::of(change, old.as_ref(), &new);
    Ok(Some((kind, EventData::Appointment(Box::new(data)))))
}

fn read<T: Record>(item: &Item) -> Result<T, StoreError> {
    Entity::from_item(item.clone()).map(|entity| entity.value)
}

fn kind_of(old: Option<&Appointment>, new: &Appointment) -> EventType {
    let Some(old) = old else {
        return match (&new.rescheduled_from, new.status) {
            (Some(_), _) => EventType::AppointmentRescheduled,
            (None, Status::Held) => EventType::AppointmentOffered,
            (None, _) => EventType::AppointmentBooked,
        };
    };
    if old.status != new.status {
        return match new.status {
            Status::Scheduled if old.status == Status::Held => EventType::AppointmentBooked,
            Status::Scheduled => EventType::AppointmentCheckInUndone,
            Status::Confirmed => EventType::AppointmentConfirmed,
            Status::CheckedIn => EventType::AppointmentCheckedIn,
            Status::Completed => EventType::AppointmentCompleted,
            Status::Cancelled => EventType::AppointmentCancelled,
            Status::NoShow => EventType::AppointmentNoShow,
            Status::Expired => EventType::AppointmentHoldExpired,
            Status::Held => EventType::AppointmentOffered,
        };
    }
    let place = |appointment: &Appointment| {
        let Appointment { start, duration_minutes, staff_id, resource_ids, .. } = appointment;
        (*start, *duration_minutes, staff_id.clone(), resource_ids.clone())
    };
    if place(old) == place(new) {
        EventType::AppointmentUpdated
    } else {
        EventType::AppointmentRescheduled
    }
}
