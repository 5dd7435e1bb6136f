//! Folding of names for comparison. Two spellings that a front desk takes for the same name fold to
//! the same text: case, accents, `ß` and `ss`, `ø`, `o` and `oe`, `ł` and `l`, ligatures,
//! apostrophes and hyphens make no difference.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::validation::is_invisible;

/// The maximum number of joints of one word at which it is indexed once more.
const MAX_JOINTS: usize = 4;
/// The maximum length of a folded word, in characters.
const MAX_WORD: usize = 40;

/// The character that stretches Arabic words.
const TATWEEL: char = '\u{640}';

/// Returns the words of a stored name, folded. A word with hyphens or apostrophes is indexed as one
/// word, and once more from each joint on: `Anne-Marie-Luise` as `annemarieluise`, `marieluise` and
/// `luise`.
pub fn words_of_name(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for token in name.split(is_separator) {
        words.push(fold(token));
        let inner = token.char_indices().filter(|(_, c)| is_joiner(*c)).take(MAX_JOINTS);
        words.extend(inner.map(|(at, joiner)| fold(&token[at + joiner.len_utf8()..])));
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the parts of a stored name, folded: `Anne-Marie O'Brien` as `anne`, `marie`, `o` and
/// `brien`.
pub fn parts_of_name(name: &str) -> impl Iterator<Item = String> {
    let parts = name.split(|c| is_separator(c) || is_joiner(c)).map(fold);
    parts.filter(|part| !part.is_empty())
}

/// Returns folded words, spelled as one.
pub fn joined(words: &[String]) -> String {
    fold(&words.concat())
}

/// A word of a query.
pub struct QueryWord {
    /// The folded word.
    pub text: String,
    /// The word before the last step of folding: `mueller` where `text` is `muller`.
    pub with_umlaut_e: String,
    /// Whether a hyphen joins it to the next word.
    pub has_hyphen: bool,
}

/// Returns the words of a query. Hyphens separate words, apostrophes do not.
pub fn words_of_query(query: &str) -> Vec<QueryWord> {
    let mut words: Vec<QueryWord> = Vec::new();
    for token in query.split(is_separator) {
        let first = words.len();
        let parts = token.split(is_hyphen).map(|part| QueryWord {
            text: fold(part),
            with_umlaut_e: shortened(simplified(part)),
            has_hyphen: true,
        });
        words.extend(parts.filter(|word| !word.text.is_empty()));
        if let Some(last) = words[first..].last_mut() {
            last.has_hyphen = false;
        }
    }
    words
}

/// Returns the letters and digits of a word, folded.
pub fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in simplified(word).chars() {
        // The spellings of umlauts without dots: `ae`, `oe`, `ue`.
        if !(c == 'e' && folded.ends_with(['a', 'o', 'u'])) {
            folded.push(c);
        }
    }
    shortened(folded)
}

/// Returns the letters and digits of a word in lower case, without accents and ligatures.
fn simplified(word: &str) -> String {
    let lower = word.nfkd().flat_map(char::to_lowercase);
    let mut simple = String::with_capacity(word.len());
    for c in lower.filter(|c| !is_combining_mark(*c) && c.is_alphanumeric() && *c != TATWEEL) {
        match c {
            'ß' => simple.push_str("ss"),
            'ø' | 'œ' => simple.push('o'),
            'æ' => simple.push('a'),
            'ł' => simple.push('l'),
            'đ' | 'ð' => simple.push('d'),
            'þ' => simple.push_str("th"),
            'ħ' => simple.push('h'),
            'ŧ' => simple.push('t'),
            'ŋ' => simple.push('n'),
            'ı' => simple.push('i'),
            'ς' => simple.push('σ'),
            other => simple.push(other),
        }
    }
    simple
}

fn shortened(mut word: String) -> String {
    if let Some((end, _)) = word.char_indices().nth(MAX_WORD) {
        word.truncate(end);
    }
    word
}

/// Returns an e-mail address for comparison. The case of letters makes no difference.
pub fn fold_email(address: &str) -> String {
    address.chars().flat_map(char::to_lowercase).nfkc().collect()
}

fn is_separator(c: char) -> bool {
    !c.is_alphanumeric() && !is_combining_mark(c) && !is_joiner(c) && !is_invisible(c)
}

/// Whether a character joins two parts of one word.
fn is_joiner(c: char) -> bool {
    is_hyphen(c) || matches!(c, '\'' | '`' | '´' | '\u{2bb}' | '\u{2bc}' | '\u{2018}' | '\u{2019}')
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{30fb}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_a_name_fold_to_one() {
        for spellings in [
            &["Müller", "Mueller", "MULLER", "mu\u{308}ller", "Muller"][..],
            &["Strauß", "STRAUẞ", "Strauss"],
            &["Sørensen", "Soerensen", "Sorensen", "SØRENSEN"],
            &["Łukasz", "lukasz"],
            &["O'Brien", "O\u{2019}Brien", "OBrien", "obrien"],
            &["ﬁnn", "Finn"],
            &["Æbeltoft", "Aebeltoft", "Abeltoft"],
            &["Þórdís", "Thordis"],
            &["İlker", "ilker", "Ilker", "ılker"],
            &["Mul\u{ad}ler", "Mu\u{200b}ller"],
            &["علی\u{200c}رضا", "علیرضا"],
            &["محـمد", "محمد"],
            &["Γεώργιος", "γεωργιος", "ΓΕΩΡΓΙΟΣ"],
            &["Ёлкин", "елкин"],
            &["ガ", "\u{30ab}\u{3099}"],
        ] {
            for spelling in spellings {
                assert_eq!(fold(spelling), fold(spellings[0]), "{spelling}");
            }
        }
    }

    #[test]
    fn each_part_of_a_joined_name_is_found() {
        assert_eq!(words_of_name("Jean-Luc  Müller"), ["jeanluc", "luc", "muller"]);
        assert_eq!(words_of_name("O'Brien"), ["obrien", "brien"]);
        assert_eq!(words_of_name("van der Berg, Dr."), ["van", "der", "berg", "dr"]);
        assert_eq!(words_of_name("王小明"), ["王小明"]);
        assert_eq!(words_of_name(" - ' "), [""; 0]);
        let parts = |name| parts_of_name(name).collect::<Vec<_>>();
        assert_eq!(parts("Jean-Luc O\u{2019}Brien"), ["jean", "luc", "o", "brien"]);
        assert_eq!(parts(" - ' "), [""; 0]);
    }

    #[test]
    fn a_hyphen_separates_words_of_a_query_and_an_apostrophe_does_not() {
        let words = words_of_query(" Jean--Luc- Müller-O'Brien, ");
        let words: Vec<_> =
            words.iter().map(|word| (word.text.as_str(), word.has_hyphen)).collect();
        assert_eq!(words, [("jean", true), ("luc", false), ("muller", true), ("obrien", false)]);
        assert_eq!(words_of_query("Mueller")[0].with_umlaut_e, "mueller");
    }

    #[test]
    fn words_that_are_spelled_as_one_fold_to_one() {
        for (words, spelled) in [("Jean Luc", "Jean-Luc"), ("Anna Elisa", "Annaelisa")] {
            let parts: Vec<_> = parts_of_name(words).collect();
            assert_eq!(joined(&parts), fold(spelled), "{words}");
        }
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(word in "\\PC{0,20}") {
            let folded = fold(&word);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn the_beginning_of_a_word_folds_to_a_beginning(word in "[A-Za-zÄÖÜäöüßøØłŁéèñçåÅ]{1,12}", length in 1_usize..12) {
            let beginning: String = word.chars().take(length).collect();
            prop_assert!(fold(&word).starts_with(&fold(&beginning)));
        }
    }
}
