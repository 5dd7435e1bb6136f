//! What callers are told of the database's errors.

use axum::http::{HeaderValue, header};

use super::{ApiError, ErrorCode};
use crate::store::StoreError;

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found(),
            StoreError::Stale { rev } => Self::new(
                ErrorCode::PreconditionFailed,
                format!("The record is at ETag \"{rev}\"; read it again and decide anew."),
            )
            .with_header(header::ETAG, HeaderValue::from_str(&format!("\"{rev}\"")).ok()),
            StoreError::IdempotencyKeyReused => Self::new(
                ErrorCode::IdempotencyKeyReused,
                "This Idempotency-Key came with another body before; use a new key for a new request.",
            ),
            StoreError::Contention => Self::new(
                ErrorCode::Contention,
                "Others kept changing the same records. Try again, with the same Idempotency-Key if there was one.",
            )
            .retry_later(),
            StoreError::Throttled => {
                Self::new(
                ErrorCode::Throttled,
                "Try again, with the same Idempotency-Key if there was one.",
            )
            .retry_later()
            }
            StoreError::Unreachable(cause) => Self::new(
                ErrorCode::StoreUnreachable,
                "Whether a change was written is not known; try again with the same Idempotency-Key.",
            )
            .retry_later()
            .with_cause(cause),
            refused @ StoreError::SignatureRefused(_) => Self::new(
                ErrorCode::StoreUnreachable,
                "The database did not take our signature. Nothing was written. Try again, with the same Idempotency-Key if there was one.",
            )
            .retry_later()
            .with_cause(refused),
            newer @ StoreError::NewerShape { .. } => {
                let detail = "Try again: a replica of the newer version can read it. Nothing was written.";
                Self::new(ErrorCode::NewerVersion, detail).retry_later().with_cause(newer)
            }
            StoreError::TooLarge { bytes } => Self::new(
                ErrorCode::ItemTooLarge,
                format!("It would take {bytes} bytes; 409600 are the most. Nothing was written."),
            ),
            unforeseen => Self::new(
                ErrorCode::InternalError,
                "The error is in our log under this request id.",
            )
            .with_cause(unforeseen),
        }
    }
}
