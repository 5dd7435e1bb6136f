//! A search for patients.

use super::{
    compare::{self, MatchKind, Word, words_of},
    compared::ComparedName,
    entry::SearchEntry,
    fold::fold_email,
    phonetics::Algorithm,
    terms::{Kind, PHONE_DIGITS, Term, last_digits},
};
use crate::{
    records::patients::model::PartialDate,
    sensitive::Sensitive,
    validation::{TRUNK_PREFIX, without_separators},
};

/// The maximum number of words of a name in a search.
const MAX_SEARCHED_WORDS: usize = 10;
/// The maximum number of pairs of words that are searched as one word, because each is a Query.
const MAX_JOINED_TERMS: usize = 3;
/// The maximum length of a word that is likely a part of the next one: `O Brien`, `Mc Donald`.
const MAX_PARTICLE: usize = 2;

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

/// The reason why a search is invalid: the parameter and the message.
pub type InvalidQuery = (&'static str, &'static str);

impl PatientQuery {
    /// Sets the name. Words match the beginnings of words of the patient's name, in any order.
    pub fn name(self, name: &str, phonetics: Algorithm) -> Result<Self, InvalidQuery> {
        let words = words_of(name, phonetics);
        if words.is_empty() {
            return Err(("name", "must contain a letter or a digit"));
        }
        if words.len() > MAX_SEARCHED_WORDS {
            return Err(("name", "must have at most 10 words"));
        }
        Ok(Self { words, ..self })
    }

    /// Sets the date of birth. A date without a day or month matches all dates within it.
    pub fn birth_date(self, date: PartialDate) -> Self {
        Self { birth_date: Some(date), ..self }
    }

    /// Sets the telephone number, with or without country code, but with at least 7 digits.
    pub fn phone(self, number: &str) -> Result<Self, InvalidQuery> {
        let number = without_separators(number);
        // What follows the trunk prefix ends the number in every country.
        let number = match number.rsplit_once(TRUNK_PREFIX) {
            Some((_, national)) => without_separators(national),
            None => number,
        };
        let digits = number.strip_prefix('+').unwrap_or(&number);
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(("phone", "must contain only digits, a + before them, and separators"));
        }
        // The trunk prefix, or the prefix of international calls.
        let digits = digits.trim_start_matches('0');
        if !(PHONE_DIGITS..=15).contains(&digits.len()) {
            return Err(("phone", "must have 7 to 15 digits, without leading zeros"));
        }
        Ok(Self { phone: Some(digits.to_owned()), ..self })
    }

    /// Sets the e-mail address.
    pub fn email(self, address: &str) -> Self {
        Self { email: Some(fold_email(address)), ..self }
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

    /// Returns the term that is likely the rarest of those that all matching patients have, unless
    /// only other spellings of the name match. Returns `None` for a search without any part.
    pub fn term(&self) -> Option<Term> {
        if let Some(email) = &self.email {
            return Some(Term::new(Kind::Email, email));
        }
        if let Some(digits) = &self.phone {
            return Some(Term::new(Kind::Phone, last_digits(digits)));
        }
        let Some(date) = self.birth_date else {
            return self.longest_word().map(|word| Term::prefix_of(&word.text));
        };
        let born = Term::new(Kind::Born, date.year().to_string());
        match self.longest_word() {
            // Few patients are born on one day, and any spelling of their names can be compared.
            _ if date.day().is_some() => Some(born),
            // A word of one letter is found only as a whole, but may be the beginning of another.
            Some(word) if word.text.chars().count() > 1 => Some(Term::prefix_of(&word.text)),
            _ => Some(born),
        }
    }

    /// Returns whether [`Self::term`] is a part of the name. Then patients whose names are spelled
    /// otherwise do not have it.
    pub fn is_by_name(&self) -> bool {
        self.term().is_some_and(|term| matches!(term.kind, Kind::Prefix | Kind::Word))
    }

    /// Returns the term of the patients whose names contain the longest word as a whole.
    pub fn whole_word(&self) -> Option<Term> {
        self.longest_word().map(|word| Term::new(Kind::Word, &word.text))
    }

    /// Returns the terms of the patients whose names contain two neighbouring words of the search as
    /// one word, if the search is spelled as if they were parts of one: `Hans-Peter`, `O Brien`.
    pub fn parts_joined(&self) -> Vec<Term> {
        self.joined(|word| word.has_hyphen || word.text.chars().count() <= MAX_PARTICLE)
    }

    /// Returns the terms of the patients whose names contain any two neighbouring words of the
    /// search as one word.
    pub fn words_joined(&self) -> Vec<Term> {
        self.joined(|_| true)
    }

    fn joined(&self, is_wanted: impl Fn(&Word) -> bool) -> Vec<Term> {
        let wanted = self.words.iter().filter(|word| is_wanted(word));
        let joined = wanted.filter_map(|word| word.joined.first()).take(MAX_JOINED_TERMS);
        joined.map(|two| Term::prefix_of(two)).collect()
    }

    /// Returns terms of the patients who match after a transposition. Only one word can be
    /// transposed. So of several words, the longest or the second longest is spelled correctly, and
    /// [`Self::term`] is of the longest. The only word of a search can be any of its transpositions.
    pub fn transposed_terms(&self) -> Vec<Term> {
        match self.words_by_length().as_slice() {
            [] => Vec::new(),
            [only] => only.transposed.iter().map(|word| Term::prefix_of(word)).collect(),
            [_, second, ..] => vec![Term::prefix_of(&second.text)],
        }
    }

    /// Returns the term of the patients whose names contain a word that sounds like the longest one.
    pub fn sound(&self) -> Option<Term> {
        self.longest_word()?.sound.as_ref().map(|code| Term::new(Kind::Sound, code))
    }

    fn longest_word(&self) -> Option<&Word> {
        self.words_by_length().first().copied()
    }

    /// Returns the words that have terms, the longest first. Titles have none.
    fn words_by_length(&self) -> Vec<&Word> {
        let mut words: Vec<_> = self.words.iter().filter(|word| !word.is_title).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.text.chars().count()));
        words
    }

    /// Returns how well a patient with this name matches, or `None` if they do not.
    pub fn compare(
        &self,
        patient: &SearchEntry,
        name: &ComparedName,
        phonetics: Algorithm,
    ) -> Option<MatchKind> {
        let others_match = self.matches_all_but_name(patient);
        others_match.then(|| compare::compare(&self.words, name, phonetics)).flatten()
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_name(name: &str) -> PatientQuery {
        let query = PatientQuery::default().name(name, Algorithm::Cologne);
        query.unwrap_or_else(|(_, why)| panic!("{name} {why}"))
    }

    fn texts(terms: Vec<Term>) -> Vec<String> {
        terms.into_iter().map(|term| term.text).collect()
    }

    #[test]
    fn a_phone_is_compared_by_its_digits() {
        let digits = |number: &str| PatientQuery::default().phone(number).map(|it| it.phone);
        for (number, expected) in [
            ("+41 79 555 12 34", "41795551234"),
            ("tel:+41-79-555-12-34", "41795551234"),
            ("0041 79 555 12 34", "41795551234"),
            ("079/555.12.34", "795551234"),
            ("+41 (0)79 555 12 34", "795551234"),
            ("+39 ( 0 ) 6 1234 5678", "612345678"),
            ("(0)79–555—12 34", "795551234"),
            ("\u{202a}+41\u{a0}79\u{202f}555\u{2011}1234\u{202c}", "41795551234"),
        ] {
            assert!(digits(number) == Ok(Some(expected.to_owned())), "{number}");
        }
        for bad in [
            "",
            "555123",
            "0 555 123",
            "+41 (0)79 555",
            "5551234x1",
            "+1+5551234",
            "1234567890123456",
        ] {
            assert!(digits(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_rarest_term_is_read() {
        let month: PartialDate = "1984-02".parse().unwrap();
        let day: PartialDate = "1984-02-29".parse().unwrap();
        for (query, kind, text) in [
            (by_name("ida example"), Kind::Prefix, "exampl"),
            (by_name("i"), Kind::Word, "i"),
            (by_name("prof ida"), Kind::Prefix, "ida"),
            (by_name("prof"), Kind::Prefix, "prof"),
            (by_name("ida").birth_date(month), Kind::Prefix, "ida"),
            (by_name("i").birth_date(month), Kind::Born, "1984"),
            (by_name("ida").birth_date(day), Kind::Born, "1984"),
            (by_name("ida").birth_date(day).email("A@example.org"), Kind::Email, "a@example.org"),
            (PatientQuery::default().birth_date(month), Kind::Born, "1984"),
        ] {
            let term = query.term().unwrap();
            assert_eq!((term.kind, term.text.as_str()), (kind, text));
            assert_eq!(query.is_by_name(), matches!(kind, Kind::Prefix | Kind::Word));
        }
        assert!(PatientQuery::default().term().is_none());
    }

    #[test]
    fn other_spellings_have_other_terms() {
        let query = by_name("O Brien Hans-Peter Max");
        assert_eq!(texts(query.parts_joined()), ["obrien", "hanspe"]);
        assert_eq!(texts(query.words_joined()), ["obrien", "brienh", "hanspe"]);
        assert_eq!(texts(query.transposed_terms()), ["pete"]);
        assert_eq!(texts(by_name("Frau Meuller").transposed_terms()).len(), 5);
        assert!(texts(by_name("meuller").transposed_terms()).contains(&"muller".to_owned()));
        assert!(texts(by_name("ida").words_joined()).is_empty());
    }
}
