//! Items in and out: the attributes that every item has, and the aggregate's own beside them.

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

/// A kind of item: what it is called, the shapes that it has had, and where it lives.
pub trait Record: Serialize + DeserializeOwned {
    /// The item's `type`.
    const TYPE: &'static str;
    /// The shapes that it has had.
    const SHAPES: Shapes = Shapes::FIRST;

    /// Its key in the table.
    fn key(&self) -> Key;

    /// Its key in the index, if it stands there.
    fn index_key(&self, _meta: &Meta) -> Option<IndexKey> {
        None
    }
}

/// What every item says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The organisation that it belongs to.
    pub org: OrgId,
    /// One up with every change; the `ETag`.
    pub rev: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: String,
    /// The request that changed it last, unique to one write: a repeated request knows its own work by it.
    pub request_id: String,
    /// Who is about to delete it; such an item gets nothing new.
    pub deleting: Option<DeletionMark>,
}

/// An aggregate as it is stored: its own attributes and those of every item.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity<T> {
    /// What every item says of itself.
    pub meta: Meta,
    /// The aggregate.
    pub value: T,
}

impl<T: Record> Entity<T> {
    /// A new aggregate, at its first revision.
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

    /// The same aggregate with another value, one revision on.
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

    /// The entity as an item, keys included.
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

    /// The entity that an item holds.
    pub fn from_item(mut item: Item) -> Result<Self, StoreError> {
        if !is_of_type::<T>(&item) {
            return Err(StoreError::corrupt(T::TYPE, "the item is of another type"));
        }
        T::SHAPES.upcast(T::TYPE, &mut item)?;
        let meta = Meta::of_item(T::TYPE, &item)?;
        // Values are taken out of it rather than copied.
        let taken =
            |value: &mut AttributeValue| std::mem::replace(value, AttributeValue::Null(true));
        let value = item.iter_mut().map(|(name, value)| (name.as_str(), taken(value)));
        Ok(Self { meta, value: decoded(T::TYPE, value)? })
    }

    /// The write that stores a new entity, where nothing may stand yet.
    pub fn create(&self) -> Result<Write, StoreError> {
        Ok(Write::Put { item: self.to_item()?, condition: Condition::Absent })
    }

    /// The same of an item that TTL deletes once it has expired.
    pub fn create_expiring(&self, expires_at: Timestamp) -> Result<Write, StoreError> {
        let mut item = self.to_item()?;
        item.insert(EXPIRES_AT.to_owned(), number(expires_at.as_second()));
        Ok(Write::Put { item, condition: Condition::Absent })
    }

    /// The write that replaces `previous`, if nobody has changed it since.
    pub fn replace(&self, previous: &Self) -> Result<Write, StoreError> {
        Ok(Write::Put { item: self.to_item()?, condition: previous.meta.unchanged() })
    }
}

impl Meta {
    /// The names of its attributes.
    pub const ATTRIBUTES: [&str; 7] =
        ["org", "rev", "created_at", "updated_at", "updated_by", "request_id", DELETING];

    /// The attributes of an item that every item has; `kind` names the item in an error.
    pub fn of_item(kind: &'static str, item: &Item) -> Result<Self, StoreError> {
        let of_meta = |name| Some((name, item.get(name)?.clone()));
        decoded(kind, Self::ATTRIBUTES.into_iter().filter_map(of_meta))
    }

    /// That the item still is at this revision and marked as it was: a mark leaves the revision alone, and a whole
    /// item written over it must neither wipe it nor bring it back.
    pub fn unchanged(&self) -> Condition {
        let mark = match &self.deleting {
            Some(mark) => Condition::Equals(DELETING, string(mark)),
            None => Condition::Without(DELETING),
        };
        Condition::All(vec![Condition::Equals("rev", number(self.rev)), mark])
    }
}

/// What attributes hold. An error names the attribute and not what stands in it, which may be known of a patient.
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
            None => Cause::attribute(reading.get(), "is not as it should be"),
        };
        StoreError::corrupt(kind, cause)
    })
}

/// The value of an attribute, as serde reads it.
struct Attribute(AttributeValue);

impl IntoDeserializer<'_, serde_dynamo::Error> for Attribute {
    type Deserializer = Deserializer;

    fn into_deserializer(self) -> Deserializer {
        Deserializer::from_attribute_value(self.0.into())
    }
}

/// The names of the attributes in which two values of a record differ, in order.
pub fn differing<T: Record>(old: &T, new: &T) -> Result<Vec<String>, StoreError> {
    let item = |value: &T| {
        let mut item: Item = to_item(value).map_err(|error| StoreError::corrupt(T::TYPE, error))?;
        // An attribute that has no value is left out of the stored item.
        item.retain(|_, value| !value.is_null());
        Ok::<_, StoreError>(item)
    };
    let (old, new) = (item(old)?, item(new)?);
    Ok(differing_attributes(&old, &new).map(str::to_owned).collect())
}

/// The names of the attributes in which two items differ, in order.
pub fn differing_attributes<'a>(old: &'a Item, new: &'a Item) -> impl Iterator<Item = &'a str> {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).map(String::as_str).collect();
    names.into_iter().filter(|name| old.get(*name) != new.get(*name))
}

/// Whether an item is of the record's type.
pub fn is_of_type<T: Record>(item: &Item) -> bool {
    text(item, "type") == Some(T::TYPE)
}
