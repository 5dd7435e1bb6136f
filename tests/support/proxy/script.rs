//! What happens to the calls that pass, one after the other.

use clinic_api::time::{Clock as _, SystemClock};
use jiff::{SignedDuration, Timestamp};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoilt {
    /// DynamoDB limits its rate, by table or by account; of a transaction also inside of it.
    Throttled(&'static str),
    /// DynamoDB has an error of its own, and did nothing.
    Status(u16, &'static str),
    /// It takes so much longer, in milliseconds.
    Slow(u64),
    /// It waits until it is let go.
    Held,
    /// The connection is reset before the request reaches the store.
    ResetBefore,
    /// The store has done it, and the connection is reset.
    ResetAfter,
    /// The store has done it, and half of the answer arrives.
    Truncated,
    /// The store has done it, and nothing arrives for longer than anybody waits.
    Silent,
}

/// All of them, the costly one seldom.
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

/// What is to happen.
pub(super) struct Script {
    rng: StdRng,
    /// The share of calls that are spoilt.
    share: f64,
    /// In one of these ways each.
    ways: &'static [Spoilt],
    /// What happens to the next call, whatever that share is.
    pub(super) next: Option<Spoilt>,
    /// Calls of this operation are refused with a message that echoes them.
    pub(super) echoing: Option<&'static str>,
    pub(super) spoilt: usize,
    /// How far the store's clock goes ahead of this machine's.
    pub(super) ahead: SignedDuration,
    /// How many calls it refused because they were signed at another time than its own.
    pub(super) refused_for_time: usize,
}

impl Script {
    /// Nothing, until it is told.
    pub(super) fn of(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            share: 0.0,
            ways: &SPOILT,
            next: None,
            echoing: None,
            spoilt: 0,
            ahead: SignedDuration::ZERO,
            refused_for_time: 0,
        }
    }

    /// This share of the calls is spoilt, each in one of these ways, or in any.
    pub(super) fn spoil(&mut self, share: f64, ways: Option<&'static [Spoilt]>) {
        (self.share, self.ways) = (share, ways.unwrap_or(&SPOILT));
    }

    /// What happens to the next call.
    pub(super) fn draw(&mut self) -> Option<Spoilt> {
        let drawn = self.next.take().or_else(|| {
            let spoilt = self.rng.random_bool(self.share);
            spoilt.then(|| *self.ways.choose(&mut self.rng).unwrap())
        });
        self.spoilt += usize::from(drawn.is_some());
        drawn
    }

    /// The store's time.
    pub(super) fn now(&self) -> Timestamp {
        SystemClock.now() + self.ahead
    }
}
