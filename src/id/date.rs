//! Dates within ids.

use jiff::{
    ToSpan as _,
    civil::{Date, date},
};

const EPOCH: Date = date(1970, 1, 1);
/// The bytes of an id that hold a date, as days since 1970-01-01.
pub(super) const DATE_BYTES: usize = 2;

/// A date, from 1970 to 2149, as an id holds it: others are refused long before, and held at that bound.
pub(super) fn day_bytes(date: Date) -> [u8; DATE_BYTES] {
    let days = (date - EPOCH).get_days().clamp(0, i32::from(u16::MAX));
    u16::try_from(days).unwrap_or(u16::MAX).to_be_bytes()
}

/// The date that an id holds.
pub(super) fn date_of(days: [u8; DATE_BYTES]) -> Date {
    EPOCH.saturating_add(i32::from(u16::from_be_bytes(days)).days())
}
