//! A search for patients, and how well a patient matches it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    entry::SearchEntry,
    fold::{fold_email, words_of_query},
    phonetics::Algorithm,
    terms::{Kind, PHONE_DIGITS, Term, last_digits},
};
use crate::{records::patients::model::PartialDate, sensitive::Sensitive};

/// The maximum number of words of a name in a search.
const MAX_WORDS: usize = 10;
/// The minimum length of a word in which two neighbouring letters may be transposed.
const MIN_TRANSPOSED: usize = 3;

/// A search for patients. A patient matches if all its parts do. It has no `Debug`, because all of
/// it may be patient data.
#[derive(Clone, Default)]
#[must_use]
pub struct PatientQuery {
    words: Vec<Word>,
    birth_date: Option<PartialDate>,
    phone: Option<String>,
    email: Option<String>,
    mrn: Option<String>,
    inactive: bool,
}

/// A folded word of a searched name.
#[derive(Clone)]
struct Word {
    text: String,
    sound: Option<String>,
    transposed: Vec<String>,
}

/// How well a patient's name matches a search, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = PatientMatchKind)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// Each word is a whole word of the name, or the search has no name.
    Exact,
    /// Each word is the beginning of a word of the name.
    Prefix,
    /// The same, after two neighbouring letters of one word are swapped.
    Transposed,
    /// Each word sounds like a word of the name.
    Phonetic,
}

impl MatchKind {
    /// Returns the worst kind that is shown together with this one.
    #[must_use]
    pub fn group(self) -> Self {
        self.max(Self::Prefix)
    }
}

/// The reason why a search is invalid: the parameter and the message.
pub type InvalidQuery = (&'static str, &'static str);

impl PatientQuery {
    /// Sets the name. Words match the beginnings of words of the patient's name, in any order.
    pub fn name(mut self, name: &str, phonetics: Algorithm) -> Result<Self, InvalidQuery> {
        let words = words_of_query(name);
        if words.is_empty() {
            return Err(("name", "must contain a letter or a digit"));
        }
        if words.len() > MAX_WORDS {
            return Err(("name", "must have at most 10 words"));
        }
        let word = |text: String| Word {
            sound: phonetics.code(&text),
            transposed: transpositions(&text),
            text,
        };
        self.words = words.into_iter().map(word).collect();
        Ok(self)
    }

    /// Sets the date of birth. A date without a day or month matches all dates within it.
    pub fn birth_date(self, date: PartialDate) -> Self {
        Self { birth_date: Some(date), ..self }
    }

    /// Sets the telephone number, with or without country code, but with at least 7 digits.
    pub fn phone(self, number: &str) -> Result<Self, InvalidQuery> {
        let known = |c: char| c.is_ascii_digit() || c.is_whitespace() || "+()./-".contains(c);
        if !number.chars().all(known) {
            return Err(("phone", "must contain only digits, spaces and + ( ) . / -"));
        }
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        // The trunk prefix, or the prefix of international calls.
        let digits = digits.trim_start_matches('0').to_owned();
        if !(PHONE_DIGITS..=15).contains(&digits.len()) {
            return Err(("phone", "must have 7 to 15 digits, without leading zeros"));
        }
        Ok(Self { phone: Some(digits), ..self })
    }

    /// Sets the e-mail address.
    pub fn email(self, address: &str) -> Self {
        Self { email: Some(fold_email(address.trim())), ..self }
    }

    /// Sets the medical record number.
    pub fn mrn(self, mrn: String) -> Self {
        Self { mrn: Some(mrn), ..self }
    }

    /// Sets whether inactive patients match.
    pub fn inactive(self, inactive: bool) -> Self {
        Self { inactive, ..self }
    }

    /// Returns the searched date of birth.
    pub fn born(&self) -> Option<PartialDate> {
        self.birth_date
    }

    /// Returns the searched medical record number.
    pub fn record_number(&self) -> Option<&str> {
        self.mrn.as_deref()
    }

    /// Returns the most selective term that all matching patients have, unless only names that sound
    /// alike or are misspelled match. Returns `None` for a search without any part.
    pub fn term(&self) -> Option<Term> {
        let email = self.email.as_ref().map(|email| Term::new(Kind::Email, email));
        let phone =
            || self.phone.as_deref().map(|digits| Term::new(Kind::Phone, last_digits(digits)));
        // A word of one letter is found only as a whole, but may be the beginning of another.
        let name = || {
            let word = self.longest_word()?;
            let is_letter = word.text.chars().nth(1).is_none() && self.birth_date.is_some();
            (!is_letter).then(|| Term::prefix_of(&word.text))
        };
        let born = || Some(Term::new(Kind::Born, self.birth_date?.year().to_string()));
        // Few patients are born on one day, and any spelling of their names can be compared.
        let born_on_day =
            || born().filter(|_| self.birth_date.is_some_and(|it| it.day().is_some()));
        email.or_else(phone).or_else(born_on_day).or_else(name).or_else(born)
    }

    /// Returns whether [`Self::term`] is a part of the name, so that other spellings have other
    /// terms.
    pub fn is_by_name(&self) -> bool {
        self.term().is_some_and(|term| matches!(term.kind, Kind::Prefix | Kind::Word))
    }

    /// Returns the term of the patients whose names contain the longest word as a whole.
    pub fn whole_word(&self) -> Option<Term> {
        self.longest_word().map(|word| Term::new(Kind::Word, &word.text))
    }

    /// Returns terms of the patients who match after a transposition: the second longest word, or
    /// each transposition of the only one.
    pub fn transposed_terms(&self) -> Vec<Term> {
        let mut terms: Vec<_> = match self.words_by_length().as_slice() {
            [] => Vec::new(),
            [only] => only.transposed.iter().map(|word| Term::prefix_of(word)).collect(),
            [_, second, ..] => vec![Term::prefix_of(&second.text)],
        };
        terms.sort();
        terms.dedup();
        let read_before = self.term();
        terms.retain(|term| Some(term) != read_before.as_ref());
        terms
    }

    /// Returns the term of the patients whose names contain a word that sounds like the longest one.
    pub fn sound(&self) -> Option<Term> {
        self.longest_word()?.sound.as_ref().map(|code| Term::new(Kind::Sound, code))
    }

    fn longest_word(&self) -> Option<&Word> {
        self.words_by_length().first().copied()
    }

    fn words_by_length(&self) -> Vec<&Word> {
        let mut words: Vec<_> = self.words.iter().collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.text.chars().count()));
        words
    }

    /// Returns how well a patient with these words in the name matches, or `None` if they do not.
    pub fn compare(
        &self,
        patient: &SearchEntry,
        words: &[String],
        phonetics: Algorithm,
    ) -> Option<MatchKind> {
        self.matches_all_but_name(patient).then(|| self.compare_name(words, phonetics)).flatten()
    }

    fn matches_all_but_name(&self, patient: &SearchEntry) -> bool {
        let born = self.birth_date.is_none_or(|wanted| {
            patient.birth_date.as_ref().is_some_and(|date| wanted.contains(*date.expose()))
        });
        let phone = self.phone.as_ref().is_none_or(|digits| {
            patient.phones.iter().any(|phone| phone.expose().ends_with(digits.as_str()))
        });
        let email = self.email.as_ref().is_none_or(|wanted| {
            patient.email.as_ref().is_some_and(|email| fold_email(email.expose()) == *wanted)
        });
        let mrn = self
            .mrn
            .as_ref()
            .is_none_or(|wanted| patient.mrn.as_ref().map(Sensitive::expose) == Some(wanted));
        born && phone && email && mrn && (self.inactive || patient.active)
    }

    fn compare_name(&self, parts: &[String], phonetics: Algorithm) -> Option<MatchKind> {
        let mut worst = MatchKind::Exact;
        let mut transposed = false;
        for word in &self.words {
            let kind = parts.iter().filter_map(|part| word.compare(part)).min();
            let kind = match kind {
                // A second transposition is one too many.
                Some(MatchKind::Transposed) if transposed => None,
                kind => kind,
            };
            transposed |= kind == Some(MatchKind::Transposed);
            let kind = kind.or_else(|| word.sounds_like(parts, phonetics))?;
            worst = worst.max(kind);
        }
        Some(worst)
    }
}

impl Word {
    fn compare(&self, part: &str) -> Option<MatchKind> {
        if part == self.text {
            Some(MatchKind::Exact)
        } else if part.starts_with(&self.text) {
            Some(MatchKind::Prefix)
        } else if self.transposed.iter().any(|word| part.starts_with(word.as_str())) {
            Some(MatchKind::Transposed)
        } else {
            None
        }
    }

    fn sounds_like(&self, parts: &[String], phonetics: Algorithm) -> Option<MatchKind> {
        let sound = self.sound.as_ref()?;
        let alike = |part: &String| phonetics.code(part).as_ref() == Some(sound);
        parts.iter().any(alike).then_some(MatchKind::Phonetic)
    }
}

/// Returns a word with each pair of different neighbouring letters swapped.
fn transpositions(word: &str) -> Vec<String> {
    let letters: Vec<_> = word.chars().collect();
    if letters.len() < MIN_TRANSPOSED {
        return Vec::new();
    }
    let swapped = |at: usize| {
        let mut letters = letters.clone();
        letters.swap(at, at + 1);
        letters.into_iter().collect()
    };
    let differ = |at: &usize| letters[*at] != letters[at + 1];
    (0..letters.len() - 1).filter(differ).map(swapped).collect()
}
