//! The retention period of stored items.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};

/// A hundred years. A larger number is a mistake.
const MOST_DAYS: u16 = 36_525;

/// The number of days after which TTL deletes an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(u16);

impl Retention {
    /// Ten years, including leap days.
    pub const TEN_YEARS: Self = Self(3653);

    /// Returns the expiry of an item that is written at an instant.
    pub fn expiry(self, written: Timestamp) -> Timestamp {
        let kept = SignedDuration::from_hours(24 * i64::from(self.0));
        written.saturating_add(kept).unwrap_or(Timestamp::MAX)
    }
}

impl FromStr for Retention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
        let days = days.ok_or_else(|| format!("must be a number of days from 1 to {MOST_DAYS}"))?;
        Ok(Self(days))
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_is_a_number_of_days() {
        let written: Timestamp = "2035-01-15T08:00:00Z".parse().unwrap();
        for (days, expiry) in [
            ("1", "2035-01-16T08:00:00Z"),
            ("3653", "2045-01-15T08:00:00Z"),
            ("36525", "2135-01-16T08:00:00Z"),
        ] {
            let retention: Retention = days.parse().unwrap();
            assert_eq!(retention.expiry(written).to_string(), expiry);
            assert_eq!(retention.to_string(), days);
        }
        for bad in ["", "0", "-1", "36526", "10y", "3653.0"] {
            assert!(bad.parse::<Retention>().is_err(), "{bad}");
        }
    }
}
