//! What two records of the same person have in common.

use super::{
    entry::SearchEntry,
    terms::{Kind, Term, last_digits, longest_word, words},
};
use crate::{
    records::patients::model::{PartialDate, PatientDetails, PersonName},
    sensitive::Sensitive,
};

/// What a possible duplicate has in common with a patient: all words of the name, and the date of
/// birth or the preferred telephone number. It has no `Debug`, because it is patient data.
pub struct Duplicate<'a> {
    words: Vec<String>,
    born: Option<PartialDate>,
    phone: Option<&'a str>,
}

impl<'a> Duplicate<'a> {
    /// Returns what a duplicate of this patient has in common with them.
    pub fn of(patient: &'a PatientDetails) -> Self {
        Self {
            words: sorted_words(&patient.name),
            born: patient.birth_date.as_ref().map(|date| *date.expose()),
            phone: patient.phones.first().map(|phone| phone.value.expose().as_str()),
        }
    }

    /// Returns the names of the compared fields, as a search names them.
    pub fn fields(&self) -> Vec<&'static str> {
        let given = [("birth_date", self.born.is_some()), ("phone", self.phone.is_some())];
        let given = given.into_iter().filter_map(|(name, given)| given.then_some(name));
        ["name"].into_iter().chain(given).collect()
    }

    /// Returns the terms under which duplicates are found, at most two, each with the date of birth
    /// that they must also have.
    pub fn terms(&self) -> Vec<(Term, Option<PartialDate>)> {
        let Some(word) = longest_word(&self.words) else { return Vec::new() };
        let born = self.born.map(|date| (word, Some(date)));
        let phone = self.phone.map(|number| (Term::new(Kind::Phone, last_digits(number)), None));
        born.into_iter().chain(phone).collect()
    }

    /// Returns whether a patient may be a duplicate. A merged one is known to be one.
    pub fn matches(&self, patient: &SearchEntry) -> bool {
        let born = patient.birth_date.as_ref().map(|date| *date.expose());
        let same_birth = self.born.is_some() && self.born == born;
        let mut phones = patient.phones.iter().map(Sensitive::expose);
        let same_phone = self.phone.is_some_and(|number| phones.any(|phone| phone == number));
        let is_same = (same_birth || same_phone) && patient.merged_into.is_none();
        is_same && sorted_words(&patient.name) == self.words
    }
}

fn sorted_words(name: &PersonName) -> Vec<String> {
    let mut words = words(name);
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        id::PatientId,
        records::patients::model::{Patient, PatientRecord},
    };

    fn details(json: Value) -> PatientDetails {
        serde_json::from_value(json).unwrap()
    }

    fn matches(one: Value, other: Value) -> bool {
        let record = PatientRecord { id: PatientId::random(), details: details(other) };
        Duplicate::of(&details(one)).matches(&SearchEntry::from(&Patient::new(record)))
    }

    #[test]
    fn a_duplicate_has_the_same_name_and_the_same_birth_or_phone() {
        let name = json!({ "family": "Müller", "given": ["Ida"] });
        let with = |more: Value| {
            let mut patient = json!({ "name": name });
            patient.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            patient
        };
        let (first, second) = ("+41795551234", "+41445550000");
        let born = with(json!({ "birth_date": "1984-02-29" }));
        let phone = with(json!({ "phones": [{ "value": first }, { "value": second }] }));
        let other_spelling = json!({ "name": "Ida MUELLER", "birth_date": "1984-02-29" });
        let swapped = with(json!({ "phones": [{ "value": second }, { "value": first }] }));
        for (one, other, expected) in [
            (&born, &born, true),
            (&born, &other_spelling, true),
            (&phone, &phone, true),
            (&phone, &swapped, true),
            (&born, &with(json!({ "birth_date": "1984-02" })), false),
            (&born, &with(json!({ "birth_date": "1985-02-28" })), false),
            (&born, &json!({ "name": "Ida", "birth_date": "1984-02-29" }), false),
            (&born, &json!({ "name": "Ida B Müller", "birth_date": "1984-02-29" }), false),
            (&phone, &with(json!({ "phones": [{ "value": second }] })), false),
            (&born, &phone, false),
            (&with(json!({})), &with(json!({})), false),
        ] {
            assert_eq!(matches(one.clone(), other.clone()), expected, "{one} {other}");
        }
    }

    #[test]
    fn duplicates_are_found_by_at_most_two_terms() {
        let all = details(json!({
            "name": { "family": "Example", "given": ["Ida"] }, "birth_date": "1984",
            "phones": [{ "value": "+41795551234" }, { "value": "+41445550000" }],
        }));
        let terms = Duplicate::of(&all).terms();
        let terms: Vec<_> = terms.iter().map(|(term, _)| (term.kind, term.text.as_str())).collect();
        assert_eq!(terms, [(Kind::Word, "example"), (Kind::Phone, "5551234")]);
        assert_eq!(Duplicate::of(&all).fields(), ["name", "birth_date", "phone"]);
        let only_name = details(json!({ "name": "Ida Example" }));
        assert!(Duplicate::of(&only_name).terms().is_empty());
    }
}
