//! Parsers of values that several settings share.

use std::time::Duration;

use jiff::SignedDuration;

/// A length of time such as `5s`, `500ms` or `1m 30s`, up to an hour.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    let parsed = parsed.filter(|length| *length <= SignedDuration::from_hours(1));
    let parsed = parsed.and_then(|length| Duration::try_from(length).ok());
    parsed.ok_or_else(|| "is not a length of time such as 5s or 500ms, up to an hour".to_owned())
}

/// The length of a pause: a [`duration`] of at least 50 ms, so that a loop with it never spins.
pub(super) fn pause(text: &str) -> Result<Duration, String> {
    let pause = duration(text)?;
    if pause >= Duration::from_millis(50) { Ok(pause) } else { Err("is less than 50ms".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_units() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for bad in ["", "5", "-5s", "2h", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(pause("50ms"), Ok(Duration::from_millis(50)));
        assert!(pause("49ms").is_err() && pause("soon").is_err());
    }
}
