//! The invariant of the search: the search items and identifier markers in the table are exactly those of the patients.

use std::collections::BTreeMap;

use clinic_api::{
    records::patients::{model::Patient, repo},
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
        found.len()
    }
}
