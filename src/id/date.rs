//! Dates in ids.

use jiff::{
    ToSpan as _,
    civil::{Date, date},
};

const EPOCH: Date = date(1970, 1, 1);
/// The number of bytes for a date, as days since 1970-01-01.
pub(super) const DATE_BYTES: usize = 2;

/// Encodes a date from 1970 to 2149. Validation rejects other dates earlier; here they are clamped.
pub(super) fn day_bytes(date: Date) -> [u8; DATE_BYTES] {
    let days = (date - EPOCH).get_days().clamp(0, i32::from(u16::MAX));
    u16::try_from(days).unwrap_or(u16::MAX).to_be_bytes()
}

/// Decodes a date.
pub(super) fn date_of(days: [u8; DATE_BYTES]) -> Date {
    EPOCH.saturating_add(i32::from(u16::from_be_bytes(days)).days())
}
