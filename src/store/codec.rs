//! Encoding and decoding of items: the attributes that every item has, and the aggregate's own.

use std::{cell::Cell, collections::BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IntoDeserializer, value::MapDeserializer},
};
use serde_dynamo::{Deserializer, aws_sdk_dynamodb_1::to_item};

use super::{
    attributes::{DELETING, Item, number, string, text},
    context::WriteContext,
    deletion_mark::DeletionMark,
    errors::{Cause, StoreError},
    expression::Condition,
    keys::{EXPIRES_AT, IndexKey, Key},
    shape::Shapes,
    write::Write,
};
use crate::id::OrgId;

/// A type of item: its name, its shapes and its keys.
pub trait Record: Serialize + DeserializeOwned {
    /// The item's `type`.
    const TYPE: &'static str;
    /// Its current and earlier shapes.
    const SHAPES: Shapes = Shapes::FIRST;

    /// Returns its key in the table.
    fn key(&self) -> Key;

    /// Returns its key in the index, if it is indexed.
    fn index_key(&self, _meta: &Meta) -> Option<IndexKey> {
        None
    }

    /// Returns a condition on the stored item, besides its revision, under which the record may be
    /// replaced: for attributes that change without a new revision.
    fn replaceable(&self) -> Result<Option<Condition>, StoreError> {
        Ok(None)
    }
}

/// The attributes that every item has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The organisation that it belongs to.
    pub org: OrgId,
    /// The revision, which each change increments. It is the `ETag`.
    pub rev: u64,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// The author of the last change.
    pub updated_by: String,
    /// The id of the last write, unique per write. A repeated request recognises its own work by
    /// it.
    pub request_id: String,
    /// The mark of a deletion in progress. Nothing may be added to such an item.
    pub deleting: Option<DeletionMark>,
}

/// An aggregate as it is stored: its own attributes and those of every item.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity<T> {
    /// The attributes that every item has.
    pub meta: Meta,
    /// The aggregate.
    pub value: T,
}

impl<T: Record> Entity<T> {
    /// Creates an aggregate at its first revision.
    pub fn new(value: T, context: &WriteContext) -> Self {
        let meta = Meta {
            org: context.org.clone(),
            rev: 1,
            created_at: context.now,
            updated_at: context.now,
            updated_by: context.subject.clone(),
            request_id: context.request_id.clone(),
            deleting: None,
        };
        Self { meta, value }
    }

    /// Returns the aggregate with another value and the next revision.
    #[must_use]
    pub fn changed(&self, value: T, context: &WriteContext) -> Self {
        let meta = Meta {
            rev: self.meta.rev + 1,
            updated_at: context.now,
            updated_by: context.subject.clone(),
            request_id: context.request_id.clone(),
            ..self.meta.clone()
        };
        Self { meta, value }
    }

    /// Encodes the entity as an item, with its keys.
    pub fn to_item(&self) -> Result<Item, StoreError> {
        let corrupt = |error| StoreError::corrupt(T::TYPE, error);
        let mut item = to_item(&self.value).map_err(corrupt)?;
        item.extend(to_item(&self.meta).map_err(corrupt)?);
        item.insert("type".to_owned(), string(T::TYPE));
        item.retain(|_, value| !value.is_null());
        T::SHAPES.downcast(T::TYPE, &mut item)?;
        item.extend(self.value.key().attributes());
        if let Some(index_key) = self.value.index_key(&self.meta) {
            item.extend(index_key.attributes());
        }
        Ok(item)
    }

    /// Decodes the entity of an item.
    pub fn from_item(mut item: Item) -> Result<Self, StoreError> {
        if !is_of_type::<T>(&item) {
            return Err(StoreError::corrupt(T::TYPE, "the item is of another type"));
        }
        T::SHAPES.upcast(T::TYPE, &mut item)?;
        let meta = Meta::of_item(T::TYPE, &item)?;
        // Moves the values instead of copying them.
        let taken =
            |value: &mut AttributeValue| std::mem::replace(value, AttributeValue::Null(true));
        let value = item.iter_mut().map(|(name, value)| (name.as_str(), taken(value)));
        Ok(Self { meta, value: decoded(T::TYPE, value)? })
    }

    /// Returns the write that stores a new entity if its key is free.
    pub fn create(&self) -> Result<Write, StoreError> {
        Ok(Write::Put { item: self.to_item()?, condition: Condition::Absent })
    }

    /// Returns the write like [`Self::create`], for an item that TTL deletes after it has expired.
    pub fn create_expiring(&self, expires_at: Timestamp) -> Result<Write, StoreError> {
        let mut item = self.to_item()?;
        item.insert(EXPIRES_AT.to_owned(), number(expires_at.as_second()));
        Ok(Write::Put { item, condition: Condition::Absent })
    }

    /// Returns the write that replaces `previous` if it is unchanged.
    pub fn replace(&self, previous: &Self) -> Result<Write, StoreError> {
        Ok(Write::Put { item: self.to_item()?, condition: previous.unchanged()? })
    }

    /// Returns the condition that the stored item is unchanged since this one was read.
    pub fn unchanged(&self) -> Result<Condition, StoreError> {
        let unchanged = [Some(self.meta.unchanged()), self.value.replaceable()?];
        Ok(Condition::All(unchanged.into_iter().flatten().collect()))
    }

    /// Returns the write that deletes the entity if it is unchanged since it was read.
    pub fn delete(&self) -> Write {
        Write::Delete { key: self.value.key(), condition: self.meta.unchanged() }
    }
}

impl Meta {
    /// Returns whether a deletion is in progress, so that nothing may be added. An abandoned mark
    /// does not count: the next commit removes it.
    pub fn is_being_deleted(&self, now: Timestamp) -> bool {
        self.deleting.as_ref().is_some_and(|mark| !mark.is_abandoned(now))
    }

    /// Returns whether its deletion is decided. Its dependents may already be deleted.
    pub fn is_deletion_decided(&self) -> bool {
        self.deleting.as_ref().is_some_and(|mark| mark.decided)
    }

    /// The names of these attributes.
    pub const ATTRIBUTES: [&str; 7] =
        ["org", "rev", "created_at", "updated_at", "updated_by", "request_id", DELETING];

    /// Decodes the attributes that every item has. `kind` names the item in errors.
    pub fn of_item(kind: &'static str, item: &Item) -> Result<Self, StoreError> {
        let of_meta = |name| Some((name, item.get(name)?.clone()));
        decoded(kind, Self::ATTRIBUTES.into_iter().filter_map(of_meta))
    }

    /// Returns the condition that the item has the same revision and the same mark. A mark does not
    /// change the revision, and a replaced item must neither lose its mark nor get an old one back.
    pub fn unchanged(&self) -> Condition {
        let mark = match &self.deleting {
            Some(mark) => Condition::Equals(DELETING, string(mark)),
            None => Condition::Without(DELETING),
        };
        Condition::All(vec![Condition::Equals("rev", number(self.rev)), mark])
    }
}

/// Decodes attributes. Errors name the attribute but not its value, which may be patient data.
fn decoded<'a, V: DeserializeOwned>(
    kind: &'static str,
    attributes: impl Iterator<Item = (&'a str, AttributeValue)>,
) -> Result<V, StoreError> {
    let reading = Cell::new("item");
    let attributes = attributes.map(|(name, value)| {
        reading.set(name);
        (name, Attribute(value))
    });
    V::deserialize(MapDeserializer::new(attributes)).map_err(|error: serde_dynamo::Error| {
        let text = error.to_string();
        let missing = text.strip_prefix("missing field `").and_then(|text| text.split('`').next());
        let cause = match missing {
            Some(name) => Cause::attribute(name, "is missing"),
            None => Cause::attribute(reading.get(), "is invalid"),
        };
        StoreError::corrupt(kind, cause)
    })
}

/// The value of an attribute, as input for serde.
struct Attribute(AttributeValue);

impl IntoDeserializer<'_, serde_dynamo::Error> for Attribute {
    type Deserializer = Deserializer;

    fn into_deserializer(self) -> Deserializer {
        Deserializer::from_attribute_value(self.0.into())
    }
}

/// Returns the names of the attributes in which two values of a record differ, in order.
pub fn differing<T: Record>(old: &T, new: &T) -> Result<Vec<String>, StoreError> {
    let item = |value: &T| {
        let mut item: Item = to_item(value).map_err(|error| StoreError::corrupt(T::TYPE, error))?;
        // Attributes without a value are not stored.
        item.retain(|_, value| !value.is_null());
        Ok::<_, StoreError>(item)
    };
    let (old, new) = (item(old)?, item(new)?);
    Ok(differing_attributes(&old, &new).map(str::to_owned).collect())
}

/// Returns the names of the attributes in which two items differ, in order.
pub fn differing_attributes<'a>(old: &'a Item, new: &'a Item) -> impl Iterator<Item = &'a str> {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).map(String::as_str).collect();
    names.into_iter().filter(|name| old.get(*name) != new.get(*name))
}

/// Returns whether an item is of the record's type.
pub fn is_of_type<T: Record>(item: &Item) -> bool {
    text(item, "type") == Some(T::TYPE)
}
