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

/// Returns the words of a query, folded. Hyphens separate words, apostrophes do not.
pub fn words_of_query(query: &str) -> Vec<String> {
    let words = query.split(|c| is_separator(c) || is_hyphen(c)).map(fold);
    words.filter(|word| !word.is_empty()).collect()
}

/// Returns the letters and digits of a word, folded.
fn fold(word: &str) -> String {
    let lower = word.nfkd().flat_map(char::to_lowercase);
    let mut folded = String::with_capacity(word.len());
    for c in lower.filter(|c| !is_combining_mark(*c) && c.is_alphanumeric() && *c != TATWEEL) {
        match c {
            'ß' => folded.push_str("ss"),
            'ø' | 'œ' => folded.push('o'),
            'æ' => folded.push('a'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'þ' => folded.push_str("th"),
            'ħ' => folded.push('h'),
            'ŧ' => folded.push('t'),
            'ŋ' => folded.push('n'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            // The spellings of umlauts without dots: `ae`, `oe`, `ue`.
            'e' if folded.ends_with(['a', 'o', 'u']) => {}
            other => folded.push(other),
        }
    }
    match folded.char_indices().nth(MAX_WORD) {
        Some((end, _)) => folded[..end].to_owned(),
        None => folded,
    }
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
        assert_eq!(words_of_query("Jean-Luc O'Brien"), ["jean", "luc", "obrien"]);
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
