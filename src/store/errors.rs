//! What can go wrong with the database, told apart by what the caller can do about it.

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

/// What keeps an engine or the connections from being set up. There are no requests yet that it could quote.
pub type StartError = Box<dyn StdError + Send + Sync>;

/// The writes of a commit whose conditions failed, by their position in it.
#[derive(Debug, Clone, Default)]
pub struct FailedConditions {
    by_position: Vec<Option<FailedCondition>>,
    /// Whether an earlier try got no answer, and so may have been done before others changed the item.
    pub(super) after_unknown: bool,
}

/// One write's condition that did not hold.
#[derive(Clone)]
pub struct FailedCondition {
    /// The item as it stands (`ReturnValuesOnConditionCheckFailure`), if there is one.
    pub item: Option<Item>,
}

/// Without the item: what is known of a patient must not reach a log.
impl std::fmt::Debug for FailedCondition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FailedCondition").field("has_item", &self.item.is_some()).finish()
    }
}

impl FailedConditions {
    /// The failure of the write at `position`, if it was that one's condition that failed.
    pub fn at(&self, position: usize) -> Option<&FailedCondition> {
        self.by_position.get(position)?.as_ref()
    }

    /// Every item that stood in the way.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.by_position.iter().flatten().filter_map(|failed| failed.item.as_ref())
    }
}

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such record, or it is another organisation's.
    #[error("no such record")]
    NotFound,
    /// The record is not at a revision that the caller allows (`If-Match`).
    #[error("the record has changed: it is at revision {rev}")]
    Stale {
        /// The revision it is at.
        rev: u64,
    },
    /// The `Idempotency-Key` was used with another request.
    #[error("the Idempotency-Key was used with another request")]
    IdempotencyKeyReused,
    /// A condition of a write did not hold; nothing was written.
    #[error("a condition failed")]
    ConditionFailed(FailedConditions),
    /// Other writers got in between each time, for as long as the request may try.
    #[error("too many writers at the same records")]
    Contention,
    /// DynamoDB refuses for its rate; nothing was written.
    #[error("DynamoDB throttles")]
    Throttled(ThrottlingReason),
    /// No answer, or a 5xx, from DynamoDB: whether a write happened is not known.
    #[error("DynamoDB can't be reached")]
    Unreachable(#[source] Cause),
    /// DynamoDB refused the signature, also of repeats: this call did nothing.
    #[error("DynamoDB refused the signature")]
    SignatureRefused(#[source] Cause),
    /// The item would weigh more than DynamoDB takes; it was not sent.
    #[error("an item of {bytes} bytes is too large")]
    TooLarge {
        /// What it weighs.
        bytes: usize,
    },
    /// DynamoDB refused an item that a write would have made larger than it takes; nothing was written.
    #[error("an item would become too large")]
    ItemSizeExceeded,
    /// The transaction would have more actions or bytes than DynamoDB takes; it was not sent.
    #[error("a transaction of {actions} actions and {bytes} bytes is too large")]
    TransactionTooLarge {
        /// Its actions.
        actions: usize,
        /// What its items weigh.
        bytes: usize,
    },
    /// What is stored can't be read as what it should be.
    #[error("a stored {kind} can't be read or written")]
    Corrupt {
        /// The record's type.
        kind: &'static str,
        /// What is wrong with it.
        #[source]
        cause: Cause,
    },
    /// A record of a shape that this release does not know: a later one wrote it.
    #[error("a stored {kind} has shape {version}, which only a later release knows")]
    NewerShape {
        /// The record's type.
        kind: &'static str,
        /// Its `v`.
        version: usize,
    },
    /// Anything else.
    #[error("DynamoDB answered with an error that was not foreseen")]
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
    /// A stored record that can't be read, or one that can't be written.
    pub fn corrupt(kind: &'static str, cause: impl Into<Cause>) -> Self {
        Self::Corrupt { kind, cause: cause.into() }
    }

    /// Whether the same may succeed in a while, the table being as it is.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Throttled(_)
                | Self::Contention
                | Self::Unreachable(_)
                | Self::SignatureRefused(_)
        )
    }

    /// The error of a call that followed on writes: that it was refused does not mean that nothing was written.
    #[must_use]
    pub fn after_writes(self) -> Self {
        match self {
            nothing @ Self::SignatureRefused(_) => Self::Unreachable(nothing.into()),
            other => other,
        }
    }
}

/// An answer that was no success, before it is known whether another try is in order.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another transaction has the same items in hand: try again.
    Conflict,
    /// A transaction was cancelled for its rate.
    ThrottledInside,
    /// Final.
    Store(StoreError),
}

impl Failure {
    fn of(by_position: Vec<Option<FailedCondition>>) -> Self {
        let failed = FailedConditions { by_position, after_unknown: false };
        Self::Store(StoreError::ConditionFailed(failed))
    }
}

/// The operations whose failed condition returns the item.
pub(super) trait ConditionalError:
    ProvideErrorMetadata + StdError + Send + Sync + 'static
{
    /// What the error says of the conditions that the operation came with, if it says anything.
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

/// What a transaction was cancelled for, as its reasons say by position. Positions in conflict or throttled were not
/// evaluated, so nothing is known of their conditions yet: these come first, and the transaction is tried again.
impl ConditionalError for TransactWriteItemsError {
    fn failure(&self) -> Option<Failure> {
        let Self::TransactionCanceledException(cancelled) = self else { return None };
        let reasons = cancelled.cancellation_reasons();
        let any = |is: fn(&str) -> bool| reasons.iter().any(|reason| reason.code().is_some_and(is));
        if any(|code| code == "TransactionConflict") {
            Some(Failure::Conflict)
        } else if any(is_throttling) {
            // Of a transaction, DynamoDB does not say which limit it was.
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

/// Whether an error or a reason says that an item, or all of its partition key, would become too large. For an item,
/// DynamoDB has no name but the one of every invalid request: its message alone tells.
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

/// What a read's error means.
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
            // Also what a proxy in between says, in whatever words.
            _ if service.raw().status().is_server_error() => {
                StoreError::Unreachable(Cause::of_call(&error))
            }
            _ => StoreError::Unexpected(Cause::of_call(&error)),
        },
        _ => StoreError::Unexpected(Cause::of_call(&error)),
    }
}

/// What a write's error means.
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
