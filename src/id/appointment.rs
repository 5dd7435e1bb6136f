//! Ids of appointments. An id contains the start and the date of the appointment's first storage
//! location.

use jiff::{Timestamp, civil::Date};
use rand::Rng;

use super::{
    Appointment, ID_BYTES, Id, IdKind as _,
    date::{date_of, day_bytes},
    decode,
};

/// The number of bytes for the minute of the first start, counted from 1970.
const MINUTE_BYTES: usize = 4;
/// The end of the bytes for the first date, which follow the minute.
const DATE_END: usize = MINUTE_BYTES + 2;

impl Id<Appointment> {
    /// Returns a new random id of an appointment that is stored under a start and its date in the
    /// clinic's local time.
    pub fn random_at(start: Timestamp, date: Date) -> Self {
        Self::random_at_from(start, date, &mut rand::rng())
    }

    /// Returns an id from another random source, for reproducible sample data.
    pub fn random_at_from(start: Timestamp, date: Date, source: &mut impl Rng) -> Self {
        let mut bytes: [u8; ID_BYTES] = source.random();
        let minute = start.as_second().div_euclid(60).clamp(0, u32::MAX.into());
        let minute = u32::try_from(minute).unwrap_or_default();
        bytes[..MINUTE_BYTES].copy_from_slice(&minute.to_be_bytes());
        bytes[MINUTE_BYTES..DATE_END].copy_from_slice(&day_bytes(date));
        Self::of(&bytes)
    }

    /// Returns the start under which the appointment was first stored.
    pub fn first_start(&self) -> Timestamp {
        let [a, b, c, d, ..] = decode(&self.0, Appointment::PREFIX).unwrap_or_default();
        let minute = u32::from_be_bytes([a, b, c, d]);
        // No appointment is after the year 9999: such an id is forged and has no record.
        Timestamp::from_second(i64::from(minute) * 60).unwrap_or_default()
    }

    /// Returns the date under which the appointment was first stored.
    pub fn first_date(&self) -> Date {
        let bytes = decode(&self.0, Appointment::PREFIX).unwrap_or_default();
        date_of([bytes[MINUTE_BYTES], bytes[MINUTE_BYTES + 1]])
    }
}
