//! Working time: weekly hours and exceptions on dates.

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Spans, Wall, WeeklyHours};

/// The effect of an exception to the weekly hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = ExceptionEffect)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// No work during the weekly hours, for example on a holiday or on leave.
    Closed,
    /// Work outside the weekly hours, for example on an extra day. `closed` takes precedence.
    Open,
}

/// Hours of a range of dates that differ from the weekly hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedHours {
    /// The first date.
    pub first: Date,
    /// The last date, included.
    pub last: Date,
    /// Whether there is work during these hours.
    pub effect: Effect,
    /// The start on each date. `None` is the start of the day.
    pub from: Option<Time>,
    /// The end on the same date. `None` and midnight are the end of the day.
    pub to: Option<Time>,
}

impl DatedHours {
    fn instants<'a>(&'a self, wall: &'a Wall) -> impl Iterator<Item = (i64, i64)> + 'a {
        let midnight = Time::midnight();
        let (from, to) = (self.from.unwrap_or(midnight), self.to.unwrap_or(midnight));
        let dates = wall.dates().filter(|date| (self.first..=self.last).contains(date));
        dates.flat_map(move |date| wall.instants(date, from, to))
    }
}

/// Returns the working time: weekly hours and `open` exceptions, without `closed` ones. With `None`
/// as weekly hours, all time except `closed`; with an empty list, only `open` exceptions.
pub fn working_time<'a>(
    wall: &'a Wall,
    weekly: Option<&[WeeklyHours]>,
    dated: &[&'a DatedHours],
) -> Spans {
    let of = |effect: Effect| {
        dated.iter().copied().filter(move |hours: &&'a DatedHours| hours.effect == effect)
    };
    let closed: Spans = of(Effect::Closed).flat_map(|hours| hours.instants(wall)).collect();
    let open = if let Some(weekly) = weekly {
        let by_week = wall.dates().flat_map(|date| {
            let today = move |hours: &&WeeklyHours| hours.weekday == date.weekday().into();
            let hours = weekly.iter().filter(today);
            hours.flat_map(move |hours| wall.instants(date, hours.from, hours.to))
        });
        by_week.chain(of(Effect::Open).flat_map(|hours| hours.instants(wall))).collect()
    } else {
        wall.whole()
    };
    open.without(&closed)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::time::Weekday;

    fn weekly(weekday: Weekday, from: i8, to: i8) -> WeeklyHours {
        WeeklyHours { weekday, from: at(from), to: at(to) }
    }

    fn at(hour: i8) -> Time {
        Time::constant(hour, 0, 0, 0)
    }

    fn dated(first: Date, last: Date, effect: Effect, hours: Option<(i8, i8)>) -> DatedHours {
        let (from, to) = (hours.map(|hours| at(hours.0)), hours.map(|hours| at(hours.1)));
        DatedHours { first, last, effect, from, to }
    }

    /// Hours of work on 1 March 2027, a Monday, and the two days after it, in UTC.
    fn worked(weekly: &[WeeklyHours], dated: &[DatedHours]) -> Vec<(i64, i64)> {
        let wall = Wall::new(&"UTC".parse().unwrap(), MONDAY, date(2027, 3, 3));
        let midnight = crate::time::utc_midnight(MONDAY).as_second();
        let hours = |second: i64| (second - midnight) / 3600;
        working_time(&wall, Some(weekly), &dated.iter().collect::<Vec<_>>())
            .iter()
            .map(|(a, b)| (hours(a), hours(b)))
            .collect()
    }

    const MONDAY: Date = date(2027, 3, 1);
    const TUESDAY: Date = date(2027, 3, 2);

    #[test]
    fn weekly_hours_count_and_dates_open_more_and_close() {
        let hours = [weekly(Weekday::Monday, 8, 12), weekly(Weekday::Monday, 13, 17)];
        assert_eq!(worked(&hours, &[]), [(8, 12), (13, 17)]);
        let leave = dated(MONDAY, TUESDAY, Effect::Closed, None);
        assert_eq!(worked(&hours, std::slice::from_ref(&leave)), []);
        let dentist = dated(MONDAY, MONDAY, Effect::Closed, Some((11, 14)));
        assert_eq!(worked(&hours, std::slice::from_ref(&dentist)), [(8, 11), (14, 17)]);
        let extra = dated(TUESDAY, TUESDAY, Effect::Open, Some((9, 11)));
        assert_eq!(worked(&hours, std::slice::from_ref(&extra)), [(8, 12), (13, 17), (33, 35)]);
        // `closed` takes precedence in any order.
        assert_eq!(worked(&hours, &[extra.clone(), leave.clone()]), []);
        assert_eq!(worked(&hours, &[leave, extra.clone()]), []);
        // An empty list of hours means no work, except for `open` exceptions.
        assert_eq!(worked(&[], &[]), []);
        assert_eq!(worked(&[], &[extra]), [(33, 35)]);
    }

    #[test]
    fn hours_until_midnight_go_on_on_the_next_day() {
        let night = [weekly(Weekday::Monday, 20, 0), weekly(Weekday::Tuesday, 0, 6)];
        assert_eq!(worked(&night, &[]), [(20, 30)]);
    }
}
