//! Titles that people put before a name.

/// Common titles, folded. A patient's record need not have them.
const TITLES: &str = "dent dipl doctor doktor dr frau herr hr ing m madame mag med miss mlle mme \
                      monsieur mr mrs ms mx pd prof professor sir sr sra";

/// Returns whether a folded word is a common title.
pub fn is_title(word: &str) -> bool {
    TITLES.split(' ').any(|title| title == word)
}

#[cfg(test)]
mod tests {
    use super::{super::fold::fold, *};

    #[test]
    fn titles_are_folded() {
        assert!(TITLES.split(' ').all(|title| !title.is_empty() && fold(title) == title));
        assert!(is_title("mme") && is_title("sra") && !is_title("ida"));
    }
}
