//! The clock, UTC days, time zones and weekly hours.

mod hours;
mod retention;
mod spans;
mod wall;
mod working;
mod zone;

pub use hours::{Weekday, WeeklyHours, optional_hour_minute};
use jiff::{
    SignedDuration, Timestamp, Unit,
    civil::{Date, Time},
    tz::TimeZone,
};
pub use retention::Retention;
use serde::{Deserialize as _, Deserializer, de::Error as _};
pub use spans::Spans;
pub use wall::Wall;
pub use working::{DatedHours, Effect, working_time};
pub use zone::{LocalTimeError, UnknownZone, Zone};

/// The source of the current time. Tests use one that stands still.
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time, rounded to milliseconds.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        let now = Timestamp::now();
        now.round(Unit::Millisecond).unwrap_or(now)
    }
}

/// Returns whether a text has a digit where `shape` has `0`, and is equal to `shape` elsewhere.
pub fn is_shaped(text: &str, shape: &str) -> bool {
    let fits = |(a, b): (u8, u8)| if b == b'0' { a.is_ascii_digit() } else { a == b };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

/// Parses a calendar date in the format `YYYY-MM-DD` only (RFC 3339, and `date` of JSON Schema).
pub fn parse_date(text: &str) -> Option<Date> {
    text.parse().ok().filter(|_| is_shaped(text, "0000-00-00"))
}

/// Deserialises an optional date as `YYYY-MM-DD`. Errors do not quote the value.
pub fn optional_date<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<Date>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| read_date(&text).map(T::from)).transpose()
}

/// Deserialises a date as `YYYY-MM-DD`. Errors do not quote the value.
pub fn date_only<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    read_date(&String::deserialize(deserializer)?)
}

fn read_date<E: serde::de::Error>(text: &str) -> Result<Date, E> {
    parse_date(text).ok_or_else(|| E::custom("must be a date, for example 1984-02-29"))
}

/// Deserialises an optional instant (RFC 3339). Errors do not quote the value.
pub fn optional_instant<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let wrong = |_| {
        D::Error::custom("must be a date-time with a UTC offset, for example 2027-03-01T00:00:00Z")
    };
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

/// Returns the UTC date of an instant.
pub fn utc_date(instant: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(instant).date()
}

/// Returns the UTC dates of the period from `start` until `end`, which is excluded.
pub fn utc_dates(start: Timestamp, end: Timestamp) -> Vec<Date> {
    let last_moment = end.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(end);
    let last = utc_date(last_moment.max(start));
    utc_date(start).series(jiff::Span::new().days(1)).take_while(|date| *date <= last).collect()
}

/// Formats an instant as text that sorts by time: always three decimals of a second.
pub fn sortable(instant: Timestamp) -> String {
    format!("{instant:.3}")
}

/// Formats the minute of an instant as text that sorts by time, for example `2027-03-02T08:00Z`.
pub fn sortable_minute(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%MZ").to_string()
}

/// Returns the instant at which `date` begins in UTC.
pub fn utc_midnight(date: Date) -> Timestamp {
    TimeZone::UTC
        .to_timestamp(date.to_datetime(Time::midnight()))
        .unwrap_or(if date.year() < 1970 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan as _, civil::date};
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn dates_are_ten_characters() {
        assert_eq!(parse_date("2028-02-29"), Some(date(2028, 2, 29)));
        for bad in [
            "",
            "20280229",
            "2027-02-29",
            "2028-2-29",
            "+2028-02-29",
            "2028-02-29T10:00",
            "2028-02-29[X]",
            "٢٠٢٨-٠٢",
        ] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_ends_at_midnight_utc_does_not_touch_the_next_day() {
        let (start, end) = (instant("2027-06-30T23:00:00Z"), instant("2027-07-01T00:00:00Z"));
        assert_eq!(utc_dates(start, end), [date(2027, 6, 30)]);
        let later = instant("2027-07-01T00:01:00Z");
        assert_eq!(utc_dates(start, later), [date(2027, 6, 30), date(2027, 7, 1)]);
    }

    proptest! {
        #[test]
        fn sortable_text_sorts_as_time(a in 0_i64..4_102_444_800_000, b in 0_i64..4_102_444_800_000) {
            let (a, b) = (Timestamp::from_millisecond(a).unwrap(), Timestamp::from_millisecond(b).unwrap());
            prop_assert_eq!(a.cmp(&b), sortable(a).cmp(&sortable(b)));
            let minute = |at: Timestamp| at.as_second().div_euclid(60);
            let by_minute = sortable_minute(a).cmp(&sortable_minute(b));
            prop_assert_eq!(minute(a).cmp(&minute(b)), by_minute);
        }

        #[test]
        fn utc_dates_cover_the_time_and_nothing_else(start in 0_i64..2_000_000, minutes in 1_i64..2_880) {
            let start = Timestamp::from_second(1_900_000_000 + start * 60).unwrap();
            let end = start.checked_add(SignedDuration::from_mins(minutes)).unwrap();
            let dates = utc_dates(start, end);
            prop_assert!(utc_midnight(dates[0]) <= start);
            let last = *dates.last().unwrap();
            prop_assert!(utc_midnight(last) < end);
            prop_assert!(utc_midnight(last.saturating_add(1.day())) >= end);
        }
    }
}
