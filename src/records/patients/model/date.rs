//! Dates of which the day, or the month and the day, may be unknown.

use std::{fmt, str::FromStr};

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

use crate::time::{is_shaped, parse_date};

/// The first year of a date of birth or death.
const FIRST_YEAR: i16 = 1850;

/// A date, or the known part of it: `1984-02-29`, `1984-02` or `1984` (FHIR `date`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartialDate {
    /// The first day of the period.
    first: Date,
    known: Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Known {
    Year,
    Month,
    Day,
}

/// The reason why a text is not a partial date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartialDateError {
    /// It is not a calendar date.
    #[error("must be a date or its known part, for example 1984-02-29, 1984-02 or 1984")]
    Malformed,
    /// The year is before 1850.
    #[error("must not be before 1850")]
    TooEarly,
}

impl PartialDate {
    /// Returns the year.
    pub fn year(self) -> i16 {
        self.first.year()
    }

    /// Returns the month, if it is known.
    pub fn month(self) -> Option<i8> {
        (self.known != Known::Year).then(|| self.first.month())
    }

    /// Returns the day of the month, if it is known.
    pub fn day(self) -> Option<i8> {
        (self.known == Known::Day).then(|| self.first.day())
    }

    /// Returns the first day that this date can be.
    pub fn earliest(self) -> Date {
        self.first
    }

    /// Returns the last day that this date can be.
    pub fn latest(self) -> Date {
        match self.known {
            Known::Year => self.first.last_of_year(),
            Known::Month => self.first.last_of_month(),
            Known::Day => self.first,
        }
    }

    /// Returns whether every day that `other` can be lies within this date. `1984` contains
    /// `1984-02`; the reverse does not hold.
    pub fn contains(self, other: Self) -> bool {
        self.earliest() <= other.earliest() && other.latest() <= self.latest()
    }
}

impl FromStr for PartialDate {
    type Err = PartialDateError;

    fn from_str(text: &str) -> Result<Self, PartialDateError> {
        let (known, first) = if is_shaped(text, "0000") {
            (Known::Year, parse_date(&format!("{text}-01-01")))
        } else if is_shaped(text, "0000-00") {
            (Known::Month, parse_date(&format!("{text}-01")))
        } else {
            (Known::Day, parse_date(text))
        };
        let first = first.ok_or(PartialDateError::Malformed)?;
        if first < date(FIRST_YEAR, 1, 1) {
            return Err(PartialDateError::TooEarly);
        }
        Ok(Self { first, known })
    }
}

impl From<Date> for PartialDate {
    fn from(first: Date) -> Self {
        Self { first, known: Known::Day }
    }
}

impl TryFrom<String> for PartialDate {
    type Error = PartialDateError;

    fn try_from(text: String) -> Result<Self, PartialDateError> {
        text.trim().parse()
    }
}

impl From<PartialDate> for String {
    fn from(date: PartialDate) -> Self {
        date.to_string()
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = (self.first.year(), self.first.month());
        match self.known {
            Known::Year => write!(f, "{year:04}"),
            Known::Month => write!(f, "{year:04}-{month:02}"),
            Known::Day => write!(f, "{}", self.first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partial(text: &str) -> PartialDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_date_is_written_as_it_was_read() {
        for text in ["1850", "1984-02", "1984-02-29", "9999-12"] {
            assert_eq!(partial(text).to_string(), text);
        }
        assert_eq!(partial("1984-02").latest(), date(1984, 2, 29));
        assert_eq!((partial("1984").month(), partial("1984-02").day()), (None, None));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in
            ["", "84", "1984-13", "1984-00", "1984-2-9", "1985-02-29", "1984-", "01984", "+1984"]
        {
            assert_eq!(bad.parse::<PartialDate>(), Err(PartialDateError::Malformed), "{bad}");
        }
        for early in ["0000", "1849", "1849-12-31"] {
            assert_eq!(early.parse::<PartialDate>(), Err(PartialDateError::TooEarly), "{early}");
        }
    }

    #[test]
    fn a_date_lies_within_a_less_exact_one() {
        let dates = ["1984", "1984-02", "1984-02-29"].map(partial);
        for (i, outer) in dates.into_iter().enumerate() {
            for (j, inner) in dates.into_iter().enumerate() {
                assert_eq!(outer.contains(inner), i <= j, "{outer} {inner}");
            }
        }
        assert!(!partial("1984-02").contains(partial("1984-03-01")));
    }
}
