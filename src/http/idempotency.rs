//! `Idempotency-Key`: the same key has one effect and the same answer for 24 hours
//! (draft-ietf-httpapi-idempotency-key-header).

use axum::http::{HeaderMap, HeaderName, Method};
use serde_json::Value;

use crate::{
    error::{ApiError, ErrorCode},
    id::OrgId,
    store::{Entity, Idempotency, Record, Store, WriteContext},
};

/// The header's name.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key of a request, if it is a POST that has one, bound to its caller, its path and its body.
///
/// # Errors
/// 400 for a key that is empty, too long or not visible ASCII.
pub fn from_request(
    headers: &HeaderMap,
    org: &OrgId,
    subject: &str,
    method: &Method,
    path: &str,
    body: &[u8],
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
    Ok(Some(Idempotency::new(&scope, &canonical(body))))
}

/// The body without what a client may write differently when it tries again: white space and order of members.
fn canonical(body: &[u8]) -> Vec<u8> {
    serde_json::from_slice::<Value>(body)
        .and_then(|json| serde_json::to_vec(&sorted(json)))
        .unwrap_or_else(|_| body.to_vec())
}

fn sorted(json: Value) -> Value {
    match json {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            members.into_iter().map(|(name, value)| (name, sorted(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// What `outcome` was, unless it is a refusal of a request that was done before under the same key: a replay
/// outranks every refusal, as what was true then need not be so now.
///
/// # Errors
/// The refusal, where nothing was done before; 422 where another request was.
pub async fn or_replay<T: Record, E: Into<ApiError>>(
    store: &Store,
    context: &WriteContext,
    outcome: Result<Entity<T>, E>,
) -> Result<Entity<T>, ApiError> {
    let refusal = match outcome {
        Ok(done) => return Ok(done),
        Err(refusal) => refusal.into(),
    };
    if refusal.code().status().is_server_error() {
        return Err(refusal);
    }
    match store.replay(context).await? {
        Some(earlier) => Ok(earlier),
        None => Err(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_order_do_not_matter_but_values_do() {
        let one = canonical(br#"{"a":1,"b":[{"d":2,"c":3}]}"#);
        assert_eq!(one, canonical(b"{ \"b\": [{\"c\":3, \"d\":2}],\n \"a\": 1 }"));
        assert_ne!(one, canonical(br#"{"a":1,"b":[{"d":2,"c":4}]}"#));
        assert_eq!(canonical(b"not json"), b"not json");
    }
}
