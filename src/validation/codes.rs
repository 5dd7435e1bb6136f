//! Codes and names from standards.

use url::Url;
use validator::ValidationError;

use super::ensure;

/// Validates the form of an ISO 3166-1 alpha-2 country code.
pub fn country(code: &str) -> Result<(), ValidationError> {
    let fits = code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase());
    ensure(fits, "country", "must be two capital letters (ISO 3166-1 alpha-2)")
}

/// Validates an absolute URI.
pub fn uri(text: &str) -> Result<(), ValidationError> {
    // The parser would drop or encode other characters, which no URI has (RFC 3986, section 2).
    let known = |byte: u8| byte.is_ascii_graphic() && !b"|\"<>\\^`{}".contains(&byte);
    let fits = text.bytes().all(known) && Url::parse(text).is_ok();
    ensure(fits, "uri", "must be an absolute URI, for example urn:oid:2.16.756.5.32")
}

/// Validates the extension of a telephone number.
pub fn extension(digits: &str) -> Result<(), ValidationError> {
    let fits =
        (1..=10).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    ensure(fits, "extension", "must be 1 to 10 digits")
}

/// Validates a language tag of BCP 47: language, script, region and variants (RFC 5646, section
/// 2.1).
pub fn language(tag: &str) -> Result<(), ValidationError> {
    ensure(is_language(tag), "language", "must be a language tag (BCP 47), for example de-CH")
}

fn is_language(tag: &str) -> bool {
    let mut rest = tag.split('-').peekable();
    let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    let is_primary = |part: &str| matches!(part.len(), 2..=3) && letters(part);
    if !rest.next().is_some_and(is_primary) {
        return false;
    }
    rest.next_if(|part| part.len() == 4 && letters(part));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    rest.next_if(|part| (part.len() == 2 && letters(part)) || (part.len() == 3 && digits(part)));
    rest.all(|part| {
        let begins_with_digit = part.starts_with(|c: char| c.is_ascii_digit());
        let fits = matches!(part.len(), 5..=8) || (part.len() == 4 && begins_with_digit);
        fits && part.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_tags_are_well_formed() {
        for good in ["de", "gsw", "de-CH", "zh-Hant-TW", "es-419", "de-CH-1901", "sl-rozaj-biske"] {
            assert!(language(good).is_ok(), "{good}");
        }
        for bad in
            ["", "d", "german", "de_CH", "de-", "-de", "de-C", "de-CH-CH", "de-CH-Latn", "dé"]
        {
            assert!(language(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn uris_are_absolute() {
        for good in ["urn:oid:2.16.756.5.32", "http://example.org/insurance", "urn:uuid:1"] {
            assert!(uri(good).is_ok(), "{good}");
        }
        for bad in
            ["", "insurance", "/insurance", "//example.org", "http://exa mple.org", "http://"]
        {
            assert!(uri(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn extensions_are_digits() {
        assert!(extension("0123456789").is_ok());
        for bad in ["", "12a", "01234567890", "١٢"] {
            assert!(extension(bad).is_err(), "{bad}");
        }
    }
}
