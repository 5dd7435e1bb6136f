//! Items as DynamoDB has them, and their attributes one by one.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// An item as DynamoDB has it.
pub type Item = HashMap<String, AttributeValue>;

/// The most that an item may weigh (AWS, "Service, account, and table quotas in Amazon DynamoDB").
pub const MAX_ITEM_BYTES: usize = 400 * 1024;

/// The attribute that marks a record as about to be deleted, with the request that is at it.
pub const DELETING: &str = "deleting";

/// A text attribute of an item.
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A whole number as an attribute.
pub fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A text as an attribute.
#[expect(clippy::needless_pass_by_value, reason = "texts, ids and references alike")]
pub fn string<T: ToString>(value: T) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// What an item weighs, as AWS counts it, rounded up where AWS does not tell: names and texts in UTF-8 bytes,
/// a number half its digits and two, 3 bytes for a list or map and 1 for each of its elements.
pub(super) fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

/// What a value weighs.
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
