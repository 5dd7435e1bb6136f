//! Database errors, classified by what the caller can do about them.

use std::error::Error as StdError;

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{BuildError, ProvideErrorMetadata, SdkError},
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError,
        transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
    },
    types::CancellationReason,
};

pub use super::cause::Cause;
use super::{
    Item,
    answer::{Refusal, is_throttling},
    sign_again::SIGNATURE_REFUSED,
    throttling::ThrottlingReason,
};
use crate::sensitive::LogSafe;
pub use crate::sensitive::chain;

/// The error of setting up an engine or the connections. No request exists yet that it could quote.
pub type StartError = Box<dyn StdError + Send + Sync>;

/// The failed conditions of a commit, by the position of their writes.
#[derive(Debug, Clone, Default)]
pub struct FailedConditions {
    by_position: Vec<Option<FailedCondition>>,
    /// Whether an earlier attempt got no response. It may have succeeded before others changed the
    /// item.
    pub(super) after_unknown: bool,
}

/// A failed condition of one write.
#[derive(Clone)]
pub struct FailedCondition {
    /// The current item (`ReturnValuesOnConditionCheckFailure`), if there is one.
    pub item: Option<Item>,
}

/// Omits the item: patient data must not reach a log.
impl std::fmt::Debug for FailedCondition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FailedCondition").field("has_item", &self.item.is_some()).finish()
    }
}

impl FailedConditions {
    /// Returns the failure of the write at `position`, if its condition failed.
    pub fn at(&self, position: usize) -> Option<&FailedCondition> {
        self.by_position.get(position)?.as_ref()
    }

    /// Returns every item whose condition failed.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.by_position.iter().flatten().filter_map(|failed| failed.item.as_ref())
    }
}

/// The error of a database operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The record does not exist, or belongs to another organisation.
    #[error("no such record")]
    NotFound,
    /// The record is at a revision that the caller does not allow (`If-Match`).
    #[error("the record has changed: it is at revision {rev}")]
    Stale {
        /// The current revision.
        rev: u64,
    },
    /// The `Idempotency-Key` was used with another request.
    #[error("the Idempotency-Key was used with another request")]
    IdempotencyKeyReused,
    /// A condition of a write failed. Nothing was written.
    #[error("a condition failed")]
    ConditionFailed(FailedConditions),
    /// Conflicting writes kept winning until the retry time was over.
    #[error("too many concurrent writes to the same records")]
    Contention,
    /// DynamoDB throttled the request. Nothing was written.
    #[error("DynamoDB throttled the request")]
    Throttled(ThrottlingReason),
    /// DynamoDB did not respond, or returned a 5xx. Whether a write succeeded is unknown.
    #[error("DynamoDB can't be reached")]
    Unreachable(#[source] Cause),
    /// DynamoDB refused the signature, also of retries. This call had no effect.
    #[error("DynamoDB refused the signature")]
    SignatureRefused(#[source] Cause),
    /// The item exceeds DynamoDB's size limit. It was not sent.
    #[error("an item of {bytes} bytes is too large")]
    TooLarge {
        /// The size of the item.
        bytes: usize,
    },
    /// DynamoDB refused an update that would exceed the item size limit. Nothing was written.
    #[error("an item would become too large")]
    ItemSizeExceeded,
    /// The transaction exceeds DynamoDB's limit of actions or bytes. It was not sent.
    #[error("a transaction of {actions} actions and {bytes} bytes is too large")]
    TransactionTooLarge {
        /// The number of actions.
        actions: usize,
        /// The total size of its items.
        bytes: usize,
    },
    /// A stored item can't be read as its type, or a value can't be stored.
    #[error("a stored {kind} can't be read or written")]
    Corrupt {
        /// The record's type.
        kind: &'static str,
        /// The cause.
        #[source]
        cause: Cause,
    },
    /// A record has a shape that only a later release knows.
    #[error("a stored {kind} has shape {version}, which only a later release knows")]
    NewerShape {
        /// The record's type.
        kind: &'static str,
        /// The item's `v`.
        version: usize,
    },
    /// Any other error.
    #[error("DynamoDB returned an unexpected error")]
    Unexpected(#[source] Cause),
}

impl LogSafe for StoreError {}

impl From<BuildError> for StoreError {
    fn from(error: BuildError) -> Self {
        Self::Unexpected(error.into())
    }
}

impl From<StoreError> for Cause {
    fn from(error: StoreError) -> Self {
        Self::chain(&error)
    }
}

impl StoreError {
    /// Returns the error of a record that can't be read or written.
    pub fn corrupt(kind: &'static str, cause: impl Into<Cause>) -> Self {
        Self::Corrupt { kind, cause: cause.into() }
    }

    /// Returns whether a retry may succeed while the table stays as it is.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Throttled(_)
                | Self::Contention
                | Self::Unreachable(_)
                | Self::SignatureRefused(_)
        )
    }

    /// Returns the error of a call that followed on writes. A refusal of this call then does not
    /// mean that nothing was written.
    #[must_use]
    pub fn after_writes(self) -> Self {
        match self {
            nothing @ Self::SignatureRefused(_) => Self::Unreachable(nothing.into()),
            other => other,
        }
    }
}

/// A failed response, before it is decided whether to retry.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another transaction is working on the same items: retry.
    Conflict,
    /// A transaction was cancelled because of throttling.
    ThrottledInside,
    /// A final error.
    Store(StoreError),
}

impl Failure {
    fn of(by_position: Vec<Option<FailedCondition>>) -> Self {
        let failed = FailedConditions { by_position, after_unknown: false };
        Self::Store(StoreError::ConditionFailed(failed))
    }
}

/// The errors of operations that return the item if a condition fails.
pub(super) trait ConditionalError:
    ProvideErrorMetadata + StdError + Send + Sync + 'static
{
    /// Returns what the error reports about the conditions, if anything.
    fn failure(&self) -> Option<Failure>;
}

macro_rules! conditional_error {
    ($($error:ident),*) => {$(
        impl ConditionalError for $error {
            fn failure(&self) -> Option<Failure> {
                let Self::ConditionalCheckFailedException(failed) = self else { return None };
                Some(Failure::of(vec![Some(FailedCondition { item: failed.item.clone() })]))
            }
        }
    )*};
}
conditional_error!(PutItemError, UpdateItemError, DeleteItemError);

/// Evaluates the cancellation reasons by position. Positions with a conflict or throttling were not
/// evaluated, so their conditions are unknown. These reasons take precedence, and the transaction
/// is retried.
impl ConditionalError for TransactWriteItemsError {
    fn failure(&self) -> Option<Failure> {
        let Self::TransactionCanceledException(cancelled) = self else { return None };
        let reasons = cancelled.cancellation_reasons();
        let any = |is: fn(&str) -> bool| reasons.iter().any(|reason| reason.code().is_some_and(is));
        if any(|code| code == "TransactionConflict") {
            Some(Failure::Conflict)
        } else if any(is_throttling) {
            // For a transaction, DynamoDB does not report the exceeded limit.
            Some(Failure::ThrottledInside)
        } else if any(|code| code == CONDITION_FAILED) {
            let failed = reasons.iter().map(|reason| {
                (reason.code() == Some(CONDITION_FAILED)).then(|| FailedCondition {
                    item: reason.item.clone().filter(|item| !item.is_empty()),
                })
            });
            Some(Failure::of(failed.collect()))
        } else {
            let too_large = |reason: &CancellationReason| is_size(reason.code(), reason.message());
            let too_large = reasons.iter().any(too_large);
            too_large.then_some(Failure::Store(StoreError::ItemSizeExceeded))
        }
    }
}

const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// Returns whether an error or a reason reports that an item, or all items of its partition key,
/// would become too large. For an item, the code is that of any invalid request: only the message
/// identifies it.
fn is_size(code: Option<&str>, message: Option<&str>) -> bool {
    match code {
        Some("ValidationError" | "ValidationException") => message.is_some_and(|message| {
            message.starts_with("Item size ")
                && message.contains("exceeded the maximum allowed size")
        }),
        Some(code) => code.starts_with("ItemCollectionSizeLimitExceeded"),
        None => false,
    }
}

/// Converts the error of a read.
#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub(super) fn of_read<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match &error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            StoreError::Unreachable(Cause::of_call(&error))
        }
        SdkError::ServiceError(service) => match service.err().code() {
            Some(code) if is_throttling(code) => {
                let refusal = Refusal::read(service.raw().body().bytes().unwrap_or_default());
                let reason = refusal.and_then(|refusal| refusal.throttling());
                StoreError::Throttled(reason.unwrap_or_default())
            }
            Some(SIGNATURE_REFUSED) => StoreError::SignatureRefused(Cause::of_call(&error)),
            // Includes 5xx responses of a proxy, whatever their body.
            _ if service.raw().status().is_server_error() => {
                StoreError::Unreachable(Cause::of_call(&error))
            }
            _ => StoreError::Unexpected(Cause::of_call(&error)),
        },
        _ => StoreError::Unexpected(Cause::of_call(&error)),
    }
}

/// Converts the error of a write.
pub(super) fn of_write<E: ConditionalError>(error: SdkError<E, HttpResponse>) -> Failure {
    if matches!(
        error.code(),
        Some("TransactionConflictException" | "TransactionInProgressException")
    ) {
        return Failure::Conflict;
    }
    if is_size(error.code(), error.message()) {
        return Failure::Store(StoreError::ItemSizeExceeded);
    }
    let failure = error.as_service_error().and_then(ConditionalError::failure);
    failure.unwrap_or_else(|| Failure::Store(of_read(error)))
}

#[cfg(test)]
mod tests;
