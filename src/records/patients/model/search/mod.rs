//! The search for patients: folded terms, phonetic codes, and how well a patient matches.

mod compare;
mod compared;
mod duplicate;
pub mod entry;
mod fold;
mod neighbours;
pub mod phonetics;
pub mod query;
pub mod terms;
mod titles;

pub use compare::MatchKind;
pub use compared::ComparedName;
pub use duplicate::Duplicate;
pub use entry::SearchEntry;
pub use phonetics::{Algorithm, Phonetics};
pub use query::PatientQuery;
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
