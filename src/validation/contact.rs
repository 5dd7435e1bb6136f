//! E-mail addresses, and characters that are not shown.

use email_address::{EmailAddress, Options};
use validator::ValidationError;

use super::{ensure, line};

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
