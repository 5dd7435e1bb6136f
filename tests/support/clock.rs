//! The clock of a test service.

use std::sync::Mutex;

use clinic_api::time::Clock;
use jiff::{SignedDuration, Timestamp};

/// The initial time of every test's clock, a Monday. It is in the future, so that no engine treats a new record as expired.
pub const NOW: &str = "2035-01-15T08:00:00Z";

/// A clock that only moves when a test advances it.
#[derive(Debug)]
pub struct TestClock(Mutex<Timestamp>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new(NOW.parse().unwrap()))
    }
}

impl TestClock {
    /// A clock that is ahead of another.
    pub fn ahead_of(other: &Self, by: SignedDuration) -> Self {
        let clock = Self(Mutex::new(other.now()));
        clock.advance(by);
        clock
    }

    /// Advances the clock.
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
