//! Authenticated encryption of short values (XChaCha20-Poly1305), each bound to its context.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use data_encoding::BASE64URL_NOPAD;

use super::shared::SharedKeys;

const NONCE_BYTES: usize = 24;

/// The encryption keys of one purpose.
#[derive(Clone)]
pub struct SealingKeys(pub(super) SharedKeys<XChaCha20Poly1305>);

impl SealingKeys {
    /// Encrypts a value to text. Only these keys with the same context can open it. Returns `None`
    /// if there is no key.
    pub fn seal(&self, value: &[u8], context: &str) -> Option<String> {
        self.seal_bytes(value, context).map(|sealed| BASE64URL_NOPAD.encode(&sealed))
    }

    /// Encrypts a value to bytes, like [`Self::seal`].
    pub fn seal_bytes(&self, value: &[u8], context: &str) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: value, aad: context.as_bytes() };
        let sealed = self.0.get().first()?.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Returns the value, if one of these keys sealed it with this context.
    pub fn open(&self, sealed: &str, context: &str) -> Option<Vec<u8>> {
        self.open_bytes(&BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?, context)
    }

    /// Opens sealed bytes, like [`Self::open`].
    pub fn open_bytes(&self, sealed: &[u8], context: &str) -> Option<Vec<u8>> {
        let (nonce, msg) = sealed.split_at_checked(NONCE_BYTES)?;
        let (nonce, aad) = (XNonce::from_slice(nonce), context.as_bytes());
        self.0.get().iter().find_map(|key| key.decrypt(nonce, Payload { msg, aad }).ok())
    }
}

impl FromIterator<[u8; 32]> for SealingKeys {
    fn from_iter<I: IntoIterator<Item = [u8; 32]>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| XChaCha20Poly1305::new(&key.into())).collect())
    }
}
