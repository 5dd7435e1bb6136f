//! Whether a patient is dead, and when the patient died.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, fmt::temporal::Pieces, tz::Offset};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Type,
        schema::{OneOfBuilder, Schema},
    },
};

use super::date::PartialDate;
use crate::time::is_shaped;

/// The UTC offset of the time zone that is furthest ahead.
const FURTHEST_AHEAD: Offset = jiff::tz::offset(14);

/// Whether a patient is dead, or when the patient died (FHIR `deceased[x]`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Deceased {
    /// The patient is dead, or not.
    Known(bool),
    /// The date of death, or the known part of it.
    On(PartialDate),
    /// The time of death.
    At(Moment),
}

impl Deceased {
    /// Returns whether the patient is dead.
    pub fn is_dead(self) -> bool {
        self != Self::Known(false)
    }

    /// Returns the first day on which the patient can have died, if there is a date.
    pub fn earliest(self) -> Option<Date> {
        match self {
            Self::Known(_) => None,
            Self::On(date) => Some(date.earliest()),
            Self::At(moment) => Some(moment.date()),
        }
    }

    /// Returns the last day on which the patient can have died, if there is a date. It is that of the
    /// time zone furthest ahead, because the patient's is unknown.
    pub fn latest(self) -> Option<Date> {
        match self {
            Self::Known(_) => None,
            Self::On(date) => Some(date.latest()),
            Self::At(moment) => Some(FURTHEST_AHEAD.to_datetime(moment.at).date()),
        }
    }
}

/// The value is patient data.
impl fmt::Debug for Deceased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// An instant with the UTC offset in which it was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    at: Timestamp,
    offset: Offset,
}

impl Moment {
    fn date(self) -> Date {
        self.offset.to_datetime(self.at).date()
    }
}

impl FromStr for Moment {
    type Err = ();

    /// Reads RFC 3339 only: jiff accepts more, for example the name of a time zone.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (start, rest) = text.split_at_checked(19).ok_or(())?;
        let (fraction, offset) = rest.split_at(rest.find(['Z', '+', '-']).ok_or(())?);
        let fraction_fits = fraction.is_empty()
            || fraction
                .strip_prefix('.')
                .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let offset_fits = ["Z", "+00:00", "-00:00"].iter().any(|shape| is_shaped(offset, shape));
        if !is_shaped(start, "0000-00-00T00:00:00") || !fraction_fits || !offset_fits {
            return Err(());
        }
        let at = text.parse().map_err(|_| ())?;
        let pieces = Pieces::parse(text).map_err(|_| ())?;
        Ok(Self { at, offset: pieces.to_numeric_offset().unwrap_or(Offset::UTC) })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.offset == Offset::UTC {
            return write!(f, "{}", self.at);
        }
        write!(f, "{}", self.at.display_with_offset(self.offset))
    }
}

impl FromStr for Deceased {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let malformed = "must be true, false, a date or its known part, for example 1984-02-29 or 1984, or a date-time with a UTC offset, for example 2027-03-01T00:00:00Z";
        let early = "must not be before 1850";
        let dead = match text.parse() {
            Ok(date) => Self::On(date),
            Err(super::PartialDateError::TooEarly) => return Err(early),
            Err(super::PartialDateError::Malformed) => {
                Self::At(text.parse().map_err(|()| malformed)?)
            }
        };
        if dead.earliest().is_some_and(|date| date.year() < 1850) { Err(early) } else { Ok(dead) }
    }
}

impl Serialize for Deceased {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(dead) => serializer.serialize_bool(*dead),
            Self::On(date) => serializer.collect_str(date),
            Self::At(moment) => serializer.collect_str(moment),
        }
    }
}

impl<'de> Deserialize<'de> for Deceased {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DeceasedVisitor)
    }
}

struct DeceasedVisitor;

impl Visitor<'_> for DeceasedVisitor {
    type Value = Deceased;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean or a string")
    }

    fn visit_bool<E>(self, dead: bool) -> Result<Deceased, E> {
        Ok(Deceased::Known(dead))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Deceased, E> {
        text.trim().parse().map_err(E::custom)
    }
}

impl ToSchema for Deceased {
    fn name() -> Cow<'static, str> {
        "Deceased".into()
    }
}

impl PartialSchema for Deceased {
    fn schema() -> RefOr<Schema> {
        let text = "The date of death or its known part, from 1850 on, not before the date of birth and not in the future, or a date-time with a UTC offset (RFC 3339).";
        let date = ObjectBuilder::new().schema_type(Type::String).description(Some(text));
        OneOfBuilder::new()
            .description(Some("Whether the patient is dead, or when the patient died."))
            .item(ObjectBuilder::new().schema_type(Type::Boolean))
            .item(date)
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_death_keeps_its_offset() {
        for text in
            ["2024-06-01T23:30:00-05:00", "2024-06-01T10:00:00Z", "2024-06-01T10:00:00.25+05:45"]
        {
            let Ok(Deceased::At(moment)) = text.parse() else { panic!("{text} is a moment") };
            assert_eq!(moment.to_string(), text);
            assert_eq!(moment.date(), jiff::civil::date(2024, 6, 1));
        }
    }

    #[test]
    fn what_is_neither_a_date_nor_a_moment_is_refused() {
        let bad = [
            "",
            "yes",
            "2024-06-01T10:00:00",
            "2024-06-01T10:00Z",
            "2024-06-01 10:00:00Z",
            "2024-06-01T10:00:00+02",
            "2024-06-01T10:00:00+02:00[Europe/Zurich]",
            "2024-02-30T10:00:00Z",
            "1849-12-31T10:00:00Z",
            "1849",
            "2024-06-01T10:00:0é+02:00",
        ];
        for text in bad {
            assert!(text.parse::<Deceased>().is_err(), "{text}");
        }
    }
}
