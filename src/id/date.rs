//! Ids that carry a date.

use jiff::{
    ToSpan as _,
    civil::{Date, date},
};
use rand::Rng;

use super::{Appointment, DatedId, Exception, ID_BYTES, Id, decode};

const EPOCH: Date = date(1970, 1, 1);
/// The bytes of an id that hold a date, as days since 1970-01-01.
const DATE_BYTES: usize = 2;

impl<K: DatedId> Id<K> {
    /// A new id that carries a date, from 1970 to 2149: others are refused long before, and held at that bound.
    pub fn random_on(date: Date) -> Self {
        Self::random_on_from(date, &mut rand::rng())
    }

    /// The same from another source: for sample data, which are the same each time.
    pub fn random_on_from(date: Date, source: &mut impl Rng) -> Self {
        let mut bytes: [u8; ID_BYTES] = source.random();
        let days = (date - EPOCH).get_days().clamp(0, i32::from(u16::MAX));
        let days = u16::try_from(days).unwrap_or(u16::MAX);
        bytes[..DATE_BYTES].copy_from_slice(&days.to_be_bytes());
        Self::of(&bytes)
    }

    fn date(&self) -> Date {
        let bytes = decode(&self.0, K::PREFIX).unwrap_or_default();
        EPOCH.saturating_add(i32::from(u16::from_be_bytes([bytes[0], bytes[1]])).days())
    }
}

impl Id<Appointment> {
    /// The date under which the appointment was first stored.
    pub fn first_date(&self) -> Date {
        self.date()
    }
}

impl Id<Exception> {
    /// The last date of the exception.
    pub fn last_date(&self) -> Date {
        self.date()
    }
}
