//! The members of a record that callers may change.

use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    id::{ClinicId, Id, IdKind},
    store::{
        Key,
        keys::{self, IndexKey},
    },
};

/// The members of a plain record that callers may change: all of it but its ids. They are the body of a POST, the target of a
/// merge patch, and what is stored and shown.
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

/// The details of a record of a clinic, by default stored under `CLINIC#{clinic}` / `{PREFIX}#{id}`.
pub trait ClinicDetails: Details {
    /// The item's `type`.
    const TYPE: &'static str;
    /// The prefix of the sort key. It sorts after `META`, so that the record is read with the clinic's setup and keeps the clinic
    /// from being deleted.
    const PREFIX: &'static str;

    /// The key of a record.
    fn key(clinic: &ClinicId, id: &Id<Self::Kind>) -> Key {
        const { assert!(keys::is_in_setup(Self::PREFIX), "see `ClinicDetails::PREFIX`") };
        keys::of_clinic(clinic, Self::PREFIX, id)
    }

    /// The key of a record in the index, if it stands there.
    fn index_key(_clinic: &ClinicId, _id: &Id<Self::Kind>) -> Option<IndexKey> {
        None
    }
}
