//! The invariant of the search: the search items and identifier markers in the table are exactly those of the patients. And of
//! merges: each merged patient leads to the one that replaces it.

use std::collections::BTreeMap;

use clinic_api::{
    id::PatientId,
    records::patients::{
        model::{Merge, Patient},
        repo,
    },
    store::{Entity, Item, Key, attributes::text, codec::is_of_type},
};

use super::{TestApp, builder::search_of_tests};

/// Whether an item is a search item or an identifier marker.
pub fn is_search_item(item: &Item) -> bool {
    matches!(text(item, "type"), Some("search_entry" | "identifier"))
}

impl TestApp {
    /// Recomputes the search items of all patients and compares them with those in the table. Returns how many there are.
    pub async fn check_search(&self) -> usize {
        let items = self.all_items().await;
        let patients = items.iter().filter(|item| is_of_type::<Patient>(item));
        let mut expected = BTreeMap::new();
        for item in patients {
            let Entity { value, meta } = Entity::<Patient>::from_item(item.clone()).unwrap();
            let id = value.id.clone();
            let (indexed, _, writes) =
                repo::indexed(&search_of_tests(), &meta.org, value.record).unwrap();
            assert_eq!(indexed.search, value.search, "{id} names its search items");
            for write in writes {
                expected.insert(write.key().unwrap(), id.clone());
            }
        }
        let found = items.iter().filter(|item| is_search_item(item));
        let found: BTreeMap<Key, &Item> =
            found.map(|item| (Key::of(item).unwrap(), item)).collect();
        let missing: Vec<_> = expected.keys().filter(|key| !found.contains_key(key)).collect();
        let stray: Vec<_> = found.keys().filter(|key| !expected.contains_key(key)).collect();
        assert!(missing.is_empty() && stray.is_empty(), "missing {missing:?}, stray {stray:?}");
        for (key, item) in found.iter().filter(|(_, item)| item.contains_key("patient_id")) {
            assert_eq!(text(item, "patient_id"), Some(expected[key].as_str()), "{key:?}");
        }
        found.len()
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
