//! The local time of a clinic over a range of days: conversion of local hours to instants.

use jiff::{
    Span, Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};

use super::{Spans, Zone, utc_midnight};

/// The seconds of a day of 24 hours.
const DAY: i64 = 86_400;

/// A range of local dates of a clinic, with the UTC offsets in that range.
#[derive(Debug, Clone)]
pub struct Wall {
    first: Date,
    last: Date,
    /// Periods (start, end, UTC offset), in epoch seconds and seconds.
    offsets: Vec<(i64, i64, i64)>,
}

impl Wall {
    /// Returns the dates from `first` to `last`, both included.
    pub fn new(zone: &Zone, first: Date, last: Date) -> Self {
        // Larger than every UTC offset and every change of an offset.
        let margin = Span::new().hours(48);
        let from = utc_midnight(first).saturating_sub(margin).unwrap_or(Timestamp::MIN);
        let to = utc_midnight(last).saturating_add(margin.hours(96)).unwrap_or(Timestamp::MAX);
        Self { first, last, offsets: offsets(zone.time_zone(), from, to) }
    }

    /// Returns the dates.
    pub fn dates(&self) -> impl Iterator<Item = Date> + use<> {
        let last = self.last;
        self.first.series(Span::new().days(1)).take_while(move |date| *date <= last)
    }

    /// Returns the instants of the local period from `from` until `to` on `date`. Midnight as `to`
    /// is the end of the day. Local times that a clock change skips have no instant, repeated ones
    /// have two.
    pub fn instants(
        &self,
        date: Date,
        from: Time,
        to: Time,
    ) -> impl Iterator<Item = (i64, i64)> + '_ {
        let midnight = utc_midnight(date).as_second();
        let from = midnight + seconds(from);
        let to = midnight + if to == Time::midnight() { DAY } else { seconds(to) };
        self.offsets.iter().filter_map(move |(begins, ends, ahead)| {
            let span = ((from - ahead).max(*begins), (to - ahead).min(*ends));
            (span.0 < span.1).then_some(span)
        })
    }

    /// Returns the instants from `from` until `to` whose local time is a multiple of `step` seconds
    /// since midnight. `step` must divide a day.
    pub fn grid(&self, from: i64, to: i64, step: i64) -> impl Iterator<Item = i64> + '_ {
        self.offsets.iter().flat_map(move |(begins, ends, ahead)| {
            let (from, to) = (from.max(*begins), to.min(*ends));
            let first = from + (-(from + ahead)).rem_euclid(step);
            (0..).map(move |index| first + index * step).take_while(move |at| *at < to)
        })
    }

    /// Returns all instants of the dates.
    pub fn whole(&self) -> Spans {
        let midnight = Time::midnight();
        self.dates().flat_map(|date| self.instants(date, midnight, midnight)).collect()
    }
}

fn seconds(time: Time) -> i64 {
    i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}

fn offsets(zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<(i64, i64, i64)> {
    let ahead = |offset: jiff::tz::Offset| i64::from(offset.seconds());
    let mut begins = (from.as_second(), ahead(zone.to_offset(from)));
    let mut offsets = Vec::new();
    for change in zone.following(from).take_while(|change| change.timestamp() < to) {
        let at = change.timestamp().as_second();
        offsets.push((begins.0, at, begins.1));
        begins = (at, ahead(change.offset()));
    }
    offsets.push((begins.0, to.as_second(), begins.1));
    offsets
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, ToSpan as _, civil::date};
    use proptest::prelude::*;

    use super::*;

    fn hours(zone: &str, day: Date, from: i8, to: i8) -> i64 {
        let wall = Wall::new(&zone.parse().unwrap(), day, day);
        let time = |hour| Time::constant(hour, 0, 0, 0);
        let seconds: i64 = wall.instants(day, time(from), time(to)).map(|(a, b)| b - a).sum();
        seconds / 60
    }

    #[test]
    fn what_the_clocks_skip_or_repeat_counts_as_often_as_the_wall_shows_it() {
        // Minutes from midnight to 06:00, on the day of the change.
        assert_eq!(hours("Europe/London", date(2027, 3, 28), 0, 6), 300);
        assert_eq!(hours("Europe/London", date(2027, 10, 31), 0, 6), 420);
        assert_eq!(hours("America/New_York", date(2027, 3, 14), 2, 3), 0);
        assert_eq!(hours("America/New_York", date(2027, 11, 7), 1, 2), 120);
        assert_eq!(hours("Australia/Lord_Howe", date(2027, 10, 3), 0, 6), 330);
        assert_eq!(hours("Australia/Lord_Howe", date(2027, 4, 4), 0, 6), 390);
        assert_eq!(hours("Asia/Kathmandu", date(2027, 3, 28), 0, 6), 360);
        // The clocks go back for Ramadan and forward after it.
        assert_eq!(hours("Africa/Casablanca", date(2026, 2, 15), 0, 6), 420);
        assert_eq!(hours("Africa/Casablanca", date(2026, 3, 22), 0, 6), 300);
        // The day that Samoa skipped, and its neighbours.
        assert_eq!(hours("Pacific/Apia", date(2011, 12, 29), 0, 0), 1440);
        assert_eq!(hours("Pacific/Apia", date(2011, 12, 30), 0, 0), 0);
        assert_eq!(hours("Pacific/Apia", date(2011, 12, 31), 0, 0), 1440);
    }

    proptest! {
        #[test]
        fn an_instant_is_in_it_exactly_if_the_wall_shows_it(
            minute in 0_i64..(800 * 1440), from in 0_i8..24, to in 1_i8..24,
            name in prop::sample::select(vec![
                "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu",
                "Africa/Casablanca", "Pacific/Apia", "UTC",
            ]),
        ) {
            let zone: Zone = name.parse().unwrap();
            let at = "2026-12-01T00:00:00Z".parse::<Timestamp>().unwrap();
            let at = at + SignedDuration::from_mins(minute);
            let shown = zone.time_zone().to_datetime(at);
            let wall = Wall::new(&zone, shown.date().saturating_sub(1.day()), shown.date());
            let time = |hour| Time::constant(hour, 0, 0, 0);
            let spans: Spans = wall.instants(shown.date(), time(from), time(to)).collect();
            let within = (time(from)..time(to)).contains(&shown.time());
            prop_assert_eq!(spans.contain(at.as_second(), at.as_second() + 1), within);
            prop_assert!(wall.whole().contain(at.as_second(), at.as_second() + 1));
        }
    }
}
