//! DynamoDB items and their attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// A DynamoDB item.
pub type Item = HashMap<String, AttributeValue>;

/// The maximum size of an item (AWS, "Service, account, and table quotas in Amazon DynamoDB").
pub const MAX_ITEM_BYTES: usize = 400 * 1024;

/// The attribute that marks a record as about to be deleted, and names the request.
pub const DELETING: &str = "deleting";

/// Returns a text attribute of an item.
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Returns a whole number as an attribute.
pub fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// Returns a text as an attribute.
#[expect(clippy::needless_pass_by_value, reason = "texts, ids and references alike")]
pub fn string<T: ToString>(value: T) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// Returns the size of an item as AWS counts it, rounded up where AWS does not document it.
///
/// It counts the UTF-8 bytes of names and texts, and half the digits of a number plus two. A list or
/// map takes 3 bytes, plus 1 per element.
pub(super) fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

/// Returns the size of a value.
pub(super) fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 2,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|v| 1 + value_bytes(v)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, v)| 1 + name.len() + value_bytes(v)).sum::<usize>()
        }
        AttributeValue::Ss(set) | AttributeValue::Ns(set) => set.iter().map(String::len).sum(),
        AttributeValue::Bs(set) => set.iter().map(|bytes| bytes.as_ref().len()).sum(),
        _ => 1,
    }
}
