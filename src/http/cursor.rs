//! Cursors: the position after which a list continues, sealed, and bound to the list and the caller.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{ApiError, ErrorCode},
    keyring::Keyring,
};

/// The cursor for `position` in the list that `list` names; without one, the list would seem to have ended.
pub fn seal(keyring: &Keyring, position: &impl Serialize, list: &str) -> Result<String, ApiError> {
    let position = serde_json::to_vec(position).ok();
    position.and_then(|position| keyring.cursors.seal(&position, list)).ok_or_else(impossible)
}

/// The error of a list whose cursors can't be made.
pub(super) fn impossible() -> ApiError {
    ApiError::new(ErrorCode::InternalError, "The list's cursor can't be made.")
}

/// The position that a cursor of this very list holds.
pub fn open<P: DeserializeOwned>(
    keyring: &Keyring,
    cursor: &str,
    list: &str,
) -> Result<P, ApiError> {
    let position = keyring.cursors.open(cursor, list);
    position.and_then(|position| serde_json::from_slice(&position).ok()).ok_or_else(|| {
        let message = "is not a cursor of this list; start again without one";
        ApiError::field(ErrorCode::InvalidCursor, "cursor", message)
    })
}
