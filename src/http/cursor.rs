//! Cursors: the position after which a list continues, sealed, and bound to the list and the caller.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{ApiError, ErrorCode},
    keyring::Keyring,
};

/// The cursor for `position` in the list that `list` names.
///
/// # Errors
/// 500 if it can't be sealed: to leave it out would tell the caller that the list has ended.
pub fn seal(keyring: &Keyring, position: &impl Serialize, list: &str) -> Result<String, ApiError> {
    let position = serde_json::to_vec(position).ok();
    position.and_then(|position| keyring.cursors.seal(&position, list)).ok_or_else(impossible)
}

/// The error of a list whose cursors can't be made.
pub(super) fn impossible() -> ApiError {
    ApiError::new(ErrorCode::InternalError, "The list's cursor can't be made.")
}

/// The position that a cursor of this very list holds.
///
/// # Errors
/// 400 for anything else: another list's, another caller's, one with a changed bit.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::read::Position;

    #[test]
    fn a_cursor_opens_for_its_list_and_position_type_alone() {
        let keyring = Keyring::random();
        let position: Position =
            serde_json::from_value(serde_json::json!({ "PK": "p", "SK": "META" })).unwrap();
        let cursor = seal(&keyring, &position, "list").unwrap();
        assert_eq!(open::<Position>(&keyring, &cursor, "list").unwrap(), position);
        assert!(open::<Position>(&keyring, &cursor, "another list").is_err());
        assert!(open::<Position>(&Keyring::random(), &cursor, "list").is_err());
        assert!(open::<u8>(&keyring, &cursor, "list").is_err());
    }
}
