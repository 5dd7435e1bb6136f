//! The search for patients: folded terms, phonetic codes, and how well a patient matches.

mod duplicate;
pub mod entry;
mod fold;
pub mod phonetics;
pub mod query;
pub mod terms;

pub use duplicate::Duplicate;
pub use entry::SearchEntry;
pub use phonetics::{Algorithm, Phonetics};
pub use query::{MatchKind, PatientQuery};
pub use terms::{Kind, Term, terms};

use crate::keyring::SearchKeys;

/// The settings of the search. Clones share the keys.
#[derive(Clone)]
pub struct PatientSearch {
    /// The keys of the search items.
    pub keys: SearchKeys,
    /// The phonetic algorithms.
    pub phonetics: Phonetics,
}
