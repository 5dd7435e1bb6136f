//! How well the words of a search match a name.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    compared::ComparedName,
    fold::{QueryWord, fold, joined, words_of_query},
    neighbours::MAX_JOINED,
    phonetics::Algorithm,
    titles::is_title,
};

/// The minimum length of a word in which two neighbouring letters may be transposed.
const MIN_TRANSPOSED: usize = 3;

/// How well a patient's name matches a search, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = PatientMatchKind)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// Each word is a whole word of the name or its title, or the search has no name.
    Exact,
    /// Each word is the beginning of a word of the name.
    Prefix,
    /// The same without titles of the search that the patient does not have.
    WithoutTitle,
    /// The same, after two neighbouring letters of one word are swapped.
    Transposed,
    /// Each word sounds like a word of the name.
    Phonetic,
}

impl MatchKind {
    /// Returns the worst kind that is shown together with this one.
    #[must_use]
    pub fn group(self) -> Self {
        self.max(Self::WithoutTitle)
    }
}

/// A folded word of a searched name.
#[derive(Clone)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Its phonetic code.
    pub sound: Option<String>,
    /// The word with two neighbouring letters swapped, for each two.
    pub transposed: Vec<String>,
    /// The word joined with the next one, and with the next two.
    pub joined: Vec<String>,
    /// Whether the word is a title before a name: another word of the search is none.
    pub is_title: bool,
    /// Whether a hyphen joins the word to the next one.
    pub has_hyphen: bool,
}

/// Returns the words of a searched name.
pub fn words_of(name: &str, phonetics: Algorithm) -> Vec<Word> {
    let words = words_of_query(name);
    let texts: Vec<_> = words.iter().map(|word| word.text.clone()).collect();
    // Of titles only, the last is a name: `Dr. Herr`.
    let name =
        texts.iter().rposition(|text| !is_title(text)).unwrap_or(texts.len().saturating_sub(1));
    let word = |(at, QueryWord { text, with_umlaut_e, has_hyphen }): (usize, QueryWord)| {
        let lengths = 2..=MAX_JOINED.min(texts.len() - at);
        Word {
            sound: phonetics.code(&text),
            transposed: transpositions(&with_umlaut_e),
            joined: lengths.map(|length| joined(&texts[at..at + length])).collect(),
            is_title: at != name && is_title(&text),
            has_hyphen,
            text,
        }
    };
    words.into_iter().enumerate().map(word).collect()
}

/// Returns how well a name matches the words of a search, or `None` if it does not.
pub fn compare(words: &[Word], name: &ComparedName, phonetics: Algorithm) -> Option<MatchKind> {
    // How well the words from each position on match: without and with a transposition.
    let mut best = vec![[None; 2]; words.len()];
    best.push([Some(MatchKind::Exact); 2]);
    for (at, word) in words.iter().enumerate().rev() {
        let with_rest = |kind: MatchKind, rest: Option<MatchKind>| Some(kind.max(rest?));
        let kind = word.compare(name, phonetics);
        let is_transposed =
            kind.is_none_or(|kind| kind > MatchKind::Transposed) && word.is_transposed(name);
        let joined: Vec<_> = word.joined.iter().map(|it| as_spelled(it, &name.words)).collect();
        best[at] = [0, 1].map(|transpositions| {
            let alone = kind.and_then(|kind| with_rest(kind, best[at + 1][transpositions]));
            let transposed = (is_transposed && transpositions == 1)
                .then(|| with_rest(MatchKind::Transposed, best[at + 1][0]))
                .flatten();
            let joined = joined.iter().zip(&best[at + 2..]);
            let joined =
                joined.filter_map(|(kind, rest)| with_rest((*kind)?, rest[transpositions]));
            alone.into_iter().chain(transposed).chain(joined).min()
        });
    }
    best[0][1]
}

/// Returns how well the spelling of a word matches the words of a name.
fn as_spelled(text: &str, words: &[String]) -> Option<MatchKind> {
    let kind = |word: &String| match word.strip_prefix(text)? {
        "" => Some(MatchKind::Exact),
        _ => Some(MatchKind::Prefix),
    };
    words.iter().filter_map(kind).min()
}

impl Word {
    /// Returns how well the word matches a name without a transposition.
    fn compare(&self, name: &ComparedName, phonetics: Algorithm) -> Option<MatchKind> {
        if name.titles.contains(&self.text) {
            return Some(MatchKind::Exact);
        }
        as_spelled(&self.text, &name.words)
            .or_else(|| self.is_title.then_some(MatchKind::WithoutTitle))
            .or_else(|| self.sounds_like(name, phonetics).then_some(MatchKind::Phonetic))
    }

    fn is_transposed(&self, name: &ComparedName) -> bool {
        self.transposed.iter().any(|text| as_spelled(text, &name.words).is_some())
    }

    fn sounds_like(&self, name: &ComparedName, phonetics: Algorithm) -> bool {
        self.sound.as_ref().is_some_and(|sound| name.sounds(phonetics).contains(sound))
    }
}

/// Returns a word with each pair of different neighbouring letters swapped, folded. Letters are
/// swapped before `ae`, `oe` and `ue` are folded, so that `Meuller` becomes `Mueller`.
fn transpositions(word: &str) -> Vec<String> {
    let letters: Vec<_> = word.chars().collect();
    if letters.len() < MIN_TRANSPOSED {
        return Vec::new();
    }
    let swapped = |at: usize| {
        let mut letters = letters.clone();
        letters.swap(at, at + 1);
        fold(&letters.into_iter().collect::<String>())
    };
    let differ = |at: &usize| letters[*at] != letters[at + 1];
    (0..letters.len() - 1).filter(differ).map(swapped).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;
    use crate::records::patients::model::PersonName;

    /// How well a name matches a search, as the name of the kind.
    fn matched(name: &Value, query: &str) -> Option<MatchKind> {
        let name: PersonName = from_value(name.clone()).unwrap();
        let phonetics = Algorithm::Cologne;
        compare(&words_of(query, phonetics), &ComparedName::from(&name), phonetics)
    }

    #[test]
    fn spellings_in_one_word_or_two_are_the_same_name() {
        for spellings in [
            &["Jean-Luc", "Jean Luc", "Jeanluc", "jean\u{2011}luc"][..],
            &["O'Brien", "O Brien", "OBrien", "O\u{2019}Brien", "o' brien"],
            &["Hans-Peter", "Hans Peter", "Hanspeter"],
            &["Anna-Elisa", "Anna Elisa", "Annaelisa"],
            &["von der Leyen", "vonderleyen", "Von der-Leyen", "vonder Leyen"],
            &["de la Cruz", "Dela Cruz", "Delacruz", "de Lacruz"],
        ] {
            for stored in spellings {
                for typed in spellings {
                    for name in [
                        json!({ "family": stored, "given": ["Ida"] }),
                        json!({ "family": "Ida", "given": [stored] }),
                        json!({ "text": format!("Ida {stored}") }),
                    ] {
                        let query = format!("ida {typed}");
                        assert_eq!(
                            matched(&name, &query),
                            Some(MatchKind::Exact),
                            "{name} {query}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_match_is_as_good_as_its_worst_word() {
        use MatchKind::{Exact, Phonetic, Prefix, Transposed, WithoutTitle};
        let anna =
            json!({ "family": "Müller", "given": ["Anna-Lena", "Sophie"], "prefix": "Prof. Dr." });
        for (query, expected) in [
            ("Anna-Lena", Some(Exact)),
            ("lena anna muller", Some(Exact)),
            ("Anna-Le", Some(Prefix)),
            ("annal", Some(Prefix)),
            ("annalenaso", Some(Prefix)),
            ("lena soph", Some(Prefix)),
            ("lenasophie müller", Some(Exact)),
            ("sophieanna", None),
            ("müllerannalena", None),
            ("prof müller", Some(Exact)),
            ("Prof. Dr. Anna Müller", Some(Exact)),
            ("mag müller", Some(WithoutTitle)),
            ("Frau Dr. Anna Mü", Some(WithoutTitle)),
            ("Müller, Frau Anna", Some(WithoutTitle)),
            ("dr", Some(Exact)),
            ("d muller", None),
            ("frau", None),
            ("Meuller", Some(Transposed)),
            ("Frau Meuller", Some(Transposed)),
            ("Muleler", Some(Transposed)),
            ("anan mueller", Some(Transposed)),
            ("anan meuller", Some(Phonetic)),
            ("anan oshpie", None),
            ("miller", Some(Phonetic)),
            ("anan miller", Some(Phonetic)),
        ] {
            assert_eq!(matched(&anna, query), expected, "{query}");
        }
    }
}
