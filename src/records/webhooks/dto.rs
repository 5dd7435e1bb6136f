//! Webhooks as they come and go over HTTP.

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

/// A webhook to be made, or all that can be changed of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "url": "https://hooks.example.org/clinic",
    "description": "Reminders",
    "event_types": ["clinic.appointment.booked.v1", "clinic.appointment.cancelled.v1"]
}))]
pub struct WebhookIn {
    /// Where events go: an `https` URL that leads to a public address, without user, password and fragment. Redirects are
    /// not followed.
    #[schema(format = "uri", min_length = 9, max_length = 2048, pattern = "^https?://[^@#]+$")]
    pub url: String,
    /// What people call it.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub description: Option<String>,
    /// Of which events it is told; of all, if the list is empty.
    #[serde(default)]
    #[validate(length(max = 100), custom(function = validation::distinct))]
    #[schema(max_items = 100, default = json!([]))]
    pub event_types: Vec<EventType>,
    /// Whether it is told of events. One that was switched off because nothing had reached it for five days is switched on
    /// with this.
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
    "failing_since": null,
    "disabled_at": null,
    "created_at": "2027-03-01T08:00:00Z",
    "updated_at": "2027-03-01T08:00:00Z"
}))]
pub struct WebhookOut {
    /// Its id.
    pub id: WebhookId,
    /// Where events go.
    pub url: String,
    /// What people call it.
    #[schema(required = true)]
    pub description: Option<String>,
    /// Of which events it is told; of all, if the list is empty.
    pub event_types: Vec<String>,
    /// Whether it is told of events.
    pub active: bool,
    /// Since when no attempt has reached it; null while they do.
    #[schema(required = true)]
    pub failing_since: Option<Timestamp>,
    /// When it was switched off because nothing had reached it; null if it was not.
    #[schema(required = true)]
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A webhook with its secret, which nothing else shows.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
pub struct WebhookWithSecretOut {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookOut,
    /// What signs what it is told, as libraries of Standard Webhooks take it. Keep it: it is not shown again.
    #[schema(
        pattern = "^whsec_[A-Za-z0-9+/]{43}=$",
        example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDmZbmvA5mDzE="
    )]
    pub secret: String,
}

impl WebhookIn {
    /// A webhook of an organisation that is like this, and otherwise like `current`.
    pub fn into_webhook(self, current: Webhook) -> Webhook {
        let switched_on = self.active && !current.active;
        let event_types = if self.event_types == known_types(&current) {
            // Also those that only a later release knows.
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

/// The types of events that a webhook wants, as far as this release knows them.
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
