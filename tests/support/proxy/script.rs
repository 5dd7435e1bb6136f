//! Decides what happens to each call that passes the proxy.

use clinic_api::time::{Clock as _, SystemClock};
use jiff::{SignedDuration, Timestamp};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

/// A fault of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoilt {
    /// Throttling with this error, for a table or an account. A transaction can also be throttled inside.
    Throttled(&'static str),
    /// An error of DynamoDB before it has done anything.
    Status(u16, &'static str),
    /// A delay in milliseconds.
    Slow(u64),
    /// The call waits until it is released.
    Held,
    /// The connection is reset before the request reaches the store.
    ResetBefore,
    /// The store has processed the request, and the connection is reset.
    ResetAfter,
    /// The store has processed the request, and half of the response arrives.
    Truncated,
    /// The store has processed the request, and no response arrives within any timeout.
    Silent,
}

/// All faults. The slow one is rare.
const SPOILT: [Spoilt; 14] = [
    Spoilt::Throttled("ProvisionedThroughputExceededException"),
    Spoilt::Throttled("ThrottlingException"),
    Spoilt::Throttled("RequestLimitExceeded"),
    Spoilt::Status(500, "InternalServerError"),
    Spoilt::Status(503, "ServiceUnavailable"),
    Spoilt::Slow(50),
    Spoilt::Slow(400),
    Spoilt::ResetBefore,
    Spoilt::ResetBefore,
    Spoilt::ResetAfter,
    Spoilt::ResetAfter,
    Spoilt::Truncated,
    Spoilt::Truncated,
    Spoilt::Silent,
];

/// The script of a proxy.
pub(super) struct Script {
    rng: StdRng,
    /// The share of calls that get a fault.
    share: f64,
    /// The faults to choose from.
    ways: &'static [Spoilt],
    /// The fault of the next call, independent of the share.
    pub(super) next: Option<Spoilt>,
    /// The operation whose calls are refused with a message that echoes them.
    pub(super) echoing: Option<&'static str>,
    /// Writes that contain this text are throttled.
    pub(super) throttling: Option<String>,
    pub(super) spoilt: usize,
    /// How far the store's clock is ahead of this machine's.
    pub(super) ahead: SignedDuration,
    /// The number of calls that were refused because of their signature time.
    pub(super) refused_for_time: usize,
}

impl Script {
    /// A script without faults.
    pub(super) fn of(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            share: 0.0,
            ways: &SPOILT,
            next: None,
            echoing: None,
            throttling: None,
            spoilt: 0,
            ahead: SignedDuration::ZERO,
            refused_for_time: 0,
        }
    }

    /// Injects faults into this share of the calls, from the given ones or from all.
    pub(super) fn spoil(&mut self, share: f64, ways: Option<&'static [Spoilt]>) {
        (self.share, self.ways) = (share, ways.unwrap_or(&SPOILT));
    }

    /// The fault of the next call.
    pub(super) fn draw(&mut self) -> Option<Spoilt> {
        let drawn = self.next.take().or_else(|| {
            let spoilt = self.rng.random_bool(self.share);
            spoilt.then(|| *self.ways.choose(&mut self.rng).unwrap())
        });
        self.spoilt += usize::from(drawn.is_some());
        drawn
    }

    /// The time of the store's clock.
    pub(super) fn now(&self) -> Timestamp {
        SystemClock.now() + self.ahead
    }
}
