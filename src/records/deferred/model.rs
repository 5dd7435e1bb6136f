//! Deferred work: the deliveries of an event, or the accesses of a request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    events::StoredEventType,
    id::{OrgId, WebhookId},
    records::deliveries::model::Delivery,
};

/// An event, with the webhooks that have no delivery of it yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeferredEvent {
    /// The organisation.
    pub org: OrgId,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub event_type: StoredEventType,
    /// When the event happened.
    pub at: Timestamp,
    /// The event as it is sent.
    pub payload: String,
    /// The webhooks without a delivery. `None` if the webhooks that want the event are not known
    /// yet.
    pub webhook_ids: Option<Vec<WebhookId>>,
}

impl DeferredEvent {
    /// Returns the delivery of the event to a webhook.
    pub fn delivery(&self, webhook: WebhookId) -> Delivery {
        let (org, id, payload) = (self.org.clone(), self.event_id.clone(), self.payload.clone());
        Delivery::new(org, webhook, id, self.event_type.clone(), self.at, payload)
    }
}

/// A request whose accesses are not all written yet. The patients that it showed are in an item of
/// their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeferredAccesses {
    /// The organisation.
    pub org: OrgId,
    /// The request's unique id.
    pub request: String,
    /// When the request was made.
    pub at: Timestamp,
}
