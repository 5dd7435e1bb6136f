//! The dates of examples. The code has fixed dates; the service moves them, so that every example
//! can be sent.

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{Date, DateTime, Weekday, date},
};

/// The Monday of the week of the examples.
const WEEK: Date = date(2027, 3, 1);
/// The beginning of each of their dates.
const YEAR: &str = "2027-";
/// The time zone of the clinic of the examples.
const ZONE: &str = "Europe/Zurich";

/// Moves the dates in a text by whole weeks. The examples are then in the week after `today`. Times of
/// day stay the same in the clinic's local time.
pub fn move_dates(text: &str, today: Date) -> String {
    let Ok(monday) = today.nth_weekday(1, Weekday::Monday) else { return text.to_owned() };
    let days = (monday - WEEK).get_days();
    let mut moved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(YEAR) {
        let (before, from) = rest.split_at(at);
        let in_time = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | 'T' | 'Z' | '+');
        let (time, after) = from.split_at(from.find(|c| !in_time(c)).unwrap_or(from.len()));
        moved += before;
        moved += &move_time(time, days).unwrap_or_else(|| time.to_owned());
        rest = after;
    }
    moved + rest
}

/// Moves a date, a local date-time or an instant, or returns `None` if it is none of them.
fn move_time(time: &str, days: i32) -> Option<String> {
    let span = Span::new().days(days);
    if time.len() == 10 {
        return Some((time.parse::<Date>().ok()? + span).to_string());
    }
    if time.ends_with('Z') {
        let moved =
            time.parse::<Timestamp>().ok()? + SignedDuration::from_hours(24 * i64::from(days));
        return Some(moved.to_string());
    }
    let local = time.get(..19)?.parse::<DateTime>().ok()? + span;
    match time.len() {
        19 => Some(local.to_string()),
        _ => Some(local.in_tz(ZONE).ok()?.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_move_by_whole_weeks_and_keep_their_local_time() {
        let text = "on 2027-03-02, at 2027-03-02T09:00:00+01:00 or 2027-03-02T09:00:00, made 2027-03-01T08:00:00Z. A-2027-0001";
        // A Wednesday in summer.
        let moved = move_dates(text, date(2030, 6, 12));
        let expected = "on 2030-06-18, at 2030-06-18T09:00:00+02:00 or 2030-06-18T09:00:00, made 2030-06-17T08:00:00Z. A-2027-0001";
        assert_eq!(moved, expected);
    }

    #[test]
    fn the_examples_are_after_today_whatever_the_weekday() {
        for day in 1..=28 {
            let today = date(2031, 2, day);
            let moved: Date = move_dates("2027-03-01", today).parse().unwrap();
            assert!(moved > today && moved <= today + Span::new().days(7), "{today} {moved}");
        }
    }
}
