//! The start of an appointment as callers write it.

use std::borrow::Cow;

use jiff::{Timestamp, civil::DateTime};
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Type, schema::Schema},
};

use crate::time::{is_shaped, parse_date};

/// A start: an instant, or a date-time in the clinic's local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Start {
    /// An instant.
    Instant(Timestamp),
    /// A date-time in the clinic's local time.
    Local(DateTime),
}

impl TryFrom<String> for Start {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = "must be a date-time with a UTC offset, for example 2027-03-02T09:00:00+01:00, or the clinic's local time without one, for example 2027-03-02T09:00:00";
        let start = match split_start(&text).ok_or(wrong)? {
            (_, Some(_)) => text.parse().map(Self::Instant),
            (local, None) => local.parse().map(Self::Local),
        };
        // The form is correct, so the date is outside the supported range.
        start.map_err(|_| "must be at most 400 days from now")
    }
}

/// Splits an RFC 3339 date-time into local part and UTC offset, if it has one. Seconds are
/// optional.
fn split_start(text: &str) -> Option<(&str, Option<&str>)> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let time = rest.strip_prefix(['T', 't'])?;
    let (time, offset) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => (&time[..at], Some(&time[at..])),
        None => (time, None),
    };
    let (minutes, seconds) = (time.get(..5)?, time.get(5..)?);
    let whole = seconds.get(..3).unwrap_or(seconds);
    let fraction = seconds.strip_prefix(whole)?;
    let shaped = parse_date(date).is_some()
        && is_shaped(minutes, "00:00")
        && minutes < "24:00"
        && &minutes[3..] < "60"
        && (whole.is_empty() || is_shaped(whole, ":00") && whole < ":60")
        && fraction.strip_prefix('.').map_or(fraction.is_empty(), |digits| {
            (1..=9).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
        })
        && offset.is_none_or(|offset| {
            offset.eq_ignore_ascii_case("z")
                || offset.get(1..).is_some_and(|hours| {
                    is_shaped(hours, "00:00") && hours < "24:00" && &hours[3..] < "60"
                })
        });
    shaped.then_some((&text[..11 + time.len()], offset))
}

impl From<Start> for String {
    fn from(start: Start) -> Self {
        match start {
            Start::Instant(instant) => instant.to_string(),
            Start::Local(local) => local.to_string(),
        }
    }
}

impl PartialSchema for Start {
    fn schema() -> RefOr<Schema> {
        let text = "A start on a whole minute, in one of two forms: an instant with its UTC offset \
            (RFC 3339), such as `2027-03-02T09:00:00+01:00`, or the clinic's local time without an \
            offset, such as `2027-03-02T09:00:00`. Responses use the first form.";
        let pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?$";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(text))
            .pattern(Some(pattern))
            .examples(["2027-03-02T09:00:00+01:00", "2027-03-02T09:00:00"])
            .into()
    }
}

impl ToSchema for Start {
    fn name() -> Cow<'static, str> {
        "AppointmentStart".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &str) -> Result<Start, &'static str> {
        Start::try_from(text.to_owned())
    }

    #[test]
    fn a_start_is_an_instant_or_a_local_date_time() {
        assert!(matches!(start("2027-03-02T09:00:00+01:00"), Ok(Start::Instant(_))));
        assert!(matches!(start("2027-03-02T08:00:00Z"), Ok(Start::Instant(_))));
        assert!(matches!(start("2027-03-02T09:00:00"), Ok(Start::Local(_))));
        assert!(matches!(start("2027-03-02T09:00"), Ok(Start::Local(_))));
        assert!(matches!(start("2027-03-02t09:00:00.000z"), Ok(Start::Instant(_))));
        assert!(matches!(start("2027-03-02T09:00-05:00"), Ok(Start::Instant(_))));
    }

    #[test]
    fn a_time_that_no_clock_shows_is_not_called_too_far_away() {
        let wrong = start("tomorrow").unwrap_err();
        for time in ["24:00", "25:00", "09:60", "09:00:61", "09:00+23:99", "09:00:60Z"] {
            assert_eq!(start(&format!("2027-03-02T{time}")), Err(wrong), "{time}");
        }
        assert_ne!(start("9999-12-31T23:59:00-05:00"), Err(wrong));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "2027-03-02",
            "tomorrow",
            "2027-02-29T09:00:00",
            "2027-03-02T25:00:00",
            "T",
            "2027-03-02T09:00:00+01:00[Europe/Zurich]",
            "20270302T090000Z",
            "2027-03-02T09+01",
            "2027-03-02T09:00:00,0Z",
            "2027-03-02T09:00:00+25:59",
            "2027-03-02T09:00:00+0100",
            "+002027-03-02T09:00:00Z",
            "2027-03-02T9:00",
            "2027-03-02 09:00",
            "9999-12-31T23:59:00-05:00",
            "2027-03-02T09:00:00.Z",
            "2027-03-0\u{663}T09:00",
        ] {
            assert!(start(bad).is_err(), "{bad}");
        }
    }
}
