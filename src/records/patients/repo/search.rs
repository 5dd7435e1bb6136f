//! The search for patients. All reads are consistent, so a search finds what the last request wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use super::{
    index,
    items::{opened, patient_of},
};
use crate::{
    id::{OrgId, PatientId},
    keyring::SearchKey,
    records::patients::model::{
        PartialDate, PatientDetails,
        search::{
            Algorithm, ComparedName, Duplicate, Kind, MatchKind, PatientQuery, PatientSearch,
            SearchEntry, Term,
        },
    },
    store::{
        Store, StoreError, keys,
        read::{List, PageRequest},
    },
};

/// The maximum number of patients with one term that a search reads.
pub const MAX_CANDIDATES: u16 = 1_000;
/// The maximum number of patients with a whole word of the name that a search reads in addition, if
/// more patients have the beginning of that word.
const MAX_OF_WHOLE_WORD: u16 = 250;
/// The maximum number of patients with one transposed spelling that a search reads.
const MAX_OF_TRANSPOSED: u16 = 100;
/// The maximum number of patients that are compared with a new patient, for each Query.
const MAX_OF_DUPLICATES: u16 = 100;
/// The maximum number of possible duplicates that are reported.
const MAX_DUPLICATES: usize = 5;

/// A patient that a search found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The patient.
    pub id: PatientId,
    /// What the search items contain.
    pub entry: SearchEntry,
    /// How well the name matches.
    pub kind: MatchKind,
}

/// The result of a search.
#[derive(Debug)]
pub struct Found {
    /// All patients found, unsorted.
    pub hits: Vec<Hit>,
    /// Whether more patients have the term than a search reads, so some may be missing.
    pub more_specific: bool,
}

/// Searches the patients of an organisation. `identifier` is the system and value of an identifier
/// that the patient must have. `group` is that of the page before: all pages of a search have matches
/// of one group, even if others begin to match meanwhile.
pub async fn search(
    store: &Store,
    search: &PatientSearch,
    org: &OrgId,
    query: &PatientQuery,
    identifier: Option<(&str, &str)>,
    group: Option<MatchKind>,
) -> Result<Found, StoreError> {
    let keys = in_order_of_rotation(search, org);
    let phonetics = search.phonetics.of(org);
    let reader = Reader { store, keys: &keys, query, phonetics, group };
    let by_number = query.record_number().map(|mrn| ("", mrn));
    if let Some((system, value)) = identifier.or(by_number) {
        return reader.by_identifier(system, value).await;
    }
    let Some(term) = query.term() else {
        return Ok(Found { hits: Vec::new(), more_specific: false });
    };
    let mut candidates = Candidates::default();
    reader.read(&mut candidates, [term.clone()], MAX_CANDIDATES).await?;
    if !query.is_by_name() {
        return Ok(reader.found(&candidates));
    }
    if candidates.more && term.kind == Kind::Prefix {
        // The whole words come first in the result, so they must be among the candidates.
        reader.read(&mut candidates, query.whole_word(), MAX_OF_WHOLE_WORD).await?;
    }
    reader.read(&mut candidates, query.parts_joined(), MAX_CANDIDATES).await?;
    // Also for a further page: the first one may have matches of these terms.
    if !reader.has_match(&candidates, MatchKind::WithoutTitle) {
        reader.read(&mut candidates, query.words_joined(), MAX_CANDIDATES).await?;
    }
    if !reader.ends_with(&candidates, MatchKind::WithoutTitle) {
        reader.read(&mut candidates, query.transposed_terms(), MAX_OF_TRANSPOSED).await?;
    }
    if !reader.ends_with(&candidates, MatchKind::Transposed) {
        reader.read(&mut candidates, query.sound(), MAX_CANDIDATES).await?;
    }
    Ok(reader.found(&candidates))
}

/// Returns the keys of the search, the first one last. A rotation moves patients from the later keys
/// to the first one, so reading in this order misses none.
fn in_order_of_rotation(search: &PatientSearch, org: &OrgId) -> Vec<SearchKey> {
    let mut keys = search.keys.of(org);
    keys.reverse();
    keys
}

/// Returns at most five patients that may be the same person as a new patient: one
/// Query each by name and date of birth, and by telephone number.
pub async fn duplicates(
    store: &Store,
    search: &PatientSearch,
    org: &OrgId,
    patient: &PatientDetails,
) -> Result<Vec<PatientId>, StoreError> {
    let duplicate = Duplicate::of(patient);
    let keys = in_order_of_rotation(search, org);
    let mut candidates = Candidates::default();
    for (term, born) in duplicate.terms() {
        read(&mut candidates, store, &keys, &term, born, MAX_OF_DUPLICATES).await?;
    }
    let same = candidates.entries.into_iter().filter(|(_, it)| duplicate.matches(&it.entry));
    Ok(same.map(|(id, _)| id).take(MAX_DUPLICATES).collect())
}

/// A patient who may match.
struct Candidate {
    entry: SearchEntry,
    name: ComparedName,
    /// How well the name matches, once it was compared.
    kind: OnceLock<Option<MatchKind>>,
}

impl From<SearchEntry> for Candidate {
    fn from(entry: SearchEntry) -> Self {
        Self { name: ComparedName::from(&entry.name), entry, kind: OnceLock::new() }
    }
}

/// Patients who may match.
#[derive(Default)]
struct Candidates {
    entries: BTreeMap<PatientId, Candidate>,
    /// Whether there are more than were read.
    more: bool,
    /// The terms that were read.
    terms: BTreeSet<Term>,
}

struct Reader<'a> {
    store: &'a Store,
    keys: &'a [SearchKey],
    query: &'a PatientQuery,
    phonetics: Algorithm,
    group: Option<MatchKind>,
}

impl Reader<'_> {
    /// Returns whether a search ends with these candidates, because one matches no worse than `kind`.
    fn ends_with(&self, candidates: &Candidates, kind: MatchKind) -> bool {
        match self.group {
            Some(group) => group <= kind,
            None => self.has_match(candidates, kind),
        }
    }

    fn has_match(&self, candidates: &Candidates, kind: MatchKind) -> bool {
        let mut kinds = candidates.entries.values().filter_map(|candidate| self.kind(candidate));
        kinds.any(|found| found <= kind)
    }

    fn kind(&self, candidate: &Candidate) -> Option<MatchKind> {
        let compare = || self.query.compare(&candidate.entry, &candidate.name, self.phonetics);
        *candidate.kind.get_or_init(compare)
    }

    /// Adds the patients with terms, and with the searched date of birth. No term is read twice.
    async fn read(
        &self,
        candidates: &mut Candidates,
        terms: impl IntoIterator<Item = Term>,
        limit: u16,
    ) -> Result<(), StoreError> {
        for term in terms {
            if candidates.terms.insert(term.clone()) {
                let born = self.query.born();
                read(candidates, self.store, self.keys, &term, born, limit).await?;
            }
        }
        Ok(())
    }

    fn found(&self, candidates: &Candidates) -> Found {
        Found { hits: self.best(candidates), more_specific: candidates.more }
    }

    async fn by_identifier(&self, system: &str, value: &str) -> Result<Found, StoreError> {
        let mut candidates = Candidates::default();
        for key in self.keys {
            let at = keys::identifier(&index::identifier_tag(key, system, value));
            let Some(item) = self.store.get_item(&at, true).await? else { continue };
            candidates.entries.insert(patient_of(&item)?, opened(&item, key)?.into());
        }
        Ok(self.found(&candidates))
    }

    /// Returns the candidates that match best: those whose names match as they are spelled, with or
    /// without titles, or else those with two letters transposed, or else those that sound alike.
    fn best(&self, candidates: &Candidates) -> Vec<Hit> {
        let hit = |(id, candidate): (&PatientId, &Candidate)| {
            let kind = self.kind(candidate)?;
            Some(Hit { id: id.clone(), entry: candidate.entry.clone(), kind })
        };
        let mut hits: Vec<_> = candidates.entries.iter().filter_map(hit).collect();
        let best = self.group.or_else(|| hits.iter().map(|hit| hit.kind.group()).min());
        hits.retain(|hit| Some(hit.kind.group()) == best);
        hits
    }
}

/// Adds the patients with a term, and with a date of birth if it is given.
async fn read(
    candidates: &mut Candidates,
    store: &Store,
    search_keys: &[SearchKey],
    term: &Term,
    born: Option<PartialDate>,
    limit: u16,
) -> Result<(), StoreError> {
    let born = born.map(|date| date.to_string()).unwrap_or_default();
    for key in search_keys {
        let tag = key.tag(term.kind.name(), &term.text);
        let range = keys::search_entries(&tag, &index::birth_tag(key, &born));
        let page = PageRequest { after: None, limit: limit + 1, consistent: true };
        let listed = store.list(List::of(range, page)).await?;
        candidates.more |= listed.items.len() > usize::from(limit) || listed.next.is_some();
        for item in listed.items.into_iter().take(limit.into()) {
            candidates.entries.insert(patient_of(&item)?, opened(&item, key)?.into());
        }
    }
    Ok(())
}
