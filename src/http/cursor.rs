//! Cursors: where a list goes on, encrypted and authenticated, and bound to the list and the caller.

use std::str::FromStr;

use aws_lc_rs::hmac;
use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use data_encoding::BASE64URL_NOPAD;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::error::{ApiError, ErrorCode};

const NONCE_BYTES: usize = 24;

/// The keys of the cursors: the first one seals, all of them open. A new one stands behind the old one until every
/// replica has it, then before it, and alone once the old one's cursors are no longer used.
#[derive(Clone)]
pub struct CursorKeys(Vec<CursorKey>);

#[derive(Clone)]
struct CursorKey {
    cipher: XChaCha20Poly1305,
    mac: hmac::Key,
}

/// A setting that is no list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cursor keys are 32 bytes each in base64url, parted by commas")]
pub struct InvalidCursorKeys;

impl CursorKeys {
    /// A key that nobody else has, for a service that runs alone and forgets its cursors when it ends.
    #[must_use]
    pub fn random() -> Self {
        Self::of(&[rand::random()])
    }

    fn of(keys: &[[u8; 32]]) -> Self {
        let key = |key: &[u8; 32]| CursorKey {
            cipher: XChaCha20Poly1305::new(Key::from_slice(key)),
            mac: hmac::Key::new(hmac::HMAC_SHA256, key),
        };
        Self(keys.iter().map(key).collect())
    }

    /// A cursor that goes on after `position` in the list that `list` names.
    ///
    /// # Errors
    /// 500 if it can't be sealed: to leave it out would tell the caller that the list has ended.
    pub fn seal(&self, position: &impl Serialize, list: &str) -> Result<String, ApiError> {
        self.try_seal(position, list).ok_or_else(|| {
            ApiError::new(ErrorCode::InternalError, "The list's cursor can't be made.")
        })
    }

    fn try_seal(&self, position: &impl Serialize, list: &str) -> Option<String> {
        self.seal_bytes(&serde_json::to_vec(position).ok()?, list)
    }

    /// Bytes as text that these keys alone open, and only for `purpose`; `None` if there is no key.
    #[must_use]
    pub fn seal_bytes(&self, msg: &[u8], purpose: &str) -> Option<String> {
        let cipher = &self.0.first()?.cipher;
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg, aad: &Sha256::digest(purpose) };
        let sealed = cipher.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
        Some(BASE64URL_NOPAD.encode(&[&nonce[..], &sealed].concat()))
    }

    /// The bytes that one of these keys sealed for `purpose`.
    #[must_use]
    pub fn open_bytes(&self, sealed: &str, purpose: &str) -> Option<Vec<u8>> {
        let bytes = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let aad = Sha256::digest(purpose);
        let open = |key: &CursorKey| {
            key.cipher.decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: &aad }).ok()
        };
        self.0.iter().find_map(open)
    }

    /// The position that a cursor of this very list holds.
    ///
    /// # Errors
    /// 400 for anything else: another list's, another caller's, one with a changed bit.
    pub fn open<P: DeserializeOwned>(&self, cursor: &str, list: &str) -> Result<P, ApiError> {
        self.try_open(cursor, list).ok_or_else(|| {
            let message = "is not a cursor of this list; start again without one";
            ApiError::field(ErrorCode::InvalidCursor, "cursor", message)
        })
    }

    fn try_open<P: DeserializeOwned>(&self, cursor: &str, list: &str) -> Option<P> {
        serde_json::from_slice(&self.open_bytes(cursor, list)?).ok()
    }
}

/// What the secret of a hold is made of beside its id.
const HOLD: &str = "hold secret of ";

impl CursorKeys {
    /// What confirms or releases a hold. It follows from the hold's id, so that nothing of it is stored.
    #[must_use]
    pub fn hold_secret(&self, id: &str) -> String {
        let tag = |key: &CursorKey| hmac::sign(&key.mac, format!("{HOLD}{id}").as_bytes());
        self.0.first().map(|key| BASE64URL_NOPAD.encode(tag(key).as_ref())).unwrap_or_default()
    }

    /// Whether it is the hold's secret, by any of the keys.
    #[must_use]
    pub fn is_hold_secret(&self, id: &str, secret: &str) -> bool {
        let Ok(tag) = BASE64URL_NOPAD.decode(secret.as_bytes()) else {
            return false;
        };
        let text = format!("{HOLD}{id}");
        self.0.iter().any(|key| hmac::verify(&key.mac, text.as_bytes(), &tag).is_ok())
    }
}

impl FromStr for CursorKeys {
    type Err = InvalidCursorKeys;

    fn from_str(setting: &str) -> Result<Self, InvalidCursorKeys> {
        let key = |text: &str| {
            let bytes =
                BASE64URL_NOPAD.decode(text.trim().trim_end_matches('=').as_bytes()).ok()?;
            <[u8; 32]>::try_from(bytes).ok()
        };
        let keys: Option<Vec<_>> = setting.split(',').map(key).collect();
        keys.map(|keys| Self::of(&keys)).ok_or(InvalidCursorKeys)
    }
}

impl std::fmt::Debug for CursorKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CursorKeys({} keys)", self.0.len())
    }
}

/// A new key in the form that the setting takes.
#[must_use]
pub fn new_key() -> String {
    BASE64URL_NOPAD.encode(&rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::read::Position;

    fn position(text: &str) -> Position {
        serde_json::from_value(serde_json::json!({ "PK": text, "SK": "META" })).unwrap()
    }

    proptest! {
        #[test]
        fn a_cursor_opens_for_its_list_and_for_no_other(text in "\\PC{0,60}", list in "\\PC{0,60}", other in "\\PC{0,60}") {
            let keys = CursorKeys::random();
            let cursor = keys.seal(&position(&text), &list).unwrap();
            prop_assert_eq!(keys.open::<Position>(&cursor, &list).unwrap(), position(&text));
            prop_assert_eq!(keys.open::<Position>(&cursor, &other).is_ok(), list == other);
            prop_assert!(CursorKeys::random().open::<Position>(&cursor, &list).is_err());
        }

        #[test]
        fn a_changed_bit_is_refused(text in "[ -~]{0,60}", at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let keys = CursorKeys::random();
            let cursor = keys.seal(&position(&text), "list").unwrap();
            let mut bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(keys.open::<Position>(&BASE64URL_NOPAD.encode(&bytes), "list").is_err());
        }

        #[test]
        fn rubbish_is_refused(text in "\\PC{0,200}") {
            prop_assert!(CursorKeys::random().open::<Position>(&text, "list").is_err());
        }
    }

    #[test]
    fn a_rotated_key_still_opens_what_it_sealed() {
        let (old, new) = (new_key(), new_key());
        let before: CursorKeys = old.parse().unwrap();
        let both: CursorKeys = format!("{new},{old}").parse().unwrap();
        let after: CursorKeys = new.parse().unwrap();
        let cursor = before.seal(&position("p"), "list").unwrap();
        assert!(both.open::<Position>(&cursor, "list").is_ok());
        assert!(after.open::<Position>(&cursor, "list").is_err());
        let cursor = both.seal(&position("p"), "list").unwrap();
        assert!(after.open::<Position>(&cursor, "list").is_ok());
    }

    #[test]
    fn a_cursor_shows_nothing_of_what_it_holds() {
        let cursor = CursorKeys::random().seal(&position("PAT-SECRET"), "list").unwrap();
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("SECRET"));
    }

    #[test]
    fn settings_that_are_no_keys_are_refused() {
        for bad in ["", "short", &format!("{},", new_key()), &"A".repeat(44)] {
            assert!(bad.parse::<CursorKeys>().is_err(), "{bad}");
        }
    }
}
