//! Webhooks over HTTP.

use axum::{Json, extract::State, http::StatusCode, response::Response};

use super::{
    dto::{WebhookIn, WebhookOut, WebhookWithSecretOut, blank},
    model::{
        SealedSecret, Webhook,
        signature::{new_secret, secret_purpose, shown},
    },
    repo,
};
use crate::{
    app::AppState,
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, ApiQuery, Consistent, Entity, IdempotencyKey, IfMatch, IfNoneMatch, MergePatch,
        Page, ReadContext, WriteCommand, WriteContext,
        etag::Tagged,
        idempotency::or_replay,
        paging::{ListAll, Paging},
    },
    id::WebhookId,
    openapi::{ActProblems, CreateUniqueProblems, DeleteProblems, ReadProblems, UpdateProblems},
};

/// A merge patch of a webhook.
type WebhookPatch = MergePatch<WebhookIn>;

fn out(webhook: Entity<Webhook>) -> WebhookOut {
    webhook.show(WebhookOut::new)
}

fn tagged(webhook: Entity<Webhook>) -> Tagged<WebhookOut> {
    Tagged::of(webhook, WebhookOut::new)
}

/// The webhook with its newest secret.
fn with_secret(
    app: &AppState,
    webhook: Entity<Webhook>,
) -> Result<Tagged<WebhookWithSecretOut>, ApiError> {
    let purpose = secret_purpose(&webhook.value.id);
    let secret = app.cursor_keys().open_bytes(&webhook.value.secret.0, &purpose);
    let secret = secret.ok_or_else(|| {
        ApiError::new(ErrorCode::InternalError, "The webhook's secret can't be opened.")
    })?;
    let rev = webhook.meta.rev;
    Ok(Tagged::new(rev, WebhookWithSecretOut { webhook: out(webhook), secret: shown(&secret) }))
}

fn new_sealed(app: &AppState, id: &WebhookId) -> Result<SealedSecret, ApiError> {
    let sealed = app.cursor_keys().seal_bytes(&new_secret(), &secret_purpose(id));
    sealed.map(SealedSecret).ok_or_else(|| {
        ApiError::new(ErrorCode::InternalError, "The webhook's secret can't be sealed.")
    })
}

fn check_url(app: &AppState, url: &str) -> Result<(), ApiError> {
    let checked = app.webhook_targets().check(url);
    checked
        .map(|_| ())
        .map_err(|error| ApiError::field(ErrorCode::ValidationFailed, "/url", error.to_string()))
}

/// List webhooks
///
/// The organisation's, by id.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    tag = "webhooks",
    params(ListAll),
    responses((status = OK, description = "A page of webhooks.", body = Page<WebhookOut>), ReadProblems),
)]
pub async fn list_webhooks(
    State(app): State<AppState>,
    context: ReadContext,
    ApiQuery(query): ApiQuery<ListAll>,
) -> ApiResult<Json<Page<WebhookOut>>> {
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_webhooks", ());
    let page = paging.request_of(&query)?;
    let listed = repo::list(app.store(), context.grant.org(), page).await?;
    paging.page(listed, out).map(Json)
}

/// Create a webhook
///
/// It is told of what happens from now on. An organisation has at most 50. The answer alone shows the secret that signs what it is told (Standard Webhooks).
#[utoipa::path(
    post,
    path = "/v1/webhooks",
    tag = "webhooks",
    params(IdempotencyKey),
    request_body = WebhookIn,
    responses(
        (status = CREATED, description = "The webhook and its secret.", body = WebhookWithSecretOut,
         headers(("ETag" = String), ("Location" = String))),
        CreateUniqueProblems,
    ),
)]
pub async fn create_webhook(
    State(app): State<AppState>,
    WriteCommand { body, context }: WriteCommand<WebhookIn>,
) -> ApiResult<Response> {
    let created = create(&app, &context, body).await;
    let created = or_replay(app.store(), &context, created).await?;
    let location = format!("/v1/webhooks/{}", created.value.id);
    Ok(with_secret(&app, created)?.created(&location))
}

async fn create(
    app: &AppState,
    context: &WriteContext,
    body: WebhookIn,
) -> Result<Entity<Webhook>, ApiError> {
    check_url(app, &body.url)?;
    let id = WebhookId::random();
    let secret = new_sealed(app, &id)?;
    let webhook = body.into_webhook(blank(id, context.org.clone(), secret));
    let others = repo::all(app.store(), &context.org).await?;
    if others.len() >= repo::MOST {
        let detail =
            format!("An organisation has at most {} webhooks. Nothing was written.", repo::MOST);
        return Err(ApiError::new(ErrorCode::TooManyWebhooks, detail));
    }
    Ok(repo::create(app.store(), context, webhook).await?)
}

/// Get a webhook
///
/// One read of one record, without its secret.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook_id}",
    tag = "webhooks",
    params(("webhook_id" = WebhookId, Path), Consistent, IfNoneMatch),
    responses(
        (status = OK, description = "The webhook.", body = WebhookOut, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "The caller has it already."),
        ReadProblems,
    ),
)]
pub async fn get_webhook(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(id): ApiPath<WebhookId>,
    ApiQuery(query): ApiQuery<Consistent>,
) -> ApiResult<Response> {
    let found = repo::get(app.store(), context.grant.org(), &id, query.consistent).await?;
    tagged(found).for_get(&context.if_none_match)
}

/// Change a webhook
///
/// A JSON Merge Patch (RFC 7396). `{"active": false}` stops it; what it would have been told meanwhile, it is not.
#[utoipa::path(
    patch,
    path = "/v1/webhooks/{webhook_id}",
    tag = "webhooks",
    params(("webhook_id" = WebhookId, Path), IfMatch),
    request_body(content(
        (WebhookPatch = "application/merge-patch+json", example = json!({ "active": false })),
        (WebhookPatch = "application/json", example = json!({ "active": false })),
    )),
    responses(
        (status = OK, description = "The webhook as it is now.", body = WebhookOut, headers(("ETag" = String))),
        UpdateProblems,
    ),
)]
pub async fn update_webhook(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(id): ApiPath<WebhookId>,
    patch: WebhookPatch,
) -> ApiResult<Tagged<WebhookOut>> {
    let modify = |current: &Webhook| {
        let patched = patch.apply(WebhookIn::from(current.clone()))?;
        // One that was let through before can still be switched off.
        if patched.url != current.url {
            check_url(&app, &patched.url)?;
        }
        Ok::<_, ApiError>(patched.into_webhook(current.clone()))
    };
    repo::update(app.store(), &context, &id, modify).await.map(tagged)
}

/// Delete a webhook
///
/// What it was not told yet, it will not be.
#[utoipa::path(
    delete,
    path = "/v1/webhooks/{webhook_id}",
    tag = "webhooks",
    params(("webhook_id" = WebhookId, Path), IfMatch),
    responses((status = NO_CONTENT, description = "It is deleted."), DeleteProblems),
)]
pub async fn delete_webhook(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(id): ApiPath<WebhookId>,
) -> ApiResult<StatusCode> {
    repo::delete(app.store(), &context, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replace a webhook's secret
///
/// The answer alone shows the new one. For 24 hours, the one before signs beside it, so that the receiver can be changed in
/// between.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook_id}/rotate-secret",
    tag = "webhooks",
    params(("webhook_id" = WebhookId, Path), IdempotencyKey, IfMatch),
    responses(
        (status = OK, description = "The webhook and its new secret.", body = WebhookWithSecretOut,
         headers(("ETag" = String))),
        ActProblems,
    ),
)]
pub async fn rotate_webhook_secret(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(id): ApiPath<WebhookId>,
) -> ApiResult<Tagged<WebhookWithSecretOut>> {
    let secret = new_sealed(&app, &id)?;
    let modify =
        |current: &Webhook| Ok::<_, ApiError>(current.with_secret(secret.clone(), context.now));
    let rotated = repo::update(app.store(), &context, &id, modify).await;
    let rotated = or_replay(app.store(), &context, rotated).await?;
    with_secret(&app, rotated)
}
