//! Deliveries over HTTP.

use axum::{Json, extract::State, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    dto::{DeliveryOut, StatusDto},
    model::Delivery,
    repo,
};
use crate::{
    app::AppState,
    error::ApiResult,
    http::{
        ApiPath, ApiQuery, Consistent, Entity, IdempotencyKey, IfMatch, IfNoneMatch, Page,
        ReadContext, WriteContext, etag::Tagged, idempotency::or_replay, paging::Paging,
    },
    id::{DeliveryId, WebhookId},
    openapi::{ActProblems, ReadProblems},
};

fn tagged(delivery: Entity<Delivery>) -> Tagged<DeliveryOut> {
    Tagged::new(delivery.meta.rev, delivery.value.into())
}

/// Parameters of a list of deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDeliveries {
    /// In this status.
    #[param(inline)]
    status: Option<StatusDto>,
    /// Read what all writes before this request have left, at twice the cost.
    #[serde(default)]
    #[param(default = false)]
    consistent: bool,
    /// The most items of a page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// List the deliveries to a webhook
///
/// The latest event first, with every attempt. They are kept for 30 days.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook_id}/deliveries",
    tag = "webhooks",
    params(("webhook_id" = WebhookId, Path), ListDeliveries),
    responses((status = OK, description = "A page of deliveries.", body = Page<DeliveryOut>), ReadProblems),
)]
pub async fn list_deliveries(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(webhook): ApiPath<WebhookId>,
    ApiQuery(query): ApiQuery<ListDeliveries>,
) -> ApiResult<Json<Page<DeliveryOut>>> {
    let list = (&webhook, query.status);
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_deliveries", list);
    let mut page = paging.request(query.cursor.as_deref(), query.limit)?;
    page.consistent = query.consistent;
    let status = query.status.map(Into::into);
    let listed = repo::list(app.store(), context.grant.org(), &webhook, status, page).await?;
    paging.page(listed, |delivery| delivery.value.into()).map(Json)
}

/// Get a delivery
///
/// One read of one record.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
    tag = "webhooks",
    params(("webhook_id" = WebhookId, Path), ("delivery_id" = DeliveryId, Path), Consistent, IfNoneMatch),
    responses(
        (status = OK, description = "The delivery.", body = DeliveryOut, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "The caller has it already."),
        ReadProblems,
    ),
)]
pub async fn get_delivery(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath((webhook, id)): ApiPath<(WebhookId, DeliveryId)>,
    ApiQuery(query): ApiQuery<Consistent>,
) -> ApiResult<Response> {
    let org = context.grant.org();
    let found = repo::get(app.store(), org, &webhook, &id, query.consistent).await?;
    tagged(found).for_get(&context.if_none_match)
}

/// Replay a delivery
///
/// The event is sent once more, under the same id, and tried as long as if it were new.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    tag = "webhooks",
    params(("webhook_id" = WebhookId, Path), ("delivery_id" = DeliveryId, Path), IdempotencyKey, IfMatch),
    responses(
        (status = OK, description = "The delivery, to be tried.", body = DeliveryOut, headers(("ETag" = String))),
        ActProblems,
    ),
)]
pub async fn replay_delivery(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath((webhook, id)): ApiPath<(WebhookId, DeliveryId)>,
) -> ApiResult<Tagged<DeliveryOut>> {
    let replayed = repo::replay(app.store(), &context, &webhook, &id).await;
    or_replay(app.store(), &context, replayed).await.map(tagged)
}
