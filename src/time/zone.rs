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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalTimeError {
    /// The clocks were put forward over it.
    #[error(
        "{local} does not exist in {zone}: the clocks go forward over it; give the start with an offset"
    )]
    Gap {
        /// The local time asked for.
        local: DateTime,
        /// The zone's name.
        zone: String,
    },
    /// The clocks were put back over it.
    #[error(
        "{local} comes twice in {zone}, as the clocks go back: give the start with an offset, {earlier} or {later}"
    )]
    Fold {
        /// The local time asked for.
        local: DateTime,
        /// The zone's name.
        zone: String,
        /// The first instant that it may mean, with its offset.
        earlier: String,
        /// The second one.
        later: String,
    },
    /// It lies outside the years that can be computed with.
    #[error("is too far from now")]
    OutOfRange,
}

impl Zone {
    /// The zone's name in the IANA database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("Etc/Unknown")
    }

    pub(super) fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// The date on the clinic's wall at `instant`.
    #[must_use]
    pub fn local_date(&self, instant: Timestamp) -> Date {
        self.0.to_datetime(instant).date()
    }

    /// The date on the clinic's wall just before `end`: the last one of what ends then.
    #[must_use]
    pub fn last_date(&self, end: Timestamp) -> Date {
        let second = SignedDuration::from_secs(1);
        self.local_date(end.saturating_sub(second).unwrap_or(end))
    }

    /// The first and the last date that the clinic's wall shows on some UTC days.
    #[must_use]
    pub fn dates_of_utc(&self, first: Date, last: Date) -> (Date, Date) {
        let end = utc_midnight(last.tomorrow().unwrap_or(last));
        (self.local_date(utc_midnight(first)), self.last_date(end))
    }

    /// `instant` with the zone's offset, as `2026-03-02T09:00:00+01:00` (RFC 3339).
    #[must_use]
    pub fn with_offset(&self, instant: Timestamp) -> String {
        instant.display_with_offset(self.0.to_offset(instant)).to_string()
    }

    /// The instant that `local` names on the clinic's wall.
    ///
    /// # Errors
    /// [`LocalTimeError`] where it names none (the clocks go forward over it) or two (they go back).
    pub fn instant_of(&self, local: DateTime) -> Result<Timestamp, LocalTimeError> {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        let zone = self.name().to_owned();
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => {
                ambiguous.unambiguous().map_err(|_| LocalTimeError::OutOfRange)
            }
            AmbiguousOffset::Gap { .. } => Err(LocalTimeError::Gap { local, zone }),
            AmbiguousOffset::Fold { before, after } => {
                let at = |offset: jiff::tz::Offset| {
                    offset
                        .to_timestamp(local)
                        .map(|instant| instant.display_with_offset(offset).to_string())
                        .map_err(|_| LocalTimeError::OutOfRange)
                };
                Err(LocalTimeError::Fold { local, zone, earlier: at(before)?, later: at(after)? })
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
    use jiff::{SignedDuration, ToSpan as _, civil::date};
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
    fn a_local_time_in_the_spring_gap_is_refused() {
        let refused = zone("Europe/Zurich").instant_of(local("2027-03-28T02:30:00"));
        assert!(matches!(refused, Err(LocalTimeError::Gap { .. })), "{refused:?}");
    }

    #[test]
    fn a_local_time_in_the_autumn_fold_is_refused_with_both_instants() {
        let refused = zone("Europe/Zurich").instant_of(local("2027-10-31T02:30:00"));
        let Err(LocalTimeError::Fold { earlier, later, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(earlier, "2027-10-31T02:30:00+02:00");
        assert_eq!(later, "2027-10-31T02:30:00+01:00");
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
    fn midnight_belongs_to_the_day_that_it_begins() {
        let auckland = zone("Pacific/Auckland");
        assert_eq!(auckland.local_date(instant("2027-06-30T11:59:00Z")), date(2027, 6, 30));
        assert_eq!(auckland.local_date(instant("2027-06-30T12:00:00Z")), date(2027, 7, 1));
    }

    #[test]
    fn a_leap_day_is_a_day() {
        let at = zone("America/New_York").instant_of(local("2028-02-29T23:30:00")).unwrap();
        assert_eq!(at, instant("2028-03-01T04:30:00Z"));
        assert_eq!(zone("America/New_York").local_date(at), date(2028, 2, 29));
    }

    #[test]
    fn a_25_hour_day_keeps_one_date_over_both_of_its_second_hours() {
        let zurich = zone("Europe/Zurich");
        let midnight = zurich.instant_of(local("2027-10-31T00:00:00")).unwrap();
        for hour in 0..25 {
            let at = midnight.checked_add(SignedDuration::from_hours(hour)).unwrap();
            assert_eq!(zurich.local_date(at), date(2027, 10, 31), "hour {hour}");
        }
        let next = midnight.checked_add(SignedDuration::from_hours(25)).unwrap();
        assert_eq!(zurich.local_date(next), date(2027, 11, 1));
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
                Err(LocalTimeError::Gap { .. }) => {}
                Err(LocalTimeError::Fold { earlier, later, .. }) => {
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
