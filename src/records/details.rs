//! The members of a record that callers set.

use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    id::{ClinicId, Id, IdKind},
    store::{
        Item, Key, Shapes,
        keys::{self, IndexKey},
    },
};

/// The members of a plain record that callers set: all except its ids. They are the body of a POST,
/// the target of a merge patch, and part of the stored item and of the response.
pub trait Details:
    Serialize + DeserializeOwned + Validate + ToSchema + Clone + PartialEq + Send + Sync + 'static
{
    /// The kind of the record's id.
    type Kind: IdKind;
    /// The name of the record's schema.
    const SCHEMA: &'static str;
    /// The description of the record's schema.
    const DESCRIPTION: &'static str;
}

/// The details of a clinic's record, which is by default stored under `CLINIC#{clinic}` /
/// `{PREFIX}#{id}`.
pub trait ClinicDetails: Details {
    /// The item's `type`.
    const TYPE: &'static str;
    /// The prefix of the sort key. It sorts after `META`, so that the record is read with the
    /// clinic's setup and blocks the deletion of the clinic.
    const PREFIX: &'static str;
    /// The versions of the item's shape.
    const SHAPES: Shapes = Shapes::FIRST;

    /// Returns the key of a record.
    fn key(clinic: &ClinicId, id: &Id<Self::Kind>) -> Key {
        const { assert!(keys::is_in_setup(Self::PREFIX), "see `ClinicDetails::PREFIX`") };
        keys::of_clinic(clinic, Self::PREFIX, id)
    }

    /// Returns the key of a record in the index, if it is indexed.
    fn index_key(_clinic: &ClinicId, _id: &Id<Self::Kind>) -> Option<IndexKey> {
        None
    }
}

/// Removes an empty list of weekly hours from an item. In the first shape, an empty list meant what
/// absent hours mean now.
pub fn unrestrict_if_empty(item: &mut Item, name: &str) {
    let hours = item.get(name).and_then(|hours| hours.as_l().ok());
    if hours.is_some_and(Vec::is_empty) {
        item.remove(name);
    }
}
