//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): one effect and the same answer for 24 hours.

use axum::http::{HeaderMap, HeaderName, Method};
use serde::Serialize;

use crate::{
    error::{ApiError, ErrorCode},
    id::OrgId,
    store::{Entity, Idempotency, Record, Store, WriteContext},
};

/// The header's name.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key of a request, if it is a POST that has one, bound to its caller, its path and its command: the body as its type
/// reads it, so that every spelling of a command is the same.
pub fn from_request(
    headers: &HeaderMap,
    org: &OrgId,
    subject: &str,
    method: &Method,
    path: &str,
    command: &impl Serialize,
) -> Result<Option<Idempotency>, ApiError> {
    let mut keys = headers.get_all(&IDEMPOTENCY_KEY).into_iter();
    let Some(key) = keys.next().filter(|_| method == Method::POST) else {
        return Ok(None);
    };
    let malformed = || {
        let message = "must be one value of 1 to 255 visible ASCII characters";
        ApiError::field(ErrorCode::InvalidIdempotencyKey, IDEMPOTENCY_KEY.as_str(), message)
    };
    let key = key.to_str().map_err(|_| malformed())?;
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !(1..=255).contains(&key.len()) || !visible || keys.next().is_some() {
        return Err(malformed());
    }
    let scope = [org.as_str(), subject, method.as_str(), path, key];
    // Only here: a request without a key does not pay for it.
    let command = serde_json::to_value(command).map_err(|_| ApiError::internal())?;
    Ok(Some(Idempotency::new(&scope, &command)))
}

/// Runs a POST. If it is refused but the same key did it before, returns that answer: a replay takes precedence over every
/// refusal, because what was true then need not be true now.
pub fn or_replay<'a, T: Record + Send + 'a, E: Into<ApiError> + Send + 'a>(
    store: &'a Store,
    context: &'a WriteContext,
    request: impl Future<Output = Result<Entity<T>, E>> + Send + 'a,
) -> impl Future<Output = Result<Entity<T>, ApiError>> + Send + 'a {
    // A handler's future holds the request's, which is large.
    let request = Box::pin(request);
    async move {
        let refusal = match request.await {
            Ok(done) => return Ok(done),
            Err(refusal) => refusal.into(),
        };
        if refusal.code().status().is_server_error() {
            return Err(refusal);
        }
        store.replay(context).await?.ok_or(refusal)
    }
}
