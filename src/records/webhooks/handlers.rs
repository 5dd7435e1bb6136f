//! Webhooks over HTTP.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    dto::{WebhookIn, WebhookOut, WebhookWithSecretOut},
    model::{
        SealedSecret, Webhook,
        signature::{new_secret, shown},
    },
    repo,
};
use crate::{
    app::AppState,
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, ApiQuery, Consistent, Created, Deleted, Found, ListQuery, MergePatch, Page,
        Paging, ReadContext, Updated, WriteCommand, WriteContext, idempotency::or_replay,
    },
    id::WebhookId,
    openapi::Conflict,
};

/// The path parameters of a webhook.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WebhookPath {
    /// The webhook.
    pub webhook_id: WebhookId,
}

type WebhookPatch = MergePatch<WebhookIn>;

/// Returns the newest secret of a webhook, as it is shown once.
fn secret_of(app: &AppState, webhook: &Webhook) -> Result<String, ApiError> {
    let secret = app.keyring().webhook_secrets.open(webhook.secret.expose(), webhook.id.as_str());
    secret.map(|secret| shown(&secret)).ok_or_else(|| {
        ApiError::new(ErrorCode::InternalError, "The service could not decrypt the webhook's secret. Report the request_id to the operator.")
    })
}

fn new_sealed(app: &AppState, id: &WebhookId) -> Result<SealedSecret, ApiError> {
    let sealed = app.keyring().webhook_secrets.seal(&new_secret(), id.as_str());
    sealed.map(SealedSecret::from).ok_or_else(|| {
        ApiError::new(ErrorCode::InternalError, "The service could not encrypt the webhook's secret. Report the request_id to the operator.")
    })
}

fn check_url(app: &AppState, url: &str) -> Result<(), ApiError> {
    let checked = app.parts().webhook_targets.check(url);
    checked
        .map(|_| ())
        .map_err(|error| ApiError::field(ErrorCode::ValidationFailed, "/url", error.to_string()))
}

/// List webhooks
///
/// Lists the organisation's webhooks by id, without their secrets.
#[utoipa::path(get, path = "/v1/webhooks", params(ListQuery))]
pub async fn list_webhooks(
    State(app): State<AppState>,
    context: ReadContext,
    query: ListQuery,
) -> ApiResult<Page<WebhookOut>> {
    let paging = Paging::new(app.keyring(), &context.grant, (), &query);
    let listed = repo::list(app.store(), context.grant.org(), paging.request()?).await?;
    paging.page(listed)
}

/// Create a webhook
///
/// Sends events from now on to a URL, signed as in Standard Webhooks. Only this response contains
/// the signing secret. An organisation has at most 50 webhooks.
#[utoipa::path(post, path = "/v1/webhooks", request_body = WebhookIn, responses(Conflict))]
pub async fn create_webhook(
    State(app): State<AppState>,
    WriteCommand { body, context }: WriteCommand<WebhookIn>,
) -> ApiResult<Created<WebhookWithSecretOut>> {
    let created = async {
        check_url(&app, &body.url)?;
        let id = WebhookId::random();
        let secret = new_sealed(&app, &id)?;
        let webhook = Webhook {
            id,
            org: context.org.clone(),
            url: body.url,
            description: body.description,
            event_types: body.event_types.into_iter().map(Into::into).collect(),
            active: body.active,
            secret,
            previous_secret: None,
            failing_since: None,
            disabled_at: None,
        };
        let others = repo::all(app.store(), &context.org).await?;
        if others.len() >= repo::MAX_WEBHOOKS {
            let detail = format!(
                "The organisation has {} webhooks, the maximum. Delete one first.",
                repo::MAX_WEBHOOKS
            );
            return Err(ApiError::new(ErrorCode::TooManyWebhooks, detail));
        }
        Ok(repo::create(app.store(), &context, webhook).await?)
    };
    let created = or_replay(app.store(), &context, created).await?;
    let secret = secret_of(&app, &created.value)?;
    let location = format!("/v1/webhooks/{}", created.value.id);
    Ok(Created::new(created, location).map(|webhook| WebhookWithSecretOut { webhook, secret }))
}

/// Get a webhook
///
/// Returns the record with its `ETag`, without its secret.
#[utoipa::path(get, path = "/v1/webhooks/{webhook_id}", params(WebhookPath, Consistent))]
pub async fn get_webhook(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(WebhookPath { webhook_id }): ApiPath<WebhookPath>,
    ApiQuery(Consistent { consistent }): ApiQuery<Consistent>,
) -> ApiResult<Found<WebhookOut>> {
    let found = repo::get(app.store(), context.grant.org(), &webhook_id, consistent).await?;
    Found::new(found, &context)
}

/// Change a webhook
///
/// A JSON Merge Patch (RFC 7396). `{"active": false}` pauses the webhook. Events during the pause
/// are never sent.
#[utoipa::path(
    patch,
    path = "/v1/webhooks/{webhook_id}",
    params(WebhookPath),
    request_body(content = WebhookPatch, example = json!({ "active": false })),
)]
pub async fn update_webhook(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(WebhookPath { webhook_id }): ApiPath<WebhookPath>,
    patch: WebhookPatch,
) -> ApiResult<Updated<WebhookOut>> {
    let modify = |current: &Webhook| {
        let patched = patch.apply(WebhookIn::from(current.clone()))?;
        // The URL of an existing webhook may no longer be allowed, but the webhook can still be
        // disabled.
        if patched.url != current.url {
            check_url(&app, &patched.url)?;
        }
        Ok::<_, ApiError>(patched.into_webhook(current.clone()))
    };
    repo::update(app.store(), &context, &webhook_id, modify).await.map(Updated::new)
}

/// Delete a webhook
///
/// Events that were not delivered yet are not sent. To stop for a while, set `active` to false.
#[utoipa::path(delete, path = "/v1/webhooks/{webhook_id}", params(WebhookPath))]
pub async fn delete_webhook(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(WebhookPath { webhook_id }): ApiPath<WebhookPath>,
) -> ApiResult<Deleted> {
    repo::delete(app.store(), &context, &webhook_id).await?;
    Ok(Deleted)
}

/// Replace a webhook's secret
///
/// Only this response contains the new secret. For 24 hours the old secret signs as well, so that
/// the receiver can be changed in that time.
#[utoipa::path(post, path = "/v1/webhooks/{webhook_id}/rotate-secret", params(WebhookPath))]
pub async fn rotate_webhook_secret(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(WebhookPath { webhook_id }): ApiPath<WebhookPath>,
) -> ApiResult<Updated<WebhookWithSecretOut>> {
    let secret = new_sealed(&app, &webhook_id)?;
    let modify =
        |current: &Webhook| Ok::<_, ApiError>(current.with_secret(secret.clone(), context.now));
    let rotated = repo::update(app.store(), &context, &webhook_id, modify);
    let rotated = or_replay(app.store(), &context, rotated).await?;
    let secret = secret_of(&app, &rotated.value)?;
    Ok(Updated::new(rotated).map(|webhook| WebhookWithSecretOut { webhook, secret }))
}
