//! The terms under which a patient is found.

use std::collections::BTreeSet;

use super::{
    fold::{fold_email, words_of_name},
    neighbours::joined_words,
    phonetics::Algorithm,
};
use crate::{
    records::patients::model::{PatientDetails, PersonName},
    sensitive::Sensitive,
};

/// The maximum number of words of a name that are indexed.
const MAX_INDEXED_WORDS: usize = 6;
/// The maximum number of terms of a name: those of its words. Joined words have terms only if there
/// is room, so that they do not make the transaction larger.
const MAX_TERMS_OF_NAME: usize = MAX_INDEXED_WORDS * (PREFIXES.len() + 2);
/// The maximum number of words of a name that are compared.
const MAX_COMPARED_WORDS: usize = 20;
/// The lengths of indexed beginnings of words, in characters.
const PREFIXES: [usize; 4] = [2, 3, 4, 6];
/// The number of digits at the end of a telephone number that are indexed.
pub const PHONE_DIGITS: usize = 7;

/// A term under which a patient is found. It may be patient data, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// The kind of the term.
    pub kind: Kind,
    /// The folded text.
    pub text: String,
}

/// The kind of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The beginning of a word of the name.
    Prefix,
    /// A whole word of the name.
    Word,
    /// The phonetic code of a word of the name.
    Sound,
    /// The year of birth.
    Born,
    /// The last digits of a telephone number.
    Phone,
    /// An e-mail address.
    Email,
}

impl Kind {
    /// Returns the kind's name in tags. Stored tags depend on it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::Word => "word",
            Self::Sound => "sound",
            Self::Born => "born",
            Self::Phone => "phone",
            Self::Email => "email",
        }
    }
}

impl Term {
    pub(super) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Returns the longest indexed beginning of a word, or the whole word if it has one character.
    pub(super) fn prefix_of(word: &str) -> Self {
        match prefixes(word).last() {
            Some(prefix) => Self::new(Kind::Prefix, prefix),
            None => Self::new(Kind::Word, word),
        }
    }
}

/// Returns the indexed beginnings of a word, the shortest first.
fn prefixes(word: &str) -> impl DoubleEndedIterator<Item = &str> {
    let of_length = |length: &usize| {
        let last = word.char_indices().nth(length - 1)?;
        Some(&word[..last.0 + last.1.len_utf8()])
    };
    PREFIXES.iter().filter_map(of_length)
}

/// Returns the distinct folded words of a name, the family name first: at most 20.
pub fn words(name: &PersonName) -> Vec<String> {
    let texts = name.family.iter().chain(&name.given).chain(&name.text).map(Sensitive::expose);
    let mut words: Vec<String> = Vec::new();
    for word in texts.flat_map(|text| words_of_name(text)) {
        if !words.contains(&word) {
            words.push(word);
        }
        if words.len() == MAX_COMPARED_WORDS {
            break;
        }
    }
    words
}

/// Returns the words of a name that are indexed: all, or the longest ones of a long name.
fn indexed_words(name: &PersonName) -> Vec<String> {
    let mut words = words(name);
    words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    words.truncate(MAX_INDEXED_WORDS);
    words
}

/// Returns the term of the longest word of a name, which is always indexed.
pub(super) fn longest_word(words: &[String]) -> Option<Term> {
    let longest = words.iter().min_by_key(|word| std::cmp::Reverse(word.chars().count()));
    longest.map(|word| Term::new(Kind::Word, word))
}

/// Returns the last digits of a telephone number that are indexed.
pub fn last_digits(number: &str) -> &str {
    &number[number.len().saturating_sub(PHONE_DIGITS)..]
}

/// Returns all terms of a patient: at most 42 (36 of the name, the year of birth, 4 telephone
/// numbers, the e-mail address).
pub fn terms(patient: &PatientDetails, phonetics: Algorithm) -> BTreeSet<Term> {
    let mut terms = BTreeSet::new();
    for word in indexed_words(&patient.name) {
        terms.extend(prefixes(&word).map(|prefix| Term::new(Kind::Prefix, prefix)));
        terms.extend(phonetics.code(&word).map(|code| Term::new(Kind::Sound, code)));
        terms.insert(Term::new(Kind::Word, word));
    }
    // What a search for the joined words reads.
    for word in joined_words(&patient.name) {
        if terms.len() < MAX_TERMS_OF_NAME {
            terms.insert(Term::prefix_of(&word));
        }
    }
    let born = patient.birth_date.as_ref().map(|date| date.expose().year());
    terms.extend(born.map(|year| Term::new(Kind::Born, year.to_string())));
    let phones = patient.phones.iter().map(|phone| last_digits(phone.value.expose()));
    terms.extend(phones.map(|digits| Term::new(Kind::Phone, digits)));
    let email = patient.email.iter().map(|email| fold_email(email.expose()));
    terms.extend(email.map(|email| Term::new(Kind::Email, email)));
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: serde_json::Value) -> Vec<(Kind, String)> {
        let patient: PatientDetails = serde_json::from_value(json).unwrap();
        let terms = terms(&patient, Algorithm::DoubleMetaphone);
        terms.into_iter().map(|term| (term.kind, term.text)).collect()
    }

    #[test]
    fn a_patient_has_one_term_per_beginning_word_sound_date_and_contact() {
        let terms = of(serde_json::json!({
            "name": { "family": "Example", "given": ["Ida"] },
            "birth_date": "1984-02-29",
            "phones": [{ "value": "+41795551234" }],
            "email": "Ida@Example.org",
        }));
        let texts = |wanted: Kind| {
            let of_kind = terms.iter().filter(|(kind, _)| *kind == wanted);
            of_kind.map(|(_, text)| text.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(texts(Kind::Prefix), ["ex", "exa", "exam", "exampl", "id", "ida"]);
        assert_eq!(texts(Kind::Word), ["example", "ida"]);
        assert_eq!(texts(Kind::Sound).len(), 2);
        assert_eq!(texts(Kind::Born), ["1984"]);
        assert_eq!(texts(Kind::Phone), ["5551234"]);
        assert_eq!(texts(Kind::Email), ["ida@example.org"]);
    }

    #[test]
    fn a_long_name_has_a_bounded_number_of_terms() {
        let given: Vec<_> = ["Alpha", "Bravoo", "Charlie", "Deltaa", "Echoechoo", "Foxtrot"].into();
        let terms = of(serde_json::json!({
            "name": { "family": "Aa-Bbbbbbb-Ccccccccc Dddddddddddd Eee Fffff Ggg", "given": given },
            "birth_date": "1984",
            "phones": [{ "value": "+4179555123" }, { "value": "+4179555124" }, { "value": "+4179555125" }, { "value": "+4179555126" }],
            "email": "a@example.org",
        }));
        assert!(terms.len() <= 42, "{}", terms.len());
        assert!(terms.contains(&(Kind::Word, "dddddddddddd".to_owned())));
        assert!(!terms.iter().any(|(_, text)| text == "alpha"));
    }

    #[test]
    fn neighbouring_words_are_found_as_one() {
        let added = |name: serde_json::Value| {
            let terms = of(serde_json::json!({ "name": name }));
            let own =
                |text: &str| ["o", "brien", "anna", "maria"].iter().any(|it| it.starts_with(text));
            let added =
                terms.into_iter().filter(|(kind, text)| *kind == Kind::Prefix && !own(text));
            added.map(|(_, text)| text).collect::<Vec<_>>()
        };
        assert_eq!(
            added(serde_json::json!({ "family": "O Brien", "given": ["Anna"] })),
            ["obrien"]
        );
        assert_eq!(
            added(serde_json::json!({ "family": "Brien", "given": ["Anna", "Maria"] })),
            ["annama"]
        );
        assert_eq!(added(serde_json::json!("Maria O Brien")), ["mariao", "obrien"]);
        let cruz = of(serde_json::json!({ "name": { "family": "de la Cruz" } }));
        for text in ["dela", "delacr", "lacruz"] {
            assert!(cruz.contains(&(Kind::Prefix, text.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_word_of_one_letter_is_found_as_a_whole() {
        assert!(Term::prefix_of("王") == Term::new(Kind::Word, "王"));
        assert!(Term::prefix_of("exam") == Term::new(Kind::Prefix, "exam"));
        assert!(Term::prefix_of("examp") == Term::new(Kind::Prefix, "exam"));
        assert!(Term::prefix_of("examples") == Term::new(Kind::Prefix, "exampl"));
    }
}
