//! Conversion of database errors to API errors.

use axum::http::{HeaderValue, header};

use super::{ApiError, ErrorCode};
use crate::store::{StoreError, write::MAX_ACTIONS};

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let later = |code, detail: &str| Self::new(code, detail).retry_later();
        match error {
            StoreError::NotFound => Self::not_found(),
            StoreError::Stale { rev } => Self::new(
                ErrorCode::PreconditionFailed,
                format!(
                    "The record's current ETag is \"{rev}\", which If-Match does not list or If-None-Match lists. Read the record again and retry with the new ETag."
                ),
            )
            .with_header(header::ETAG, HeaderValue::from_str(&format!("\"{rev}\"")).ok()),
            StoreError::IdempotencyKeyReused => Self::field(
                ErrorCode::IdempotencyKeyReused,
                "Idempotency-Key",
                "was already used with a different request body; use a new key for a new request",
            ),
            // A failed condition that no caller handles: a record changed between read and write.
            StoreError::Contention | StoreError::ConditionFailed(_) => later(
                ErrorCode::Contention,
                "Concurrent requests kept changing the same records. Retry, with the same Idempotency-Key if you sent one.",
            ),
            StoreError::Throttled(reason) => Self::new(
                ErrorCode::Throttled,
                "The database throttled the request. Retry after the time in Retry-After, with the same Idempotency-Key if you sent one.",
            )
            .with_header(header::RETRY_AFTER, Some(reason.retry_after().into())),
            StoreError::Unreachable(cause) => later(
                ErrorCode::StoreUnreachable,
                "The database failed or did not respond, and whether a change was written is not known. Retry, with the same Idempotency-Key if you sent one.",
            )
            .with_cause(cause),
            refused @ StoreError::SignatureRefused(_) => later(
                ErrorCode::StoreUnreachable,
                "The database rejected the service's signature, and nothing was written. Retry, with the same Idempotency-Key if you sent one.",
            )
            .with_cause(refused),
            newer @ StoreError::NewerShape { .. } => later(
                ErrorCode::NewerVersion,
                "A newer version of the service wrote a record that this request needs, and nothing was written. Retry: a replica of the newer version can read the record.",
            )
            .with_cause(newer),
            StoreError::TooLarge { bytes } => Self::new(
                ErrorCode::ItemTooLarge,
                format!(
                    "A stored item would have {bytes} bytes, above the limit of 409600 bytes. Shorten the texts of the record."
                ),
            ),
            StoreError::ItemSizeExceeded => Self::new(
                ErrorCode::ItemTooLarge,
                "A stored item would exceed the limit of 409600 bytes. Shorten the texts of the record.",
            ),
            StoreError::TransactionTooLarge { actions, .. } if actions > MAX_ACTIONS => Self::new(
                ErrorCode::ItemTooLarge,
                format!(
                    "The transaction would have {actions} writes, above the limit of {MAX_ACTIONS}. Send a smaller change. While the operator rotates the search keys, a change of a patient needs more writes: retry it later."
                ),
            ),
            StoreError::TransactionTooLarge { bytes, .. } => Self::new(
                ErrorCode::ItemTooLarge,
                format!(
                    "The transaction would have {bytes} bytes, above the limit of 4194304 bytes. Shorten the texts of the record."
                ),
            ),
            unforeseen => Self::internal().with_cause(unforeseen),
        }
    }
}
