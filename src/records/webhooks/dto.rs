//! The request and response bodies of webhooks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::model::Webhook;
use crate::{
    events::{EventType, StoredEventType},
    id::WebhookId,
    store::Entity,
    validation,
};

/// The members of a webhook that callers set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "url": "https://hooks.example.org/clinic",
    "description": "Reminders",
    "event_types": ["clinic.appointment.booked.v1", "clinic.appointment.cancelled.v1"]
}))]
pub struct WebhookIn {
    /// The target of events: an `https` URL with a public address, without credentials or a
    /// fragment. Redirects are not followed.
    #[schema(format = "uri", min_length = 9, max_length = 2048, pattern = "^https?://[^@#]+$")]
    pub url: String,
    /// A name or a note for people.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub description: Option<String>,
    /// The event types to send. An empty list sends all.
    #[serde(default)]
    #[validate(length(max = 100), custom(function = validation::distinct))]
    #[schema(max_items = 100, default = json!([]))]
    pub event_types: Vec<EventType>,
    /// Whether events are sent. Set it to true to re-enable a webhook that was disabled after five
    /// days of failures.
    #[serde(default = "validation::yes")]
    #[schema(default = true)]
    pub active: bool,
}

/// A webhook.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Webhook, example = json!({
    "id": "WHK-8Q2N5V1X4C7B0M3K6J9H2G5F",
    "url": "https://hooks.example.org/clinic",
    "description": "Reminders",
    "event_types": ["clinic.appointment.booked.v1", "clinic.appointment.cancelled.v1"],
    "active": true,
    "created_at": "2027-03-01T08:00:00Z",
    "updated_at": "2027-03-01T08:00:00Z"
}))]
pub struct WebhookOut {
    /// The id.
    pub id: WebhookId,
    /// The target of events.
    pub url: String,
    /// A name or a note for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub description: Option<String>,
    /// The event types to send. An empty list sends all.
    pub event_types: Vec<String>,
    /// Whether events are sent.
    pub active: bool,
    /// When the attempts began to fail. Absent while they succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failing_since: Option<Timestamp>,
    /// When it was disabled, after five days of failures or a `410` response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disabled_at: Option<Timestamp>,
    /// When the webhook was created.
    pub created_at: Timestamp,
    /// When the webhook was last changed.
    pub updated_at: Timestamp,
}

/// A webhook with its secret, which no other response contains.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
pub struct WebhookWithSecretOut {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookOut,
    /// The signing secret, as libraries of Standard Webhooks expect it. Store it: it is not shown
    /// again.
    #[schema(
        pattern = "^whsec_[A-Za-z0-9+/]{43}=$",
        example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDmZbmvA5mDzE="
    )]
    pub secret: String,
}

impl WebhookIn {
    /// Returns `current` with these members.
    pub fn into_webhook(self, current: Webhook) -> Webhook {
        let switched_on = self.active && !current.active;
        let event_types = if self.event_types == known_types(&current) {
            // Keeps event types that only a later release knows.
            current.event_types
        } else {
            self.event_types.into_iter().map(Into::into).collect()
        };
        Webhook {
            url: self.url,
            description: self.description,
            event_types,
            active: self.active,
            failing_since: current.failing_since.filter(|_| !switched_on),
            disabled_at: current.disabled_at.filter(|_| !switched_on),
            ..current
        }
    }
}

/// Returns the event types of a webhook that this release knows.
fn known_types(webhook: &Webhook) -> Vec<EventType> {
    webhook.event_types.iter().filter_map(StoredEventType::known).collect()
}

impl From<Webhook> for WebhookIn {
    fn from(webhook: Webhook) -> Self {
        Self {
            event_types: known_types(&webhook),
            url: webhook.url,
            description: webhook.description,
            active: webhook.active,
        }
    }
}

impl From<Entity<Webhook>> for WebhookOut {
    fn from(Entity { value, meta }: Entity<Webhook>) -> Self {
        Self {
            id: value.id,
            url: value.url,
            description: value.description,
            event_types: value.event_types.iter().map(ToString::to_string).collect(),
            active: value.active,
            failing_since: value.failing_since,
            disabled_at: value.disabled_at,
            created_at: meta.created_at,
            updated_at: meta.updated_at,
        }
    }
}
