//! Pagination cursors: an encrypted position in a list, bound to the list and the caller.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{ApiError, ErrorCode},
    keyring::Keyring,
};

/// Returns the cursor for `position` in `list`. Failure is an error: a page without a cursor would
/// look like the last one.
pub fn seal(keyring: &Keyring, position: &impl Serialize, list: &str) -> Result<String, ApiError> {
    let position = serde_json::to_vec(position).ok();
    position.and_then(|position| keyring.cursors.seal(&position, list)).ok_or_else(impossible)
}

/// Returns the error for a cursor that could not be created.
pub(super) fn impossible() -> ApiError {
    ApiError::new(
        ErrorCode::InternalError,
        "The service could not create the pagination cursor. Report the request_id to the operator.",
    )
}

/// Returns the position in a cursor of this list.
pub fn open<P: DeserializeOwned>(
    keyring: &Keyring,
    cursor: &str,
    list: &str,
) -> Result<P, ApiError> {
    let position = keyring.cursors.open(cursor, list);
    position.and_then(|position| serde_json::from_slice(&position).ok()).ok_or_else(|| {
        let message = "is not valid for this list; start again without a cursor";
        ApiError::field(ErrorCode::InvalidCursor, "cursor", message)
    })
}
