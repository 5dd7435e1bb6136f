//! Items in and out: the attributes that every item has, and the aggregate's own beside them.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    attributes::{DELETING, Item, number, string, text},
    errors::StoreError,
    expression::Condition,
    keys::{IndexKey, Key},
    shape::Shapes,
    write::{Write, WriteContext},
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
    /// The request that is about to delete it; such an item gets nothing new.
    pub deleting: Option<String>,
}

/// An aggregate as it is stored: its own attributes and those of every item.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity<T> {
    /// What every item says of itself.
    pub meta: Meta,
    /// The aggregate.
    pub value: T,
}

impl<T> Entity<T> {
    /// What `show` makes of the aggregate and of when its record was made and changed last.
    pub fn show<O>(self, show: impl FnOnce(T, Timestamp, Timestamp) -> O) -> O {
        show(self.value, self.meta.created_at, self.meta.updated_at)
    }
}

impl<T: Record> Entity<T> {
    /// A new aggregate, at its first revision.
    #[must_use]
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
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the aggregate does not serialise.
    pub fn to_item(&self) -> Result<Item, StoreError> {
        let corrupt = |error| StoreError::corrupt(T::TYPE, error);
        let mut item: Item =
            serde_dynamo::aws_sdk_dynamodb_1::to_item(&self.value).map_err(corrupt)?;
        let meta: Item = serde_dynamo::aws_sdk_dynamodb_1::to_item(&self.meta).map_err(corrupt)?;
        item.extend(meta);
        item.insert("type".to_owned(), AttributeValue::S(T::TYPE.to_owned()));
        item.retain(|_, value| !value.is_null());
        T::SHAPES.downcast(T::TYPE, &mut item)?;
        item.extend(self.value.key().attributes());
        if let Some(index_key) = self.value.index_key(&self.meta) {
            item.extend(index_key.attributes());
        }
        Ok(item)
    }

    /// The entity that an item holds.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the item is of another type or lacks an attribute, [`StoreError::NewerShape`] if
    /// only a later release knows its shape.
    pub fn from_item(mut item: Item) -> Result<Self, StoreError> {
        if !is_of_type::<T>(&item) {
            return Err(StoreError::corrupt(T::TYPE, "the item is of another type"));
        }
        T::SHAPES.upcast(T::TYPE, &mut item)?;
        Ok(Self { meta: decoded(&item, T::TYPE)?, value: decoded(&item, T::TYPE)? })
    }

    /// The write that stores a new entity, where nothing may stand yet.
    ///
    /// # Errors
    /// As [`Entity::to_item`].
    pub fn create(&self) -> Result<Write, StoreError> {
        Ok(Write::Put { item: self.to_item()?, condition: Condition::Absent })
    }

    /// The write that replaces `previous`, if nobody has changed it since.
    ///
    /// # Errors
    /// As [`Entity::to_item`].
    pub fn replace(&self, previous: &Self) -> Result<Write, StoreError> {
        Ok(Write::Put { item: self.to_item()?, condition: previous.meta.unchanged() })
    }
}

impl Meta {
    /// That the item still is at this revision and marked as it was: a mark leaves the revision alone, and a whole
    /// item written over it must neither wipe it nor bring it back.
    #[must_use]
    pub fn unchanged(&self) -> Condition {
        let mark = match &self.deleting {
            Some(mark) => Condition::Equals(DELETING, string(mark)),
            None => Condition::Without(DELETING),
        };
        Condition::All(vec![Condition::Equals("rev", number(self.rev)), mark])
    }
}

/// What an item holds. An error names the attribute and not what stands in it, which may be known of a patient.
fn decoded<V: DeserializeOwned>(item: &Item, kind: &'static str) -> Result<V, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item.clone()).map_err(|error| {
        let text = error.to_string();
        if text.starts_with("missing field") {
            return StoreError::corrupt(kind, text);
        }
        StoreError::corrupt(kind, format!("{} is not as it should be", wrong_attribute::<V>(item)))
    })
}

/// Where in the item that is which is not as it should be, as a path of attribute names.
fn wrong_attribute<V: DeserializeOwned>(item: &Item) -> String {
    let value = serde_dynamo::aws_sdk_dynamodb_1::from_item::<serde_json::Value>(item.clone());
    let path = value.ok().and_then(|value| {
        serde_path_to_error::deserialize::<_, V>(value).err().map(|error| error.path().to_string())
    });
    path.unwrap_or_else(|| "an attribute".to_owned())
}

/// Whether an item is of the record's type.
#[must_use]
pub fn is_of_type<T: Record>(item: &Item) -> bool {
    text(item, "type") == Some(T::TYPE)
}
