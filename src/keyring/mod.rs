//! The keyring: one key per purpose, derived from each of the secret keys (HKDF-SHA256).

mod sealing;
mod search;
mod shared;
mod signing;

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use hkdf::Hkdf;
pub use sealing::SealingKeys;
pub use search::{SearchKey, SearchKeys, TAG_LENGTH};
use sha2::Sha256;
pub use signing::SigningKeys;

/// The length in bytes of a secret key and of each derived key.
const KEY_BYTES: usize = 32;

/// The keys of each purpose. The first secret key encrypts and signs; all keys decrypt and verify.
///
/// To rotate a key, append the new one to the list until every replica has it, then put it first.
/// Remove the old key when nothing encrypted or signed with it is in use. Clones share the keys.
#[derive(Clone)]
pub struct Keyring {
    /// Encrypts the positions in list cursors.
    pub cursors: SealingKeys,
    /// Encrypts webhook secrets in the table.
    pub webhook_secrets: SealingKeys,
    /// Derives hold secrets.
    pub hold_secrets: SigningKeys,
}

/// The error of a setting that is not a list of secret keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("secret keys are 32 bytes each in base64url, separated by commas")]
pub struct InvalidSecretKeys;

impl Keyring {
    /// Creates a keyring with one random key, for a process that shares and stores nothing.
    pub fn random() -> Self {
        Self::derive(&[rand::random()])
    }

    /// Replaces the keys of every clone with those of `other`.
    pub fn replace(&self, other: &Self) {
        self.cursors.0.replace(&other.cursors.0);
        self.webhook_secrets.0.replace(&other.webhook_secrets.0);
        self.hold_secrets.0.replace(&other.hold_secrets.0);
    }

    fn derive(secret_keys: &[[u8; KEY_BYTES]]) -> Self {
        let keys: Vec<_> = secret_keys.iter().map(|key| Hkdf::<Sha256>::new(None, key)).collect();
        let of = |purpose: &'static str| {
            keys.iter().map(move |key| {
                let mut derived = [0; KEY_BYTES];
                key.expand(purpose.as_bytes(), &mut derived)
                    .expect("HKDF-SHA256 yields up to 8160 bytes");
                derived
            })
        };
        Self {
            cursors: of("cursors").collect(),
            webhook_secrets: of("webhook secrets").collect(),
            hold_secrets: of("hold secrets").collect(),
        }
    }
}

impl FromStr for Keyring {
    type Err = InvalidSecretKeys;

    fn from_str(setting: &str) -> Result<Self, InvalidSecretKeys> {
        parse_keys(setting).map(|keys| Self::derive(&keys))
    }
}

/// Returns the keys of a setting.
fn parse_keys(setting: &str) -> Result<Vec<[u8; KEY_BYTES]>, InvalidSecretKeys> {
    let key = |text: &str| {
        let bytes = BASE64URL_NOPAD.decode(text.trim().trim_end_matches('=').as_bytes()).ok()?;
        <[u8; KEY_BYTES]>::try_from(bytes).ok()
    };
    setting.split(',').map(key).collect::<Option<_>>().ok_or(InvalidSecretKeys)
}

/// Returns a new secret key in the format of the setting.
pub fn new_key() -> String {
    BASE64URL_NOPAD.encode(&rand::random::<[u8; KEY_BYTES]>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sealed_value_opens_only_for_its_purpose_keyring_and_context(
            value in any::<Vec<u8>>(), context in "\\PC{0,60}", other in "\\PC{0,60}",
        ) {
            let keyring = Keyring::random();
            let sealed = keyring.cursors.seal(&value, &context).unwrap();
            prop_assert_eq!(keyring.cursors.open(&sealed, &other).is_some(), context == other);
            prop_assert_eq!(keyring.webhook_secrets.open(&sealed, &context), None);
            prop_assert_eq!(Keyring::random().cursors.open(&sealed, &context), None);
            prop_assert_eq!(keyring.cursors.open(&sealed, &context), Some(value));
        }
    }

    /// The expected values come from another implementation of RFC 5869, HMAC-SHA256 and
    /// XChaCha20-Poly1305. A release that derives other keys could not open what an earlier release
    /// sealed.
    #[test]
    fn the_derived_keys_are_the_same_in_every_release() {
        let keyring: Keyring = "A".repeat(43).parse().unwrap();
        let tag = "WKILcf7aRyBy6Y6yNgVZus5ctwkrLEd2Askm4kTM3JM";
        assert_eq!(keyring.hold_secrets.sign("APT-1"), tag);
        let sealed = format!("{}4hbHkq9X42CiWG_ajIeRhDesT5Bf7g", "A".repeat(32));
        let opened = keyring.webhook_secrets.open(&sealed, "WHK-1");
        assert_eq!(opened.as_deref(), Some(&b"secret"[..]));
    }

    #[test]
    fn a_rotated_key_still_opens_and_verifies() {
        let (old, new) = (new_key(), new_key());
        let before: Keyring = old.parse().unwrap();
        let both: Keyring = format!("{new},{old}").parse().unwrap();
        let after: Keyring = new.parse().unwrap();
        for (from, opened_by, refused_by) in [(&before, &both, &after), (&both, &after, &before)] {
            let sealed = from.cursors.seal(b"position", "list").unwrap();
            assert!(opened_by.cursors.open(&sealed, "list").is_some());
            assert_eq!(refused_by.cursors.open(&sealed, "list"), None);
            let tag = from.hold_secrets.sign("hold");
            assert!(opened_by.hold_secrets.verify("hold", &tag));
            assert!(!opened_by.hold_secrets.verify("another hold", &tag));
            assert!(!refused_by.hold_secrets.verify("hold", &tag));
        }
    }

    #[test]
    fn replaced_keys_are_those_of_every_clone() {
        let (keyring, other) = (Keyring::random(), Keyring::random());
        let clone = keyring.clone();
        let sealed = keyring.cursors.seal(b"position", "list").unwrap();
        keyring.replace(&other);
        assert_eq!(clone.cursors.open(&sealed, "list"), None);
        let sealed = clone.webhook_secrets.seal(b"secret", "WHK-1").unwrap();
        assert!(other.webhook_secrets.open(&sealed, "WHK-1").is_some());
        assert!(other.hold_secrets.verify("hold", &clone.hold_secrets.sign("hold")));
    }

    #[test]
    fn invalid_settings_are_refused() {
        for bad in ["", "short", &format!("{},", new_key()), &"A".repeat(44)] {
            assert!(bad.parse::<Keyring>().is_err(), "{bad}");
        }
    }
}
