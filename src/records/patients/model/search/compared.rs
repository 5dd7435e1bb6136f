//! The words of a patient's name with which a search is compared.

use std::sync::OnceLock;

use super::{
    neighbours::{joined_words, parts},
    phonetics::Algorithm,
    terms::words,
};
use crate::records::patients::model::PersonName;

/// The words of a patient's name with which a search is compared. They are patient data, so it has
/// no `Debug`.
pub struct ComparedName {
    /// The words, those that hyphens and apostrophes join also in parts, and neighbours joined.
    pub words: Vec<String>,
    /// The words of the title.
    pub titles: Vec<String>,
    /// The phonetic codes of the words, once they are needed.
    sounds: OnceLock<Vec<String>>,
}

impl ComparedName {
    /// Returns the phonetic codes of the words.
    pub fn sounds(&self, phonetics: Algorithm) -> &[String] {
        let codes = || self.words.iter().filter_map(|word| phonetics.code(word)).collect();
        self.sounds.get_or_init(codes)
    }
}

impl From<&PersonName> for ComparedName {
    fn from(name: &PersonName) -> Self {
        let mut all = words(name);
        all.extend(name.family.iter().chain(&name.given).chain(&name.text).flat_map(parts));
        all.extend(joined_words(name));
        all.sort_unstable();
        all.dedup();
        let titles = name.prefix.iter().flat_map(parts).collect();
        Self { words: all, titles, sounds: OnceLock::new() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn name(json: Value) -> PersonName {
        from_value(json).unwrap()
    }

    #[test]
    fn a_name_is_compared_in_parts_too_and_with_its_title() {
        let compared = ComparedName::from(&name(json!({
            "family": "O'Brien", "given": ["Anna-Lena"], "prefix": "Prof. Dr.",
        })));
        assert_eq!(compared.words, ["anna", "annalena", "brien", "lena", "o", "obrien"]);
        assert_eq!(compared.titles, ["prof", "dr"]);
    }

    #[test]
    fn a_name_of_many_words_is_compared_in_bounds() {
        let words = vec!["a-b".repeat(16); 6];
        let compared =
            ComparedName::from(&name(json!({ "family": "c ".repeat(50), "given": words })));
        assert!(compared.words.len() < 200, "{}", compared.words.len());
    }
}
