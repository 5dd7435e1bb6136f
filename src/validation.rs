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
    ($($name:ident),*) => {
        /// The same rules for what must not be seen.
        pub mod sensitive {
            use super::{Sensitive, ValidationError};
            $(
                #[doc = concat!("[`super::", stringify!($name), "`].")]
                pub fn $name(value: &Sensitive<String>) -> Result<(), ValidationError> {
                    super::$name(value.expose())
                }
            )*
        }
    };
}

hidden!(line, text, phone, record_number);

fn error(code: &'static str, message: &'static str) -> ValidationError {
    ValidationError::new(code).with_message(message.into())
}

fn ensure(fits: bool, code: &'static str, message: &'static str) -> Result<(), ValidationError> {
    if fits { Ok(()) } else { Err(error(code, message)) }
}

/// One line of text: not blank, no control characters (line breaks included).
pub fn line(text: &str) -> Result<(), ValidationError> {
    ensure(!text.trim().is_empty(), "blank", "must not be blank")?;
    let odd = |c: char| c.is_control() || is_deceptive(c);
    ensure(!text.chars().any(odd), "control_character", CONTROL)
}

const CONTROL: &str = "must not contain control characters, nor marks that turn text around";

/// Characters that make a text read as another: they turn its order around, or break its lines.
/// (Unicode Technical Report 36, section 2.5.) The marks that names in right-to-left scripts need are none of them.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

/// Text of several lines: no control characters but line breaks and tabs.
pub fn text(text: &str) -> Result<(), ValidationError> {
    let odd = |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_deceptive(c);
    ensure(!text.chars().any(odd), "control_character", CONTROL)
}

/// A telephone number as ITU-T E.164 writes it: a plus, then up to 15 digits.
pub fn phone(number: &str) -> Result<(), ValidationError> {
    let digits = number.strip_prefix('+').unwrap_or_default();
    let fits = (7..=15).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && !digits.starts_with('0');
    ensure(fits, "phone", "must be a number in E.164 form, as +41445551234")
}

/// A patient's record number: letters, digits and `. _ - /`, so that it can be part of a key.
pub fn record_number(mrn: &str) -> Result<(), ValidationError> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    let message = "must consist of letters, digits, dots, dashes, underscores and slashes";
    ensure(!mrn.is_empty() && mrn.bytes().all(known), "mrn", message)
}

/// A word for a role: lower-case letters, digits and underscores, a letter first.
pub fn role(role: &str) -> Result<(), ValidationError> {
    let fits = role.starts_with(|c: char| c.is_ascii_lowercase())
        && role.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    ensure(fits, "role", "must be lower-case letters, digits and underscores, as physician")
}

/// The longest word for a role.
pub const MAX_ROLE: usize = 40;

/// Whether a text is a word for a role, of no more than its length.
pub fn is_role(text: &str) -> bool {
    text.len() <= MAX_ROLE && role(text).is_ok()
}

/// The parameter of an error that names the member which is wrong, where a rule is about several.
pub const MEMBER: &str = "member";

/// What is wrong with a member, seen together with others.
pub fn member(member: &'static str, message: &'static str) -> ValidationError {
    let mut wrong = error("member", message);
    wrong.add_param(Cow::Borrowed(MEMBER), &member);
    wrong
}

/// Words for roles, as [`role`] has them.
pub fn roles(roles: &[String]) -> Result<(), ValidationError> {
    let fit = roles.iter().all(|one| one.len() <= MAX_ROLE);
    ensure(fit, "length", "a role has at most 40 characters")?;
    roles.iter().try_for_each(|one| role(one))
}

/// A list that names nothing twice.
pub fn distinct<T: Ord>(list: &[T]) -> Result<(), ValidationError> {
    let mut sorted: Vec<_> = list.iter().collect();
    sorted.sort();
    if sorted.windows(2).all(|pair| pair[0] != pair[1]) {
        return Ok(());
    }
    Err(error("distinct", "must not name one twice"))
}

/// The default of what is on unless the caller turns it off.
pub fn yes() -> bool {
    true
}

/// A whole number as JSON Schema has it: `30.0` is one.
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
pub fn optional_whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole_number")] u16);
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|Whole(number)| number))
}

/// Weekly hours: each span ends after it begins, and no two of one day overlap.
pub fn weekly_hours(hours: &[WeeklyHours]) -> Result<(), ValidationError> {
    // Midnight at the end of the day comes after all of it.
    let to = |span: &WeeklyHours| if span.to == Time::midnight() { Time::MAX } else { span.to };
    let ordered = hours.iter().all(|span| span.from < to(span));
    ensure(ordered, "hours", "each span must end after it begins, on the same day")?;
    let mut sorted: Vec<_> = hours.iter().collect();
    sorted.sort_by_key(|span| (span.weekday, span.from));
    let overlap =
        |pair: &[&WeeklyHours]| pair[0].weekday == pair[1].weekday && pair[1].from < to(pair[0]);
    ensure(!sorted.windows(2).any(overlap), "hours", "spans of one day must not overlap")
}

/// A coordinate in degrees: at most 7 decimals (a centimetre), so that it comes back as it was given.
pub fn coordinate(degrees: f64) -> Result<(), ValidationError> {
    let text = degrees.to_string();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    ensure(decimals <= 7, "decimals", "must not have more than 7 decimals")
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
