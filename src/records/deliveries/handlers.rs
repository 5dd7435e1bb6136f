//! Deliveries over HTTP.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    model::{Attempt, Delivery, Status},
    repo,
};
use crate::{
    app::AppState,
    error::ApiResult,
    events::Event,
    http::{
        ApiPath, ApiQuery, Consistent, Entity, Filter, Found, ListQuery, Page, Paging, ReadContext,
        Updated, WriteContext, idempotency::or_replay,
    },
    id::{DeliveryId, WebhookId},
    records::webhooks::handlers::WebhookPath,
};

/// The delivery of an event to a webhook.
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
    /// The id.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event as it is sent.
    #[schema(value_type = Event)]
    pub event: serde_json::Value,
    /// The status.
    pub status: Status,
    /// When the next attempt is due, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_attempt_at: Option<Timestamp>,
    /// The latest 50 attempts, earliest first.
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

/// The path parameters of a delivery.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct DeliveryPath {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// A delivery to this webhook.
    pub delivery_id: DeliveryId,
}

/// The filters of the list of deliveries.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveryFilter {
    /// Only this status.
    status: Option<Status>,
}

impl Filter for DeliveryFilter {}

/// List the deliveries to a webhook
///
/// Lists deliveries with their attempts, latest event first. They are kept for 30 days. Use it to
/// find out why events do not arrive.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook_id}/deliveries",
    params(WebhookPath, ListQuery<DeliveryFilter>),
)]
pub async fn list_deliveries(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(WebhookPath { webhook_id }): ApiPath<WebhookPath>,
    query: ListQuery<DeliveryFilter>,
) -> ApiResult<Page<DeliveryOut>> {
    let paging = Paging::new(app.keyring(), &context.grant, &webhook_id, &query);
    let (org, page) = (context.grant.org(), paging.request()?);
    let listed = repo::list(app.store(), org, &webhook_id, query.filter.status, page).await?;
    paging.page(listed)
}

/// Get a delivery
///
/// Returns the record with its `ETag`.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
    params(DeliveryPath, Consistent)
)]
pub async fn get_delivery(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(DeliveryPath { webhook_id, delivery_id }): ApiPath<DeliveryPath>,
    ApiQuery(Consistent { consistent }): ApiQuery<Consistent>,
) -> ApiResult<Found<DeliveryOut>> {
    let org = context.grant.org();
    let found = repo::get(app.store(), org, &webhook_id, &delivery_id, consistent).await?;
    Found::new(found, &context)
}

/// Replay a delivery
///
/// Sends the event again under the same id, with as many attempts as for a new event. Use it once
/// the receiver works again.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    params(DeliveryPath)
)]
pub async fn replay_delivery(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(DeliveryPath { webhook_id, delivery_id }): ApiPath<DeliveryPath>,
) -> ApiResult<Updated<DeliveryOut>> {
    let replayed = repo::replay(app.store(), &context, &webhook_id, &delivery_id);
    or_replay(app.store(), &context, replayed).await.map(Updated::new)
}
