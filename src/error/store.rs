//! What callers are told of the database's errors.

use axum::http::{HeaderValue, header};

use super::{ApiError, ErrorCode};
use crate::store::StoreError;

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let later = |code, detail: &str| Self::new(code, detail).retry_later();
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
            // A condition that no caller looks for: a record changed between the read and the write.
            StoreError::Contention | StoreError::ConditionFailed(_) => later(
                ErrorCode::Contention,
                "Others kept changing the same records. Try again, with the same Idempotency-Key if there was one.",
            ),
            StoreError::Throttled(reason) => Self::new(
                ErrorCode::Throttled,
                "Try again, with the same Idempotency-Key if there was one.",
            )
            .with_header(header::RETRY_AFTER, Some(reason.retry_after().into())),
            StoreError::Unreachable(cause) => later(
                ErrorCode::StoreUnreachable,
                "Whether a change was written is not known; try again with the same Idempotency-Key.",
            )
            .with_cause(cause),
            refused @ StoreError::SignatureRefused(_) => later(
                ErrorCode::StoreUnreachable,
                "The database did not take our signature. Nothing was written. Try again, with the same Idempotency-Key if there was one.",
            )
            .with_cause(refused),
            newer @ StoreError::NewerShape { .. } => later(
                ErrorCode::NewerVersion,
                "Try again: a replica of the newer version can read it. Nothing was written.",
            )
            .with_cause(newer),
            StoreError::TooLarge { bytes } => Self::new(
                ErrorCode::ItemTooLarge,
                format!("It would take {bytes} bytes; 409600 are the most. Nothing was written."),
            ),
            StoreError::ItemSizeExceeded => Self::new(
                ErrorCode::ItemTooLarge,
                "It would take more than 409600 bytes. Nothing was written.",
            ),
            StoreError::TransactionTooLarge { actions, bytes } => Self::new(
                ErrorCode::ItemTooLarge,
                format!(
                    "It would take {actions} writes and {bytes} bytes; 100 writes and 4194304 bytes are the most. Nothing was written."
                ),
            ),
            unforeseen => Self::internal().with_cause(unforeseen),
        }
    }
}
