//! What earlier lines of an import have in common with a line, as hashes.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use super::fault::Fault;
use crate::records::patients::{
    model::{PatientDetails, search::terms},
    repo::identifiers,
};

type Hash = [u8; 32];

/// What earlier lines have.
#[derive(Default)]
pub struct Seen {
    lines: HashMap<Hash, u64>,
    identifiers: HashMap<Hash, u64>,
    people: HashSet<Hash>,
}

impl Seen {
    /// Adds a line. Returns how many lines with this content there were before.
    pub fn repetitions(&mut self, content: &str) -> u64 {
        let count = self.lines.entry(hash(&[content])).or_default();
        *count += 1;
        *count - 1
    }

    /// Returns the faults for identifiers that a line before has.
    pub fn repeated(&self, patient: &PatientDetails) -> Vec<Fault> {
        let repeated = identifiers(patient).into_iter().filter_map(|(system, value, pointer)| {
            let before = self.identifiers.get(&hash(&[system, value]))?;
            Some(Fault::at(&pointer, format!("is also in line {before}")))
        });
        repeated.collect()
    }

    /// Adds the identifiers of a patient who is imported.
    pub fn claim(&mut self, patient: &PatientDetails, line: u64) {
        for (system, value, _) in identifiers(patient) {
            self.identifiers.entry(hash(&[system, value])).or_insert(line);
        }
    }

    /// Adds a person. Returns whether a line before may be the same one, by the rule of
    /// `POST /v1/patients`: all words of the name, and the date of birth or the preferred telephone
    /// number.
    pub fn is_possible_duplicate(&mut self, patient: &PatientDetails) -> bool {
        let mut words = terms::words(&patient.name);
        words.sort_unstable();
        let name = words.join(" ");
        let born = patient.birth_date.as_ref().map(|date| date.expose().to_string());
        let born = born.map(|born| hash(&[&name, "born", &born]));
        let phones =
            patient.phones.iter().map(|phone| hash(&[&name, "phone", phone.value.expose()]));
        let phones: Vec<_> = phones.collect();
        let found = born.iter().chain(phones.first()).any(|hash| self.people.contains(hash));
        self.people.extend(born.into_iter().chain(phones));
        found
    }
}

/// Returns the hash of texts of which only the last one may have line breaks.
fn hash(parts: &[&str]) -> Hash {
    Sha256::digest(parts.join("\n")).into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn details(json: Value) -> PatientDetails {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn equal_lines_are_counted() {
        let mut seen = Seen::default();
        let counts = ["a", "b", "a", "a"].map(|line| seen.repetitions(line));
        assert_eq!(counts, [0, 0, 1, 2]);
    }

    #[test]
    fn an_identifier_belongs_to_the_first_line_that_is_imported() {
        let mut seen = Seen::default();
        let other = json!([{ "system": "urn:a", "value": "1" }]);
        let patient =
            |mrn: &str| details(json!({ "name": "Ida", "mrn": mrn, "identifiers": other }));
        assert_eq!(seen.repeated(&patient("A-1")), []);
        seen.claim(&patient("A-1"), 3);
        seen.claim(&patient("A-1"), 4);
        let expected = [Fault::at("/identifiers/0", "is also in line 3")];
        assert_eq!(seen.repeated(&patient("A-2")), expected);
        assert_eq!(seen.repeated(&patient("A-1")).len(), 2);
    }

    #[test]
    fn a_possible_duplicate_has_the_name_and_the_date_of_birth_or_preferred_phone() {
        let (first, second) = ("+41795551234", "+41445550000");
        let phones = |numbers: &[&str]| {
            numbers.iter().map(|number| json!({ "value": number })).collect::<Vec<_>>()
        };
        let before = json!({
            "name": { "family": "Example", "given": ["Ida"] }, "birth_date": "1984-02-29",
            "phones": phones(&[first, second]),
        });
        for (patient, expected) in [
            (json!({ "name": "Ida Example", "birth_date": "1984-02-29" }), true),
            (json!({ "name": "Ida EXAMPLE", "phones": phones(&[second]) }), true),
            (json!({ "name": "Ida Example", "phones": phones(&["+41445550001", first]) }), false),
            (json!({ "name": "Ida Example", "birth_date": "1984-02" }), false),
            (json!({ "name": "Ida B Example", "birth_date": "1984-02-29" }), false),
            (json!({ "name": "Ida Example" }), false),
        ] {
            let mut seen = Seen::default();
            assert!(!seen.is_possible_duplicate(&details(before.clone())));
            assert_eq!(
                seen.is_possible_duplicate(&details(patient.clone())),
                expected,
                "{patient}"
            );
        }
    }
}
