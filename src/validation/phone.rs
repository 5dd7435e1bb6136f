//! Telephone numbers, and what people write or paste around their digits.

use serde::{Deserialize as _, Deserializer};
use validator::ValidationError;

use super::{ensure, is_invisible};

/// A zero in parentheses. Most countries drop it in international calls, Italy dials it.
pub const TRUNK_PREFIX: &str = "(0)";

/// The beginning of a telephone number as a URI (RFC 3966).
const SCHEME: &str = "tel:";

/// Validates a telephone number in the ITU-T E.164 format: a plus, then up to 15 digits.
pub fn phone(number: &str) -> Result<(), ValidationError> {
    let trunk = "must not contain (0): write the number as it is dialled from abroad, for example +41 44 555 12 34";
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

/// Deserialises an optional telephone number with [`without_separators`].
pub fn optional_phone<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    let number = Option::<String>::deserialize(deserializer)?;
    Ok(number.map(|number| without_separators(&number).into()))
}

/// Deserialises a telephone number with [`without_separators`].
pub fn phone_number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    String::deserialize(deserializer).map(|number| without_separators(&number).into())
}

/// Returns a number without what people write or paste around its digits: separators, invisible
/// marks and `tel:`. The international prefix `00` becomes a plus. A number with a trunk prefix
/// keeps its separators, for [`phone`] to reject.
pub fn without_separators(number: &str) -> String {
    let shown = |c: &char| !c.is_whitespace() && !is_invisible(*c);
    let mut number: String = number.chars().filter(shown).collect();
    let scheme = number.get(..SCHEME.len());
    if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME)) {
        number.drain(..SCHEME.len());
    }
    if number.contains(TRUNK_PREFIX) {
        return number;
    }
    number.retain(|c| {
        !matches!(c, '(' | ')' | '.' | '/' | '-' | '\u{b7}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
    });
    match number.strip_prefix("00") {
        // The international prefix of Australia is 0011. No number begins with +11.
        Some(rest) if !rest.starts_with("11") => format!("+{rest}"),
        _ => number,
    }
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
    fn what_people_put_around_digits_is_left_out() {
        for (given, number) in [
            ("+41 44 555 12 34", "+41445551234"),
            ("(+41) 44 555 12 34", "+41445551234"),
            ("+41 (044)/555-12.34", "+410445551234"),
            (" +1 (555)\u{a0}010\u{2013}0000 ", "+15550100000"),
            ("+41\u{202f}44\u{2011}555\u{2212}12\u{b7}34", "+41445551234"),
            ("+41–44—555.12/34", "+41445551234"),
            ("tel:+41-44-555-12-34", "+41445551234"),
            ("TEL: +41 44 555 12 34", "+41445551234"),
            ("\u{202a}+41 44 555 12 34\u{202c}", "+41445551234"),
            ("\u{200e}\u{2066}+41 44\u{200f} 555\u{2069} 12 34", "+41445551234"),
            ("0041 44 555 12 34", "+41445551234"),
            ("00 (41) 44 555 12 34", "+41445551234"),
            ("0011 41 44 555 12 34", "001141445551234"),
            ("011 41 44 555 12 34", "01141445551234"),
            ("044 555 12 34", "0445551234"),
            ("é tel:1", "étel:1"),
        ] {
            assert_eq!(without_separators(given), number);
        }
        for ambiguous in ["+41 (0)44 555 12 34", "+39 ( 0 ) 6 1234 5678", "0041(0)445551234"] {
            assert!(phone(&without_separators(ambiguous)).is_err(), "{ambiguous}");
        }
    }
}
