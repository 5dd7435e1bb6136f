//! The public contract of events: CloudEvents 1.0 in JSON. Events contain ids, times and statuses, but no patient data.

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
    /// The id of the event. An event can be delivered more than once, with the same id.
    pub id: String,
    /// The source of the event.
    #[schema(example = "/clinic-api")]
    pub source: String,
    /// The event type.
    pub r#type: EventType,
    /// The id of the changed record.
    pub subject: String,
    /// The time of the change. Events can arrive in any order. Of two events about a record, the
    /// later one has the higher `data.rev`.
    pub time: Timestamp,
    /// The media type of `data`.
    #[schema(example = "application/json")]
    pub datacontenttype: String,
    /// The organisation.
    pub org: String,
    /// The data of the event.
    pub data: EventData,
}

/// Returns an example event for the OpenAPI document.
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
            "changed": [],
            "rev": 1,
            "by": { "subject": "anna.keller", "request_id": "h2q4vt9oc99bth6bffph07p2" }
        }
    })
}
