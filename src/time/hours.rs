//! Weekly opening and working hours.

use jiff::civil::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl From<jiff::civil::Weekday> for Weekday {
    fn from(day: jiff::civil::Weekday) -> Self {
        use jiff::civil::Weekday as Civil;
        match day {
            Civil::Monday => Self::Monday,
            Civil::Tuesday => Self::Tuesday,
            Civil::Wednesday => Self::Wednesday,
            Civil::Thursday => Self::Thursday,
            Civil::Friday => Self::Friday,
            Civil::Saturday => Self::Saturday,
            Civil::Sunday => Self::Sunday,
        }
    }
}

/// One span of weekly opening or working hours, in the clinic's local time. A day may have several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeeklyHours {
    /// The day of the week.
    pub weekday: Weekday,
    /// The start of the span.
    #[serde(with = "hour_minute")]
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "08:00")]
    pub from: Time,
    /// The end of the span, later on the same day. `24:00` is the end of the day; it is stored and returned as `00:00`. Hours over midnight are two spans.
    #[serde(serialize_with = "hour_minute::serialize", deserialize_with = "hour_minute::end")]
    #[schema(value_type = String, pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", example = "17:30")]
    pub to: Time,
}

/// A time of day as `HH:MM`.
mod hour_minute {
    use jiff::civil::Time;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error};

    use crate::time::is_shaped;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time.strftime("%H:%M"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        read(&String::deserialize(deserializer)?)
    }

    /// Reads the end of a span, which may be the end of the day.
    pub fn end<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "24:00" => Ok(Time::midnight()),
            text => read(text),
        }
    }

    fn read<E: Error>(text: &str) -> Result<Time, E> {
        let time = Time::strptime("%H:%M", text).ok().filter(|_| is_shaped(text, "00:00"));
        time.ok_or_else(|| E::custom("must be a time of day, for example 08:30"))
    }
}

/// An optional time of day as `HH:MM`.
pub mod optional_hour_minute {
    use jiff::civil::Time;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct HourMinute(#[serde(with = "super::hour_minute")] Time);

    #[derive(Deserialize)]
    struct End(#[serde(deserialize_with = "super::hour_minute::end")] Time);

    /// Writes `HH:MM`, or null.
    pub fn serialize<S: Serializer>(time: &Option<Time>, to: S) -> Result<S::Ok, S::Error> {
        time.map(HourMinute).serialize(to)
    }

    /// Reads `HH:MM`, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Time>, D::Error> {
        Ok(Option::<HourMinute>::deserialize(from)?.map(|HourMinute(time)| time))
    }

    /// Reads the end of a span, or null.
    pub fn end<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Time>, D::Error> {
        Ok(Option::<End>::deserialize(from)?.map(|End(time)| time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_written_as_they_were_read() {
        let text = r#"{"weekday":"monday","from":"08:05","to":"17:30"}"#;
        let hours: WeeklyHours = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&hours).unwrap(), text);
        let whole = text.replace("17:30", "24:00");
        let hours: WeeklyHours = serde_json::from_str(&whole).unwrap();
        assert_eq!(serde_json::to_string(&hours).unwrap(), text.replace("17:30", "00:00"));
        for bad in ["8:05", " 8:05", "08: 5", "08:05:00", "24:00", "0805", ""] {
            let text = text.replace("08:05", bad);
            assert!(serde_json::from_str::<WeeklyHours>(&text).is_err(), "{bad}");
        }
    }
}
