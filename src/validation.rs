//! Validation rules for input, for `custom` of the crate `validator`.

mod codes;
mod contact;
mod input;
mod phone;

use std::borrow::Cow;

pub use codes::{country, extension, language, uri};
pub use contact::{email, is_invisible};
pub use input::{Trim, list_or_null, trimmed, trimmed_list};
use jiff::civil::Time;
pub use phone::{TRUNK_PREFIX, optional_phone, phone, phone_number, without_separators};
use serde::{Deserialize, Deserializer, de::Error as _};
use validator::{ValidateLength, ValidationError};

use crate::{sensitive::Sensitive, time::WeeklyHours};

impl ValidateLength<u64> for Sensitive<String> {
    fn length(&self) -> Option<u64> {
        self.expose().length()
    }
}

/// Declares rules for sensitive values.
macro_rules! hidden {
    ($($name:ident),*) => {
        /// The same rules for sensitive values.
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

hidden!(line, text, phone, extension, email, record_number, language, country);

fn error(code: &'static str, message: &'static str) -> ValidationError {
    ValidationError::new(code).with_message(message.into())
}

fn ensure(fits: bool, code: &'static str, message: &'static str) -> Result<(), ValidationError> {
    if fits { Ok(()) } else { Err(error(code, message)) }
}

/// Validates one line of text: not blank, no control characters, no line breaks.
pub fn line(text: &str) -> Result<(), ValidationError> {
    ensure(!text.trim().is_empty(), "blank", "must not be blank")?;
    let odd = |c: char| c.is_control() || is_deceptive(c);
    ensure(!text.chars().any(odd), "control_character", CONTROL)
}

const CONTROL: &str = "must not contain control characters, line separators or characters that reverse the direction of text";

/// Returns whether a character makes a text look like another: it reorders the text or breaks the
/// line (Unicode Technical Report 36, section 2.5). The marks that right-to-left names need are
/// allowed.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

/// Validates each text of a list with [`line()`], and its length in characters.
pub fn lines<'a>(
    list: impl IntoIterator<Item = &'a String>,
    max: usize,
) -> Result<(), ValidationError> {
    list.into_iter().enumerate().try_for_each(|(at, text)| {
        let checked = if text.chars().count() > max {
            let message = format!("must have a length of at most {max}");
            Err(ValidationError::new("length").with_message(message.into()))
        } else {
            line(text)
        };
        checked.map_err(|mut wrong| {
            wrong.add_param(Cow::Borrowed(BELOW), &format!("/{at}"));
            wrong
        })
    })
}

/// Validates text of several lines: no control characters except line breaks and tabs.
pub fn text(text: &str) -> Result<(), ValidationError> {
    let odd = |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_deceptive(c);
    ensure(!text.chars().any(odd), "control_character", CONTROL)
}

/// Validates a medical record number: letters, digits and `. _ - /`, so that it can be part of a
/// key.
pub fn record_number(mrn: &str) -> Result<(), ValidationError> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    let message = "must contain only letters, digits, dots, dashes, underscores and slashes";
    ensure(!mrn.is_empty() && mrn.bytes().all(known), "mrn", message)
}

/// Validates the name of a staff role: lower-case letters, digits and underscores, a letter first.
pub fn role(role: &str) -> Result<(), ValidationError> {
    let fits = role.starts_with(|c: char| c.is_ascii_lowercase())
        && role.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    ensure(
        fits,
        "role",
        "must contain only lower-case letters, digits and underscores and begin with a letter",
    )
}

/// The maximum length of a staff role.
pub const MAX_ROLE: usize = 40;

/// Returns whether a text is a valid staff role of at most [`MAX_ROLE`] characters.
pub fn is_role(text: &str) -> bool {
    text.len() <= MAX_ROLE && role(text).is_ok()
}

/// The parameter of an error that names the invalid member, for rules about several members.
pub const MEMBER: &str = "member";

/// The parameter of an error with the path from a list to the invalid value in it.
pub const BELOW: &str = "below";

/// The message for a span that ends before it begins.
pub const AFTER_FROM: &str = "must be later than from; send a span over midnight as two, one until 24:00 and one from 00:00 on the next day";

/// Returns the error for a member that is invalid in combination with others.
pub fn member(member: &'static str, message: &'static str) -> ValidationError {
    let mut wrong = error("member", message);
    wrong.add_param(Cow::Borrowed(MEMBER), &member);
    wrong
}

/// Returns the error for a member that is required because others are absent.
pub fn missing(member: &'static str, message: &'static str) -> ValidationError {
    ValidationError { code: "required".into(), ..self::member(member, message) }
}

/// Validates staff roles with [`role`].
pub fn roles(roles: &[String]) -> Result<(), ValidationError> {
    let fit = roles.iter().all(|one| one.len() <= MAX_ROLE);
    ensure(fit, "length", "must contain only roles of at most 40 characters")?;
    roles.iter().try_for_each(|one| role(one))
}

/// Validates that a list has no duplicates.
pub fn distinct<T: Ord>(list: &[T]) -> Result<(), ValidationError> {
    let mut sorted: Vec<_> = list.iter().collect();
    sorted.sort();
    if sorted.windows(2).all(|pair| pair[0] != pair[1]) {
        return Ok(());
    }
    Err(error("distinct", "must not contain duplicates"))
}

/// Returns true, as the default of a member.
pub fn yes() -> bool {
    true
}

/// Deserialises a whole number as JSON Schema defines it: `30.0` is one. A number that does not fit
/// becomes 65535, which no range allows, so that the error states the range.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = number.as_f64().filter(|number| number.fract() == 0.0);
    let whole = whole.ok_or_else(|| D::Error::custom("must be a whole number"))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was compared with the bounds"
    )]
    let number = if (0.0..=f64::from(u16::MAX)).contains(&whole) { whole as u16 } else { u16::MAX };
    Ok(number)
}

/// Deserialises a whole number that may be absent or null.
pub fn optional_whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole_number")] u16);
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|Whole(number)| number))
}

/// Validates weekly hours: each span ends after it begins, and no two spans of one day overlap.
pub fn weekly_hours(hours: &[WeeklyHours]) -> Result<(), ValidationError> {
    // As the end of a span, midnight is the end of the day.
    let to = |span: &WeeklyHours| if span.to == Time::midnight() { Time::MAX } else { span.to };
    if let Some(at) = hours.iter().position(|span| span.from >= to(span)) {
        let mut wrong = error("hours", AFTER_FROM);
        wrong.add_param(Cow::Borrowed(BELOW), &format!("/{at}/to"));
        return Err(wrong);
    }
    let mut sorted: Vec<_> = hours.iter().collect();
    sorted.sort_by_key(|span| (span.weekday, span.from));
    let overlap =
        |pair: &[&WeeklyHours]| pair[0].weekday == pair[1].weekday && pair[1].from < to(pair[0]);
    ensure(
        !sorted.windows(2).any(overlap),
        "hours",
        "must not have spans that overlap on the same day",
    )
}

/// Validates a coordinate in degrees: at most 7 decimals (a centimetre), so that it is returned
/// unchanged.
pub fn coordinate(degrees: f64) -> Result<(), ValidationError> {
    let text = degrees.to_string();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    ensure(decimals <= 7, "decimals", "must have at most 7 decimal places")
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
