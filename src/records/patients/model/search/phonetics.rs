//! Phonetic codes of names: names that sound alike have the same code.

use std::{collections::HashMap, str::FromStr, sync::Arc};

use rphonetic::{Cologne, DoubleMetaphone, Encoder as _};

use crate::id::OrgId;

/// The phonetic algorithm of each organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phonetics(Arc<Settings>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Settings {
    default: Algorithm,
    of: HashMap<OrgId, Algorithm>,
}

/// A phonetic algorithm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// Double Metaphone, for names of many European languages.
    #[default]
    DoubleMetaphone,
    /// Cologne phonetics (Kölner Phonetik), for German names.
    Cologne,
}

impl Phonetics {
    /// Returns the algorithm of an organisation.
    pub fn of(&self, org: &OrgId) -> Algorithm {
        self.0.of.get(org).copied().unwrap_or(self.0.default)
    }
}

impl FromStr for Phonetics {
    type Err = String;

    fn from_str(setting: &str) -> Result<Self, String> {
        let mut settings = Settings::default();
        for part in setting.split(',') {
            match part.split_once('=') {
                Some((org, algorithm)) => {
                    let org = org.trim().parse().map_err(|_| {
                        "must name organisations by their id, as in ORG-1=cologne".to_owned()
                    })?;
                    settings.of.insert(org, algorithm.parse()?);
                }
                None => settings.default = part.parse()?,
            }
        }
        Ok(Self(settings.into()))
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.trim() {
            "double-metaphone" => Ok(Self::DoubleMetaphone),
            "cologne" => Ok(Self::Cologne),
            _ => Err("must be double-metaphone or cologne".to_owned()),
        }
    }
}

impl Algorithm {
    /// Returns the code of a folded word. Returns `None` for words in other scripts than Latin, for
    /// digits, and for words of one letter: too many of them have the same code.
    pub fn code(self, word: &str) -> Option<String> {
        if word.len() < 2 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        let code = match self {
            Self::DoubleMetaphone => DoubleMetaphone::default().encode(word),
            Self::Cologne => Cologne.encode(word),
        };
        (!code.is_empty()).then_some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_sound_alike_have_one_code() {
        let cologne = |word| Algorithm::Cologne.code(word);
        assert_eq!(cologne("meier"), cologne("mayr"));
        assert_eq!(cologne("schmidt"), cologne("schmit"));
        assert_ne!(cologne("meier"), cologne("muller"));
        let metaphone = |word| Algorithm::DoubleMetaphone.code(word);
        assert_eq!(metaphone("catherine"), metaphone("katharin"));
        assert_ne!(metaphone("smith"), metaphone("jones"));
        assert_eq!(metaphone("王小明"), None);
        assert_eq!(metaphone("1984"), None);
    }

    #[test]
    fn an_organisation_may_have_its_own_algorithm() {
        let phonetics: Phonetics = "double-metaphone, ORG-DE=cologne".parse().unwrap();
        assert_eq!(phonetics.of(&"ORG-DE".parse().unwrap()), Algorithm::Cologne);
        assert_eq!(phonetics.of(&"ORG-US".parse().unwrap()), Algorithm::DoubleMetaphone);
        assert_eq!(
            "cologne".parse::<Phonetics>().unwrap().of(&"ORG-1".parse().unwrap()),
            Algorithm::Cologne
        );
        for bad in ["", "soundex", "ORG-1=soundex", "a b=cologne"] {
            assert!(bad.parse::<Phonetics>().is_err(), "{bad}");
        }
    }
}
