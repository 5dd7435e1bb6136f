//! Verification of search items and identifier markers against the patients. The service keeps them
//! consistent, but a table that was restored to a point in time may contain only a part of a
//! transaction from that second.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Index,
    items::{entry_keys, is_search_item, listed, marker_keys, patient_of},
};
use crate::{
    id::PatientId,
    records::patients::model::{Patient, search::PatientSearch},
    store::{Entity, Item, Key, Store, StoreError, codec::is_of_type, keys, scan::patiently},
};

/// A mismatch between a patient and its search items and identifiers. It contains ids and numbers
/// only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Searches may not find the patient, or another patient can get the same identifier.
    #[error("{0} search items or identifiers are missing")]
    Missing(usize),
    /// They have other content than the patient, or name a patient who does not have the
    /// identifier.
    #[error("{0} search items or identifiers have other content than the patient")]
    Differing(usize),
    /// The patient does not exist, or its item does not list them.
    #[error("{0} search items or identifiers are superfluous")]
    Superfluous(usize),
    /// The patient's item lists other search items than this release writes with these settings.
    #[error(
        "its search items are those of other terms; run `table backfill` with the --search-phonetics of the service"
    )]
    Outdated,
    /// Nothing can be compared without the key.
    #[error(
        "its search key is none of --search-keys; run `table backfill --lost-search-keys` if the key is lost"
    )]
    OtherKey,
    /// Another patient has the same identifier. A program cannot know who is right.
    #[error("{0} has the same identifier")]
    Shared(PatientId),
}

/// The result of verifying the search items of a table. It holds mismatches only.
pub struct Verification {
    pub(super) search: PatientSearch,
    pub(super) findings: BTreeMap<PatientId, Finding>,
    /// The markers that are missing or name a patient without the identifier, with the patients who
    /// have it.
    unclaimed: BTreeMap<Key, BTreeSet<PatientId>>,
    /// The number of patients.
    pub patients: u64,
    /// The number of search items and markers.
    pub items: u64,
}

/// What is wrong with the search items and markers of a patient.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Finding {
    missing: usize,
    differing: usize,
    pub(super) outdated: bool,
    pub(super) other_key: bool,
    pub(super) shared_with: BTreeSet<PatientId>,
    pub(super) superfluous: BTreeSet<Key>,
}

impl Verification {
    /// Creates the verification of a table.
    pub fn new(search: PatientSearch) -> Self {
        let (findings, unclaimed) = (BTreeMap::new(), BTreeMap::new());
        Self { search, findings, unclaimed, patients: 0, items: 0 }
    }

    /// Compares the patients, search items and markers of a page. For each patient, reads what it
    /// should have, and for each search item and marker its patient. Returns how many items it
    /// read.
    pub async fn add(&mut self, store: &Store, page: &[Item]) -> Result<usize, StoreError> {
        let mut read = 0;
        for item in page.iter().filter(|item| is_of_type::<Patient>(item)) {
            let patient = Entity::<Patient>::from_item(item.clone())?;
            let compared = patiently(|| compare(store, &self.search, &patient)).await?;
            read += compared.read;
            self.patients += 1;
            self.note(&patient.value.id, compared);
        }
        Ok(read + self.find_superfluous(store, page).await?)
    }

    fn note(&mut self, id: &PatientId, Compared { mut finding, unclaimed, .. }: Compared) {
        if finding == Finding::default() {
            return;
        }
        for key in unclaimed {
            let claimants = self.unclaimed.entry(key).or_default();
            for other in &*claimants {
                self.findings.entry(other.clone()).or_default().shared_with.insert(id.clone());
            }
            finding.shared_with.extend(claimants.iter().cloned());
            claimants.insert(id.clone());
        }
        let noted = self.findings.entry(id.clone()).or_default();
        finding.superfluous = std::mem::take(&mut noted.superfluous);
        *noted = finding;
    }

    /// Finds search items and markers whose patient does not exist or does not list them.
    async fn find_superfluous(
        &mut self,
        store: &Store,
        page: &[Item],
    ) -> Result<usize, StoreError> {
        let mut named = Vec::new();
        for item in page.iter().filter(|item| is_search_item(item)) {
            named.extend(Key::of(item).zip(Some(patient_of(item)?)));
        }
        let owners: BTreeSet<_> = named.iter().map(|(_, id)| keys::patient(id)).collect();
        let owners: Vec<_> = owners.into_iter().collect();
        let found = patiently(|| store.batch_get(&owners)).await?;
        self.items += u64::try_from(named.len()).unwrap_or_default();
        for (key, id) in named {
            if !lists(found.get(&keys::patient(&id)), &id, &key)? {
                self.findings.entry(id).or_default().superfluous.insert(key);
            }
        }
        Ok(owners.len())
    }

    /// Returns the mismatches of each patient.
    pub fn mismatches(&self) -> impl Iterator<Item = (PatientId, Mismatch)> {
        let of_patient = |(id, finding): (&PatientId, &Finding)| {
            let id = id.clone();
            finding.mismatches().into_iter().map(move |mismatch| (id.clone(), mismatch))
        };
        self.findings.iter().flat_map(of_patient)
    }
}

impl Finding {
    /// Returns the mismatches, without superfluous items.
    pub(super) fn of_patient(&self) -> Vec<Mismatch> {
        let counted = [
            (self.missing > 0).then_some(Mismatch::Missing(self.missing)),
            (self.differing > 0).then_some(Mismatch::Differing(self.differing)),
            self.outdated.then_some(Mismatch::Outdated),
            self.other_key.then_some(Mismatch::OtherKey),
        ];
        let shared = self.shared_with.iter().cloned().map(Mismatch::Shared);
        counted.into_iter().flatten().chain(shared).collect()
    }

    /// Returns the superfluous items as a mismatch.
    pub(super) fn superfluous(&self) -> Option<Mismatch> {
        let number = self.superfluous.len();
        (number > 0).then_some(Mismatch::Superfluous(number))
    }

    fn mismatches(&self) -> Vec<Mismatch> {
        self.of_patient().into_iter().chain(self.superfluous()).collect()
    }
}

/// A patient, compared with its search items and markers.
pub(super) struct Compared {
    /// The index that the patient should have. `None` if its key is unknown.
    pub(super) index: Option<Index>,
    pub(super) finding: Finding,
    unclaimed: Vec<Key>,
    read: usize,
}

/// Reads the search items and markers that a patient should have, and compares them.
pub(super) async fn compare(
    store: &Store,
    search: &PatientSearch,
    Entity { value, meta }: &Entity<Patient>,
) -> Result<Compared, StoreError> {
    let mut finding = Finding::default();
    let listed = value.search.as_ref();
    if listed.is_some_and(|listed| !search.keys.knows(&listed.key)) {
        finding.other_key = true;
        return Ok(Compared { index: None, finding, unclaimed: Vec::new(), read: 0 });
    }
    let index = Index::new(search, &meta.org, value)?;
    finding.outdated = listed != Some(index.indexed());
    let wanted = index.keys();
    let (found, read) = (store.batch_get(&wanted).await?, wanted.len());
    let mut unclaimed = Vec::new();
    for key in wanted {
        match found.get(&key) {
            Some(item) if index.matches(item) => {}
            Some(item) => {
                let owner = patient_of(item)?;
                let is_own = owner == value.id;
                if !is_own && has(store, &owner, &key).await? {
                    finding.shared_with.insert(owner);
                } else {
                    finding.differing += 1;
                    unclaimed.extend((!is_own).then_some(key));
                }
            }
            None => {
                finding.missing += 1;
                unclaimed.push(key);
            }
        }
    }
    Ok(Compared { index: Some(index), finding, unclaimed, read })
}

/// Returns whether a patient exists and lists an item.
async fn has(store: &Store, id: &PatientId, key: &Key) -> Result<bool, StoreError> {
    lists(store.get_item(&keys::patient(id), true).await?.as_ref(), id, key)
}

/// Returns whether the item of a patient lists a search item or marker.
pub(super) fn lists(patient: Option<&Item>, id: &PatientId, key: &Key) -> Result<bool, StoreError> {
    let listed = patient.map(listed).transpose()?.flatten();
    Ok(listed.is_some_and(|listed| {
        entry_keys(&listed, id).chain(marker_keys(&listed)).any(|listed| listed == *key)
    }))
}
