//! Authentication of short texts (HMAC-SHA256).

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;

use super::shared::SharedKeys;

/// The signing keys of one purpose.
#[derive(Clone)]
pub struct SigningKeys(pub(super) SharedKeys<hmac::Key>);

impl SigningKeys {
    /// Returns the tag of a text, made with the first key, as base64url.
    pub fn sign(&self, text: &str) -> String {
        let tag = |key| BASE64URL_NOPAD.encode(hmac::sign(key, text.as_bytes()).as_ref());
        self.0.get().first().map(tag).unwrap_or_default()
    }

    /// Returns whether `tag` is the text's tag by any of the keys.
    pub fn verify(&self, text: &str, tag: &str) -> bool {
        let Ok(tag) = BASE64URL_NOPAD.decode(tag.as_bytes()) else {
            return false;
        };
        self.0.get().iter().any(|key| hmac::verify(key, text.as_bytes(), &tag).is_ok())
    }
}

impl FromIterator<[u8; 32]> for SigningKeys {
    fn from_iter<I: IntoIterator<Item = [u8; 32]>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key)).collect())
    }
}
