//! Deliveries as they go out over HTTP.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{Attempt, Delivery, Outcome, Status};
use crate::{
    id::{DeliveryId, WebhookId},
    stream::event::Event,
};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeliveryStatus)]
#[serde(rename_all = "snake_case")]
pub enum StatusDto {
    /// It waits to be tried, for the first time or again.
    Pending,
    /// The receiver has it.
    Delivered,
    /// It is not tried any more.
    Failed,
}

macro_rules! same_variants {
    ($from:ty => $to:ident: $($variant:ident)*) => {
        impl From<$from> for $to {
            fn from(from: $from) -> Self {
                match from { $(<$from>::$variant => Self::$variant,)* }
            }
        }
    };
}
same_variants!(Status => StatusDto: Pending Delivered Failed);
same_variants!(StatusDto => Status: Pending Delivered Failed);
same_variants!(Outcome => OutcomeDto: Delivered Refused Gone TimedOut Unreachable Forbidden SwitchedOff Unsigned);

/// What came of an attempt.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = DeliveryOutcome)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeDto {
    /// The receiver answered with 2xx.
    Delivered,
    /// It answered with another status; redirects are not followed.
    Refused,
    /// It is gone for good: 410.
    Gone,
    /// It did not answer within 15 seconds.
    TimedOut,
    /// It can't be reached.
    Unreachable,
    /// Its address is none that may be reached.
    Forbidden,
    /// The webhook was switched off, or deleted.
    SwitchedOff,
    /// It could not be signed.
    Unsigned,
}

/// One attempt to deliver an event.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
pub struct AttemptOut {
    /// When.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What came of it.
    pub outcome: OutcomeDto,
    /// The status of the answer; null if there was none.
    #[schema(required = true)]
    pub response_status: Option<u16>,
}

/// An event on its way to a webhook.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Delivery, example = json!({
    "id": "DLV-1H3K5M7P9R0T2V4X6Z8B1D3F",
    "webhook_id": "WHK-8Q2N5V1X4C7B0M3K6J9H2G5F",
    "event": {
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
    },
    "status": "pending",
    "next_attempt_at": "2027-03-01T08:00:06Z",
    "attempts": [{
        "at": "2027-03-01T08:00:01Z",
        "duration_ms": 112,
        "outcome": "refused",
        "response_status": 503
    }]
}))]
pub struct DeliveryOut {
    /// Its id.
    pub id: DeliveryId,
    /// Where it goes.
    pub webhook_id: WebhookId,
    /// The event as it is sent.
    #[schema(value_type = Event)]
    pub event: serde_json::Value,
    /// Where it stands.
    pub status: StatusDto,
    /// When it is tried next; null when it is not.
    #[schema(required = true)]
    pub next_attempt_at: Option<Timestamp>,
    /// The latest 50 attempts, the earliest first.
    pub attempts: Vec<AttemptOut>,
}

impl From<Attempt> for AttemptOut {
    fn from(attempt: Attempt) -> Self {
        let Attempt { at, duration_ms, outcome, response_status } = attempt;
        Self { at, duration_ms, outcome: outcome.into(), response_status }
    }
}

impl From<Delivery> for DeliveryOut {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            webhook_id: delivery.webhook_id,
            event: serde_json::from_str(&delivery.payload).unwrap_or_default(),
            status: delivery.status.into(),
            next_attempt_at: delivery.next_attempt_at,
            attempts: delivery.attempts.into_iter().map(Into::into).collect(),
        }
    }
}
