//! A patient as it is stored: the record, and how it is indexed for search.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::PatientDetails;
use crate::{id::PatientId, keyring::TAG_LENGTH, records::of_org::OfOrg};

/// The id of a patient, and the members that callers set.
pub type PatientRecord = OfOrg<PatientDetails>;

/// A patient as it is stored. It dereferences to the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Patient {
    /// The record.
    #[serde(flatten)]
    pub record: PatientRecord,
    /// Its search items and markers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Indexed>,
    /// The patient that this one was merged into. Such a patient is inactive and never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<PatientId>,
    /// The patients that were merged into this one, without those merged into them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<PatientId>,
    /// The patients that may be the same person, as found when this one was created. It is stored
    /// for the answer under the `Idempotency-Key`, and never changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub possible_duplicates: Vec<PatientId>,
}

impl Patient {
    /// Returns a patient that is not indexed yet.
    pub fn new(record: PatientRecord) -> Self {
        Self {
            record,
            search: None,
            merged_into: None,
            replaces: Vec::new(),
            possible_duplicates: Vec::new(),
        }
    }
}

/// The keys of a patient's search items and identifier markers. All are keyed hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indexed {
    /// The id of the search key.
    pub key: String,
    /// The tag of the date of birth, the first part of the sort keys.
    pub birth: String,
    /// The tags of the search items, one after the other.
    pub tags: String,
    /// The tags of the identifier markers, one after the other.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub identifiers: String,
}

impl Indexed {
    /// Returns the number of search items and markers.
    pub fn items(&self) -> usize {
        (self.tags.len() + self.identifiers.len()) / TAG_LENGTH
    }
}

impl Deref for Patient {
    type Target = PatientRecord;

    fn deref(&self) -> &PatientRecord {
        &self.record
    }
}
