//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the same key has one effect and
//! the same response for 24 hours.

use axum::http::{HeaderMap, HeaderName, Method};
use serde::Serialize;

use crate::{
    error::{ApiError, ErrorCode},
    id::OrgId,
    store::{Entity, Idempotency, Record, Store, WriteContext},
};

/// The header's name.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Returns the idempotency key of a POST, if it has one. The key is bound to the caller, the path
/// and the command. The command is the deserialised body, so different spellings of it are equal.
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
        let message = "must be a single value of 1 to 255 visible ASCII characters";
        ApiError::field(ErrorCode::InvalidIdempotencyKey, "Idempotency-Key", message)
    };
    let key = key.to_str().map_err(|_| malformed())?;
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !(1..=255).contains(&key.len()) || !visible || keys.next().is_some() {
        return Err(malformed());
    }
    let scope = [org.as_str(), subject, method.as_str(), path, key];
    // Serialise only here: a request without a key does not pay for it.
    let command = serde_json::to_value(command).map_err(|_| ApiError::internal())?;
    Ok(Some(Idempotency::new(&scope, &command)))
}

/// Runs a POST. If it is refused but an earlier request with the same key succeeded, replays the
/// earlier response. A replay takes precedence over every refusal, because the state may have
/// changed.
pub fn or_replay<'a, T: Record + Send + 'a, E: Into<ApiError> + Send + 'a>(
    store: &'a Store,
    context: &'a WriteContext,
    request: impl Future<Output = Result<Entity<T>, E>> + Send + 'a,
) -> impl Future<Output = Result<Entity<T>, ApiError>> + Send + 'a {
    // Boxed, because each handler's future would otherwise contain this large one.
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
