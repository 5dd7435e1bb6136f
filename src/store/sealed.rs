//! Encrypted items inside items. The key is not in the table, so access to the table alone reveals
//! nothing (XChaCha20-Poly1305).

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use serde_json::Value;

use super::{Item, StoreError};
use crate::keyring::SealingKeys;

const KIND: &str = "sealed item";

/// Encrypts an item. Only `key` opens it, and only for `purpose`.
pub fn seal(item: &Item, key: &[u8; 32], purpose: &str) -> Result<AttributeValue, StoreError> {
    let corrupt = |error| StoreError::corrupt(KIND, error);
    let json: Value = from_item(item.clone()).map_err(corrupt)?;
    let plain = serde_json::to_vec(&json).map_err(|error| StoreError::corrupt(KIND, error))?;
    let sealed = SealingKeys::from_iter([*key]).seal_bytes(&plain, purpose);
    let sealed = sealed.ok_or_else(|| StoreError::corrupt(KIND, "it is too long to seal"))?;
    Ok(AttributeValue::B(Blob::new(sealed)))
}

/// Decrypts a sealed item.
pub fn open(
    sealed: Option<&AttributeValue>,
    key: &[u8; 32],
    purpose: &str,
) -> Result<Item, StoreError> {
    let sealed = sealed.and_then(|sealed| sealed.as_b().ok());
    let sealed = sealed.ok_or_else(|| StoreError::corrupt(KIND, "it is missing"))?;
    let plain = SealingKeys::from_iter([*key]).open_bytes(sealed.as_ref(), purpose);
    let plain = plain.ok_or_else(|| StoreError::corrupt(KIND, "it was sealed with another key"))?;
    let json = serde_json::from_slice::<Value>(&plain);
    let json = json.map_err(|error| StoreError::corrupt(KIND, error))?;
    to_item(json).map_err(|error| StoreError::corrupt(KIND, error))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn an_item_opens_only_with_its_key_and_purpose() {
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
