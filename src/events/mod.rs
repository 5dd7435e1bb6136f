//! The public contract of events: CloudEvents 1.0 in JSON. They name records and hold times and statuses, but no patient data.

mod data;
mod event_type;

pub use data::{AppointmentData, By, DeletedData, EventData, PreviousSlot, RecordData};
pub use event_type::{EventType, StoredEventType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A CloudEvent (CloudEvents 1.0, JSON event format).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Event, example = example)]
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

/// An event, for the document.
pub(crate) fn example() -> Value {
    json!({
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
    })
}
