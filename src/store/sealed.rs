//! Items inside of items that nobody reads who has the table alone: XChaCha20-Poly1305 under a key that is not in it.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};

use super::{Item, StoreError};

const NONCE_BYTES: usize = 24;
const KIND: &str = "sealed item";

/// An item as bytes that only `key` opens, and only for `purpose`.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not serialise.
pub fn seal(item: &Item, key: &[u8; 32], purpose: &str) -> Result<AttributeValue, StoreError> {
    let corrupt = |error| StoreError::corrupt(KIND, error);
    let json: serde_json::Value =
        serde_dynamo::aws_sdk_dynamodb_1::from_item(item.clone()).map_err(corrupt)?;
    let plain = serde_json::to_vec(&json).map_err(|error| StoreError::corrupt(KIND, error))?;
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let payload = Payload { msg: &plain, aad: purpose.as_bytes() };
    let sealed = XChaCha20Poly1305::new(key.into()).encrypt(XNonce::from_slice(&nonce), payload);
    let sealed = sealed.map_err(|_| StoreError::corrupt(KIND, "it is too long to seal"))?;
    Ok(AttributeValue::B(Blob::new([nonce.as_slice(), &sealed].concat())))
}

/// The item that was sealed.
///
/// # Errors
/// [`StoreError::Corrupt`] for anything else.
pub fn open(
    sealed: Option<&AttributeValue>,
    key: &[u8; 32],
    purpose: &str,
) -> Result<Item, StoreError> {
    let bytes = sealed.and_then(|sealed| sealed.as_b().ok()).map(AsRef::as_ref);
    let parts = bytes.and_then(|bytes: &[u8]| bytes.split_at_checked(NONCE_BYTES));
    let (nonce, sealed) = parts.ok_or_else(|| StoreError::corrupt(KIND, "there is none"))?;
    let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
    let plain = XChaCha20Poly1305::new(key.into()).decrypt(XNonce::from_slice(nonce), payload);
    let plain = plain.map_err(|_| StoreError::corrupt(KIND, "it was sealed with another key"))?;
    let json: serde_json::Value =
        serde_json::from_slice(&plain).map_err(|error| StoreError::corrupt(KIND, error))?;
    serde_dynamo::aws_sdk_dynamodb_1::to_item(json)
        .map_err(|error| StoreError::corrupt(KIND, error))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn an_item_opens_as_it_was_for_its_key_and_purpose_alone() {
        let item: Item = HashMap::from([
            ("text".to_owned(), AttributeValue::S("Ida".to_owned())),
            ("number".to_owned(), AttributeValue::N("47.3661".to_owned())),
            ("whole".to_owned(), AttributeValue::N("12".to_owned())),
            ("yes".to_owned(), AttributeValue::Bool(true)),
            ("nothing".to_owned(), AttributeValue::Null(true)),
            ("list".to_owned(), AttributeValue::L(vec![AttributeValue::M(HashMap::new())])),
        ]);
        let key = [7; 32];
        let sealed = seal(&item, &key, "a").unwrap();
        assert!(!format!("{sealed:?}").contains("Ida"));
        assert_eq!(open(Some(&sealed), &key, "a").unwrap(), item);
        assert!(open(Some(&sealed), &[8; 32], "a").is_err());
        assert!(open(Some(&sealed), &key, "b").is_err());
        assert!(open(Some(&AttributeValue::B(Blob::new([0; 10]))), &key, "a").is_err());
        assert!(open(None, &key, "a").is_err());
    }
}
