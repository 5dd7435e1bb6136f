//! Deliveries as they go out over HTTP.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::model::{Attempt, Delivery, Status};
use crate::{
    events::Event,
    id::{DeliveryId, WebhookId},
    store::Entity,
};

/// An event on its way to a webhook.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Delivery, example = json!({
    "id": "DLV-1H3K5M7P9R0T2V4X6Z8B1D3F",
    "webhook_id": "WHK-8Q2N5V1X4C7B0M3K6J9H2G5F",
    "event": crate::events::example(),
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
    pub status: Status,
    /// When it is tried next; null when it is not.
    #[schema(required = true)]
    pub next_attempt_at: Option<Timestamp>,
    /// The latest 50 attempts, the earliest first.
    pub attempts: Vec<Attempt>,
}

impl From<Entity<Delivery>> for DeliveryOut {
    fn from(Entity { value: delivery, .. }: Entity<Delivery>) -> Self {
        Self {
            id: delivery.id,
            webhook_id: delivery.webhook_id,
            event: serde_json::from_str(&delivery.payload).unwrap_or_default(),
            status: delivery.status,
            next_attempt_at: delivery.next_attempt_at,
            attempts: delivery.attempts,
        }
    }
}
