//! The load of one connection: which requests are under way, and the last activity.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// The load of one connection. Clones are of the same connection.
#[derive(Debug, Clone)]
pub struct Load(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    requests: Mutex<Requests>,
    begun: Notify,
}

#[derive(Debug)]
struct Requests {
    begun: u64,
    under_way: BTreeMap<u64, Instant>,
    /// The instant at which a request last began or ended, or a part of a response was sent.
    active: Instant,
}

/// A request that is under way for as long as this lives.
#[derive(Debug)]
pub struct UnderWay {
    load: Load,
    number: u64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut requests = self.load.requests();
        requests.under_way.remove(&self.number);
        requests.active = Instant::now();
    }
}

impl Load {
    /// The load of a connection on which no request has arrived.
    pub fn new() -> Self {
        let requests = Requests { begun: 0, under_way: BTreeMap::new(), active: Instant::now() };
        Self(Arc::new(Shared { requests: Mutex::new(requests), begun: Notify::new() }))
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request that has arrived.
    pub fn begin(&self) -> UnderWay {
        let mut requests = self.requests();
        requests.begun += 1;
        requests.active = Instant::now();
        let (number, active) = (requests.begun, requests.active);
        requests.under_way.insert(number, active);
        drop(requests);
        self.0.begun.notify_waiters();
        UnderWay { load: self.clone(), number }
    }

    /// Notes that a part of a response was sent.
    pub fn sent(&self) {
        let mut requests = self.requests();
        if requests.begun > 0 {
            requests.active = Instant::now();
        }
    }

    /// Returns whether a request has ever arrived.
    pub fn has_begun(&self) -> bool {
        self.requests().begun > 0
    }

    /// Waits for `limit` at most until a request is under way.
    pub async fn busy(&self, limit: Duration) {
        let begun = self.0.begun.notified();
        if self.requests().under_way.is_empty() {
            let _ = tokio::time::timeout(limit, begun).await;
        }
    }

    /// Waits until nothing has happened for `first`, while no request has ever arrived, or for `next`, once one has: no
    /// request was under way, and no part of a response was sent.
    ///
    /// Requests do not wake it: it checks again when, at the earliest, there can have been as much silence.
    pub async fn quiet(&self, first: Duration, next: Duration) {
        let called = Instant::now();
        loop {
            let (due, now) = (self.quiet_at(called, first, next), Instant::now());
            if due.is_some_and(|due| due <= now) {
                return;
            }
            // A request may come and go at once.
            let earliest = now + next.max(Duration::from_millis(1));
            sleep_until(due.unwrap_or(earliest).min(earliest)).await;
        }
    }

    /// The instant at which the silence is long enough, if nothing happens meanwhile; `None` while a request is under way.
    fn quiet_at(&self, called: Instant, first: Duration, next: Duration) -> Option<Instant> {
        let requests = self.requests();
        let limit = if requests.begun == 0 { first } else { next };
        requests.under_way.is_empty().then(|| requests.active.max(called) + limit)
    }

    /// Waits until a request has been under way for longer than `limit`: its client takes nothing of the response. Checks
    /// again when, at the earliest, there can be one.
    pub async fn overdue(&self, limit: Duration) {
        loop {
            let oldest = self.requests().under_way.values().next().copied();
            let due = oldest.unwrap_or_else(Instant::now) + limit;
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const FIRST: Duration = Duration::from_secs(10);
    const NEXT: Duration = Duration::from_secs(75);

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_the_start_and_from_the_end_of_the_last_request() {
        let (load, opened) = (Load::new(), Instant::now());
        load.quiet(FIRST, NEXT).await;
        assert_eq!(opened.elapsed().as_secs(), 10);
        let request = load.begin();
        let task = tokio::spawn({
            let load = load.clone();
            async move { load.quiet(FIRST, NEXT).await }
        });
        advance(Duration::from_mins(5)).await;
        assert!(!task.is_finished(), "a request is under way");
        drop(request);
        task.await.unwrap();
        assert_eq!(opened.elapsed().as_secs(), 10 + 300 + 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_that_is_sent_is_no_silence() {
        let (load, opened) = (Load::new(), Instant::now());
        drop(load.begin());
        let reader = load.clone();
        tokio::spawn(async move {
            for _ in 0..3 {
                advance(Duration::from_mins(1)).await;
                reader.sent();
            }
        });
        load.quiet(FIRST, NEXT).await;
        assert!(opened.elapsed() >= Duration::from_mins(3) + NEXT);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_request_is_overdue_first() {
        let (load, opened) = (Load::new(), Instant::now());
        let old = load.begin();
        advance(Duration::from_secs(8)).await;
        let young = load.begin();
        drop(old);
        load.overdue(FIRST).await;
        assert_eq!(opened.elapsed().as_secs(), 18, "the first one had finished");
        drop(young);
        load.quiet(FIRST, FIRST).await;
        load.busy(FIRST).await;
    }
}
