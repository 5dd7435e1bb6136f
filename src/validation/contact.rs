//! Telephone numbers and e-mail addresses.

use email_address::{EmailAddress, Options};
use serde::{Deserialize as _, Deserializer};
use validator::ValidationError;

use super::{ensure, line};

/// Validates a telephone number in the ITU-T E.164 format: a plus, then up to 15 digits.
pub fn phone(number: &str) -> Result<(), ValidationError> {
    let trunk = "must not contain (0): write the number as it is dialled from abroad";
    ensure(!number.contains(TRUNK_PREFIX), "phone", trunk)?;
    let digits = number.strip_prefix('+');
    let national = "must begin with + and the country code, for example +41 44 555 12 34";
    ensure(digits.is_some(), "phone", national)?;
    let digits = digits.unwrap_or_default();
    let fits = (7..=15).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && !digits.starts_with('0');
    let message = "must be +, the country code and the number, with 7 to 15 digits in total";
    ensure(fits, "phone", message)
}

/// Deserialises an optional telephone number, without separators between its digits.
pub fn optional_phone<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    let number = Option::<String>::deserialize(deserializer)?;
    Ok(number.map(|number| without_separators(&number).into()))
}

/// Deserialises a telephone number, without separators between its digits.
pub fn phone_number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    String::deserialize(deserializer).map(|number| without_separators(&number).into())
}

/// A zero in parentheses. Most countries drop it in international calls, Italy dials it.
const TRUNK_PREFIX: &str = "(0)";

/// Returns a number without the separators between its digits. One with a trunk prefix stays as it is, for [`phone`] to reject.
fn without_separators(number: &str) -> String {
    let compact = number.replace(char::is_whitespace, "");
    if compact.contains(TRUNK_PREFIX) {
        return compact;
    }
    let separates = |c: char| matches!(c, '(' | ')' | '.' | '/' | '-' | '\u{2010}'..='\u{2015}');
    compact.replace(separates, "")
}

/// Validates an e-mail address in a domain with a dot. Non-ASCII letters are allowed (RFC 6531).
pub fn email(address: &str) -> Result<(), ValidationError> {
    let options =
        Options::default().with_required_tld().without_domain_literal().without_display_text();
    let is_address = EmailAddress::parse_with_options(address, options)
        .is_ok_and(|address| is_domain(address.domain()));
    let is_visible = !address.chars().any(is_invisible);
    ensure(
        is_address && is_visible,
        "email",
        "must be an e-mail address, for example name@example.org",
    )?;
    line(address)
}

/// Returns whether a name is a valid DNS domain. A name that ends in a number is an IP address.
fn is_domain(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    !last.bytes().all(|byte| byte.is_ascii_digit()) && idna::domain_to_ascii_strict(name).is_ok()
}

/// Whether a character is not shown (Unicode, `Default_Ignorable_Code_Point`): two texts that differ in it look the same.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_e164() {
        assert!(phone("+41445551234").is_ok());
        for bad in
            ["0445551234", "+0445551234", "+41 44 555 12 34", "+123456", "+1234567890123456", ""]
        {
            assert!(phone(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_people_put_between_digits_is_left_out() {
        for (given, number) in [
            ("+41 44 555 12 34", "+41445551234"),
            ("+41 (044)/555-12.34", "+410445551234"),
            (" +1 (555)\u{a0}010\u{2013}0000 ", "+15550100000"),
            ("044 555 12 34", "0445551234"),
        ] {
            assert_eq!(without_separators(given), number);
        }
        for ambiguous in ["+41 (0)44 555 12 34", "+39 ( 0 ) 6 1234 5678"] {
            assert!(phone(&without_separators(ambiguous)).is_err(), "{ambiguous}");
        }
    }

    #[test]
    fn addresses_are_those_that_mail_can_go_to() {
        let good = [
            "jürgen@example.de",
            "ida.o'neill+clinic@example.org",
            "δοκιμή@παράδειγμα.gr",
            "ida@xn--mnchen-3ya.de",
            "ida@münchen.de",
            "\"a b\"@example.org",
            "1@2.example",
        ];
        for address in good {
            assert!(email(address).is_ok(), "{address}");
        }
        let bad = [
            "",
            "a@b",
            "a..b@example.com",
            ".a@example.com",
            "a.@example.com",
            "a@example..com",
            "a@example.com.",
            "a@-example.com",
            "a@exam_ple.com",
            "a@exam%6dple.com",
            "a@[192.0.2.1]",
            "a@192.0.2.1",
            "Ida <ida@example.org>",
            "<ida@example.org>",
            "ida@example.org, a@example.org",
            "ida example@example.org",
            "ida\u{202E}@example.org",
            "\u{200b}@example.org",
            "ida@ex\u{ad}ample.org",
            "ida\n@example.org",
            "example.org",
            "@example.org",
        ];
        for address in bad {
            assert!(email(address).is_err(), "{address}");
        }
    }
}
