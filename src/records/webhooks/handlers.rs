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

/// A webhook in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WebhookPath {
    /// The webhook.
    pub webhook_id: WebhookId,
}

type WebhookPatch = MergePatch<WebhookIn>;

/// The newest secret of a webhook as it is shown once.
fn secret_of(app: &AppState, webhook: &Webhook) -> Result<String, ApiError> {
    let secret = app.keyring().webhook_secrets.open(webhook.secret.expose(), webhook.id.as_str());
    secret.map(|secret| shown(&secret)).ok_or_else(|| {
        ApiError::new(ErrorCode::InternalError, "The webhook's secret can't be opened.")
    })
}

fn new_sealed(app: &AppState, id: &WebhookId) -> Result<SealedSecret, ApiError> {
    let sealed = app.keyring().webhook_secrets.seal(&new_secret(), id.as_str());
    sealed.map(SealedSecret::from).ok_or_else(|| {
        ApiError::new(ErrorCode::InternalError, "The webhook's secret can't be sealed.")
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
/// The organisation's, by id.
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
/// It is told of what happens from now on. An organisation has at most 50. The answer alone shows the secret that signs what it is told (Standard Webhooks).
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
                "An organisation has at most {} webhooks. Nothing was written.",
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
/// One read of one record, without its secret.
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
/// A JSON Merge Patch (RFC 7396). `{"active": false}` stops it; what it would have been told meanwhile, it is not.
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
        // One that was let through before can still be switched off.
        if patched.url != current.url {
            check_url(&app, &patched.url)?;
        }
        Ok::<_, ApiError>(patched.into_webhook(current.clone()))
    };
    repo::update(app.store(), &context, &webhook_id, modify).await.map(Updated::new)
}

/// Delete a webhook
///
/// What it was not told yet, it will not be.
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
/// The answer alone shows the new one. For 24 hours, the one before signs beside it, so that the receiver can be changed in
/// between.
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
