//! The clock of a service of the tests.

use std::sync::Mutex;

use clinic_api::time::Clock;
use jiff::{SignedDuration, Timestamp};

/// The instant at which the clock of every test stands, on a Monday. It lies ahead of the real one, so that no
/// engine takes a fresh record for an expired one.
pub const NOW: &str = "2035-01-15T08:00:00Z";

/// A clock that moves when it is told to.
#[derive(Debug)]
pub struct TestClock(Mutex<Timestamp>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new(NOW.parse().unwrap()))
    }
}

impl TestClock {
    /// One that goes ahead of another.
    pub fn ahead_of(other: &Self, by: SignedDuration) -> Self {
        let clock = Self(Mutex::new(other.now()));
        clock.advance(by);
        clock
    }

    /// Moves the clock.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
