//! The invariant of the search: the search items and identifier markers in the table are exactly those of the patients. And of
//! merges: each merged patient leads to the one that replaces it.

use std::collections::BTreeMap;

use clinic_api::{
    id::PatientId,
    records::patients::{
        model::{Merge, Patient},
        repo::verify::Verification,
    },
};

pub use clinic_api::records::patients::repo::is_search_item;

use super::{TestApp, builder::search_of_tests};

impl TestApp {
    /// Compares the search items of the table with those that the patients should have. Returns how many there are.
    pub async fn check_search(&self) -> u64 {
        let mut found = Verification::new(search_of_tests());
        found.add(&self.store, &self.all_items().await).await.unwrap();
        let mismatches: Vec<_> = found.mismatches().collect();
        assert!(mismatches.is_empty(), "{mismatches:?}");
        found.items
    }
}

impl TestApp {
    /// Checks the invariants of merges, if no patient was deleted: a merged patient is inactive, the other one lists it, the
    /// merge is stored, and no patient leads to itself.
    pub async fn check_merges(&self) {
        let patients = self.records_of::<Patient>().await.into_iter().map(|found| found.value);
        let patients: BTreeMap<PatientId, Patient> =
            patients.map(|patient| (patient.id.clone(), patient)).collect();
        let merges = self.records_of::<Merge>().await.into_iter().map(|found| found.value);
        // A patient that was merged into a deleted one may be merged into another one.
        let merges = merges.filter(|merge| patients.contains_key(&merge.merged_into));
        let stored: BTreeMap<_, _> =
            merges.map(|merge| (merge.patient_id, merge.merged_into)).collect();
        let mut marked = BTreeMap::new();
        for patient in patients.values() {
            if let Some(merged_into) = &patient.merged_into {
                assert!(!patient.active, "{} was merged", patient.id);
                let Some(survivor) = patients.get(merged_into) else { continue };
                let lists_it = survivor.replaces.contains(&patient.id);
                assert!(lists_it, "{merged_into} replaces {}", patient.id);
                marked.insert(patient.id.clone(), merged_into.clone());
            }
            let mut last = patient;
            for _ in 0..patients.len() {
                last =
                    last.merged_into.as_ref().and_then(|next| patients.get(next)).unwrap_or(last);
            }
            let ends = last.merged_into.as_ref().is_none_or(|next| !patients.contains_key(next));
            assert!(ends, "{} leads to no patient", patient.id);
        }
        assert_eq!(stored, marked, "the stored merges, and what the patients say");
        let listed: usize = patients.values().map(|patient| patient.replaces.len()).sum();
        assert_eq!(listed, marked.len(), "each merged patient is listed once");
    }
}
