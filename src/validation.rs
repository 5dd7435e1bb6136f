//! The rules that texts from outside must keep, for `validator`'s `custom`.

use std::borrow::Cow;

use jiff::civil::Time;
use serde::{Deserialize, Deserializer, de::Error as _};
use validator::{ValidateEmail, ValidateLength, ValidationError};

use crate::{sensitive::Sensitive, time::WeeklyHours};

impl ValidateLength<u64> for Sensitive<String> {
    fn length(&self) -> Option<u64> {
        self.expose().length()
    }
}

impl ValidateEmail for Sensitive<String> {
    fn as_email_string(&self) -> Option<Cow<'_, str>> {
        self.expose().as_email_string()
    }
}

/// A rule for what must not be seen.
macro_rules! hidden {
    ($($(#[$meta:meta])* $name:ident: $rule:path;)*) => {
        /// The same rules for what must not be seen.
        pub mod sensitive {
            use super::*;
            $(
                $(#[$meta])*
                pub fn $name(value: &Sensitive<String>) -> Result<(), ValidationError> {
                    $rule(value.expose())
                }
            )*
        }
    };
}

hidden! {
    /// [`super::line`].
    line: super::line;
    /// [`super::text`].
    text: super::text;
    /// [`super::phone`].
    phone: super::phone;
    /// [`super::record_number`].
    record_number: super::record_number;
}

fn error(code: &'static str, message: &'static str) -> ValidationError {
    ValidationError::new(code).with_message(message.into())
}

/// One line of text: not blank, no control characters (line breaks included).
///
/// # Errors
/// What is wrong with it.
pub fn line(text: &str) -> Result<(), ValidationError> {
    if text.trim().is_empty() {
        return Err(error("blank", "must not be blank"));
    }
    if text.chars().any(|c| c.is_control() || is_deceptive(c)) {
        return Err(error("control_character", CONTROL));
    }
    Ok(())
}

const CONTROL: &str = "must not contain control characters, nor marks that turn text around";

/// Characters that make a text read as another: they turn its order around, or break its lines.
/// (Unicode Technical Report 36, section 2.5.) The marks that names in right-to-left scripts need are none of them.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

/// Text of several lines: no control characters but line breaks and tabs.
///
/// # Errors
/// What is wrong with it.
pub fn text(text: &str) -> Result<(), ValidationError> {
    let odd = |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_deceptive(c);
    if text.chars().any(odd) {
        return Err(error("control_character", CONTROL));
    }
    Ok(())
}

/// A telephone number as ITU-T E.164 writes it: a plus, then up to 15 digits.
///
/// # Errors
/// What is wrong with it.
pub fn phone(number: &str) -> Result<(), ValidationError> {
    let digits = number.strip_prefix('+').unwrap_or_default();
    let fits = (7..=15).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && !digits.starts_with('0');
    if fits {
        Ok(())
    } else {
        Err(error("phone", "must be a number in E.164 form, as +41445551234"))
    }
}

/// A patient's record number: letters, digits and `. _ - /`, so that it can be part of a key.
///
/// # Errors
/// What is wrong with it.
pub fn record_number(mrn: &str) -> Result<(), ValidationError> {
    let fits = mrn.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    if fits && !mrn.is_empty() {
        Ok(())
    } else {
        Err(error("mrn", "must consist of letters, digits, dots, dashes, underscores and slashes"))
    }
}

/// A word for a role: lower-case letters, digits and underscores, a letter first.
///
/// # Errors
/// What is wrong with it.
pub fn role(role: &str) -> Result<(), ValidationError> {
    let fits = role.starts_with(|c: char| c.is_ascii_lowercase())
        && role.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if fits {
        Ok(())
    } else {
        Err(error("role", "must be lower-case letters, digits and underscores, as physician"))
    }
}

/// The parameter of an error that names the member which is wrong, where a rule is about several.
pub const MEMBER: &str = "member";

/// What is wrong with a member, seen together with others.
#[must_use]
pub fn member(member: &'static str, message: &'static str) -> ValidationError {
    let mut wrong = error("member", message);
    wrong.add_param(Cow::Borrowed(MEMBER), &member);
    wrong
}

/// Words for roles, as [`role`] has them.
///
/// # Errors
/// What is wrong with one.
pub fn roles(roles: &[String]) -> Result<(), ValidationError> {
    let too_long = |one: &String| one.len() > 40;
    if roles.iter().any(too_long) {
        return Err(error("length", "a role has at most 40 characters"));
    }
    roles.iter().try_for_each(|one| role(one))
}

/// The default of what is on unless the caller turns it off.
#[must_use]
pub fn yes() -> bool {
    true
}

/// A whole number as JSON Schema has it: `30.0` is one.
///
/// # Errors
/// Any other value.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = number.as_u64().and_then(|number| u16::try_from(number).ok());
    let rounded = number.as_f64().filter(|number| number.fract() == 0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was compared with the bounds"
    )]
    let exact =
        rounded.filter(|number| (0.0..=65_535.0).contains(number)).map(|number| number as u16);
    whole.or(exact).ok_or_else(|| D::Error::custom("must be a whole number, and not too large"))
}

/// The same, where it may be left out or null.
///
/// # Errors
/// Any other value.
pub fn optional_whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole_number")] u16);
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|Whole(number)| number))
}

/// Weekly hours: each span ends after it begins, and no two of one day overlap.
///
/// # Errors
/// What is wrong with them.
pub fn weekly_hours(hours: &[WeeklyHours]) -> Result<(), ValidationError> {
    // Midnight at the end of the day comes after all of it.
    let to = |span: &WeeklyHours| if span.to == Time::midnight() { Time::MAX } else { span.to };
    if hours.iter().any(|span| to(span) <= span.from) {
        return Err(error("hours", "each span must end after it begins, on the same day"));
    }
    let mut sorted: Vec<_> = hours.iter().collect();
    sorted.sort_by_key(|span| (span.weekday, span.from));
    let overlap =
        |pair: &[&WeeklyHours]| pair[0].weekday == pair[1].weekday && pair[1].from < to(pair[0]);
    if sorted.windows(2).any(overlap) {
        return Err(error("hours", "spans of one day must not overlap"));
    }
    Ok(())
}

/// A coordinate in degrees: at most 7 decimals (a centimetre), so that it comes back as it was given.
///
/// # Errors
/// What is wrong with it.
pub fn coordinate(degrees: f64) -> Result<(), ValidationError> {
    let text = degrees.to_string();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    if decimals <= 7 {
        Ok(())
    } else {
        Err(error("decimals", "must not have more than 7 decimals"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        assert!(line("Zoë O'Brien-Müller 王").is_ok());
        for bad in ["", "   ", "a\nb", "a\u{0}b", "a\u{85}b"] {
            assert!(line(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn text_may_have_line_breaks_and_tabs_alone() {
        assert!(text("one\r\n\ttwo").is_ok());
        assert!(text("bell\u{7}").is_err());
    }

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
    fn record_numbers_hold_no_key_separator() {
        assert!(record_number("A-2026/0001.x_y").is_ok());
        for bad in ["", "A#1", "Ä1", "1 2"] {
            assert!(record_number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_of_a_day_may_touch_but_not_overlap() {
        let hours = |text: &str| serde_json::from_str::<Vec<WeeklyHours>>(text).unwrap();
        let touching = r#"[{"weekday":"monday","from":"13:00","to":"17:00"},
                           {"weekday":"monday","from":"08:00","to":"13:00"}]"#;
        assert!(weekly_hours(&hours(touching)).is_ok());
        assert!(weekly_hours(&hours(&touching.replace("13:00\"}", "13:01\"}"))).is_err());
        assert!(
            weekly_hours(&hours(r#"[{"weekday":"friday","from":"09:00","to":"09:00"}]"#)).is_err()
        );
    }

    #[test]
    fn coordinates_have_seven_decimals_at_most() {
        assert!(coordinate(47.376_887_1).is_ok());
        assert!(coordinate(-0.1).is_ok());
        assert!(coordinate(1.0 / 3.0).is_err());
    }
}
