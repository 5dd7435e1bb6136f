//! The search items and identifier markers of a patient. They are written in the patient's own
//! transaction, so the next read finds them.

use std::{collections::BTreeSet, fmt::Write as _};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};

use super::items::{
    ENTRY, IDENTIFIER, SEARCH_ENTRY, context, entry_keys, marker_keys, opened, patient_of, tags,
};
use crate::{
    id::{OrgId, PatientId},
    keyring::SearchKey,
    records::patients::model::{
        Indexed, Patient, PatientDetails,
        search::{PatientSearch, SearchEntry, terms},
    },
    store::{
        Item, Key, StoreError,
        attributes::{number, string, text},
        expression::Condition,
        keys,
        write::Write,
    },
};

/// The length of the tag of a year, a month or a day of birth.
const BIRTH_TAG: usize = 3;
/// The lengths of a date's year, year and month, and whole text.
const BIRTH_PARTS: [usize; 3] = [4, 7, 10];

/// The search items and markers that a patient should have.
pub struct Index {
    key: SearchKey,
    /// The tags of identifiers under other keys, which must be free as well.
    others: Vec<Claim>,
    identifiers: Vec<Claim>,
    indexed: Indexed,
    entry: SearchEntry,
    patient: PatientId,
    /// The patient whose identifiers move to this one.
    giver: Option<PatientId>,
}

/// The tag of an identifier, and the pointer to the identifier in the request.
struct Claim {
    tag: String,
    pointer: String,
}

impl Index {
    /// Computes the index of a patient. It uses the key of the existing index, if the patient has one
    /// and its key is known. Otherwise it uses the first key.
    pub fn new(search: &PatientSearch, org: &OrgId, patient: &Patient) -> Result<Self, StoreError> {
        let details = &patient.details;
        let mut keys = search.keys.of(org);
        let current = patient.search.as_ref().map(|indexed| indexed.key.as_str());
        let known = keys.iter().position(|key| Some(key.id.as_str()) == current);
        let at = known.unwrap_or(0);
        if at >= keys.len() {
            return Err(StoreError::corrupt("search keys", "there is none"));
        }
        let key = keys.remove(at);
        let tags = terms(details, search.phonetics.of(org));
        let tags = tags.iter().map(|term| key.tag(term.kind.name(), &term.text)).collect();
        let claims = |key: &SearchKey| {
            let claim = |(system, value, pointer): (&str, &str, String)| Claim {
                tag: identifier_tag(key, system, value),
                pointer,
            };
            identifiers(details).into_iter().map(claim).collect::<Vec<_>>()
        };
        let identifiers = claims(&key);
        let born = details.birth_date.as_ref().map(|date| date.expose().to_string());
        let indexed = Indexed {
            key: key.id.clone(),
            birth: birth_tag(&key, born.as_deref().unwrap_or_default()),
            tags,
            identifiers: identifiers.iter().map(|claim| claim.tag.as_str()).collect(),
        };
        Ok(Self {
            others: keys.iter().flat_map(claims).collect(),
            identifiers,
            indexed,
            entry: patient.into(),
            patient: patient.id.clone(),
            giver: None,
            key,
        })
    }

    /// Allows the patient to take identifiers of another one, which gives them away in the same
    /// transaction.
    #[must_use]
    pub fn taking_from(self, giver: &PatientId) -> Self {
        Self { giver: Some(giver.clone()), ..self }
    }

    /// Returns what the patient's item stores about its index.
    pub fn indexed(&self) -> &Indexed {
        &self.indexed
    }

    /// Returns the writes that replace the index of the patient as it was with this one. The first
    /// writes claim identifiers; [`Self::taken`] names the identifier of a refused one.
    pub fn writes(&self, before: Option<&Patient>) -> Result<Vec<Write>, StoreError> {
        let previous = before.and_then(|patient| patient.search.as_ref());
        if previous == Some(&self.indexed)
            && before.is_some_and(|patient| SearchEntry::from(patient) == self.entry)
        {
            return Ok(Vec::new());
        }
        self.rewrites(previous)
    }

    /// Returns the writes like [`Self::writes`], also of what is equal. `previous` is what the
    /// patient's item listed before.
    pub fn rewrites(&self, previous: Option<&Indexed>) -> Result<Vec<Write>, StoreError> {
        let value = serde_json::to_vec(&self.entry)
            .map_err(|error| StoreError::corrupt(SEARCH_ENTRY, error))?;
        let mut writes = Vec::new();
        for claim in &self.identifiers {
            let item = self.item(IDENTIFIER, &keys::identifier(&claim.tag), &value)?;
            writes.push(Write::Put { item, condition: self.claimable() });
        }
        let own: Vec<_> = previous.iter().flat_map(|old| tags(&old.identifiers)).collect();
        for claim in &self.others {
            let (key, condition) = (keys::identifier(&claim.tag), self.claimable());
            // A patient that moves to another key leaves its marker behind.
            writes.push(if own.contains(&claim.tag.as_str()) {
                Write::Delete { key, condition }
            } else {
                Write::Check { key, condition }
            });
        }
        let mut written: BTreeSet<_> = writes.iter().map(Write::key).collect();
        for tag in tags(&self.indexed.tags) {
            let key = keys::search_entry(tag, &self.indexed.birth, &self.patient);
            let item = self.item(SEARCH_ENTRY, &key, &value)?;
            writes.push(Write::Put { item, condition: any() });
            written.insert(Some(key));
        }
        if let Some(previous) = previous {
            let deletes = deletes(previous, &self.patient);
            writes.extend(deletes.into_iter().filter(|write| !written.contains(&write.key())));
        }
        Ok(writes)
    }

    /// Returns the keys of its search items and markers.
    pub fn keys(&self) -> Vec<Key> {
        let entries = entry_keys(&self.indexed, &self.patient);
        entries.chain(marker_keys(&self.indexed)).collect()
    }

    /// Returns whether an item under one of these keys is as this index writes it.
    pub fn matches(&self, item: &Item) -> bool {
        patient_of(item).is_ok_and(|patient| patient == self.patient)
            && opened(item, &self.key).is_ok_and(|entry| entry == self.entry)
    }

    /// Returns the pointer to the identifier that the write at a position claims.
    pub fn taken(&self, position: usize) -> Option<&str> {
        let claim = self.identifiers.iter().chain(&self.others).nth(position);
        claim.map(|claim| claim.pointer.as_str())
    }

    fn claimable(&self) -> Condition {
        free_or_of([&self.patient].into_iter().chain(&self.giver))
    }

    fn item(&self, kind: &str, key: &Key, value: &[u8]) -> Result<Item, StoreError> {
        let sealed = self.key.seal(value, &context(key));
        let sealed = sealed.ok_or_else(|| StoreError::corrupt(SEARCH_ENTRY, "it is too long"))?;
        let mut item = key.attributes();
        item.extend([
            ("type".to_owned(), string(kind)),
            ("v".to_owned(), number(1)),
            (ENTRY.to_owned(), AttributeValue::B(Blob::new(sealed))),
        ]);
        if kind == IDENTIFIER {
            item.insert("patient_id".to_owned(), string(&self.patient));
        }
        Ok(item)
    }
}

/// Returns the identifiers of a patient: the system, the value and the pointer. The medical record
/// number has an empty system.
pub fn identifiers(patient: &PatientDetails) -> Vec<(&str, &str, String)> {
    let mrn = patient.mrn.iter().map(|mrn| ("", mrn.expose().as_str(), "/mrn".to_owned()));
    let others = patient.identifiers.iter().enumerate().map(|(at, identifier)| {
        let value = identifier.value.expose().as_str();
        (identifier.system.as_str(), value, format!("/identifiers/{at}"))
    });
    mrn.chain(others).collect()
}

/// Returns the tag of an identifier. A medical record number has an empty system.
pub fn identifier_tag(key: &SearchKey, system: &str, value: &str) -> String {
    // No system contains a line break.
    key.tag("identifier", &format!("{system}\n{value}"))
}

/// Returns the tag of a date of birth, or of the beginning of one: one part for the year, the month
/// and the day each. It is empty without a date.
pub fn birth_tag(key: &SearchKey, date: &str) -> String {
    let mut birth = String::new();
    for part in BIRTH_PARTS.into_iter().filter_map(|length| date.get(..length)) {
        // Writing to a `String` never fails.
        let _ = write!(birth, "{}", &key.tag("birth", part)[..BIRTH_TAG]);
    }
    birth
}

/// Returns the writes that delete all search items and markers of a patient.
pub fn deletes(indexed: &Indexed, patient: &PatientId) -> Vec<Write> {
    let entries = entry_keys(indexed, patient).map(entry_deletion);
    entries.chain(marker_keys(indexed).map(|key| marker_deletion(key, patient))).collect()
}

/// Returns the write that deletes a search item or marker of a patient.
pub fn deletion(item: &Item, key: Key, patient: &PatientId) -> Write {
    if text(item, "type") == Some(IDENTIFIER) {
        marker_deletion(key, patient)
    } else {
        entry_deletion(key)
    }
}

fn entry_deletion(key: Key) -> Write {
    Write::Delete { key, condition: any() }
}

fn marker_deletion(key: Key, patient: &PatientId) -> Write {
    Write::Delete { key, condition: free_or_of([patient]) }
}

/// The condition that an identifier is free, or belongs to one of these patients.
fn free_or_of<'a>(patients: impl IntoIterator<Item = &'a PatientId>) -> Condition {
    let owners = patients.into_iter().map(string).collect();
    Condition::Any(vec![Condition::Absent, Condition::OneOf("patient_id", owners)])
}

/// A condition that always holds: no other patient has this key, and the condition on the patient's
/// item protects against concurrent changes.
fn any() -> Condition {
    let entry = Condition::Equals("type", string(SEARCH_ENTRY));
    Condition::Any(vec![Condition::Absent, entry])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::SearchKeys;

    #[test]
    fn the_tag_of_a_date_begins_with_those_of_its_month_and_year() {
        let keys = SearchKeys::random().of(&"ORG-1".parse().unwrap());
        let tag = |date| birth_tag(&keys[0], date);
        assert_eq!(tag(""), "");
        let day = tag("1984-02-29");
        assert_eq!(day.len(), 9);
        assert!(day.starts_with(&tag("1984-02")) && tag("1984-02").starts_with(&tag("1984")));
        assert_eq!(tag("1984").len(), 3);
        assert_ne!(tag("1984-02-28"), day);
    }
}
