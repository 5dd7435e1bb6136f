//! The load of one connection: which requests are under way, and the last activity.

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

/// The load of one connection. Clones are of the same connection.
#[derive(Debug, Clone)]
pub struct Load(watch::Sender<Requests>);

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
        self.load.0.send_modify(|requests| {
            requests.under_way.remove(&self.number);
            requests.active = Instant::now();
        });
    }
}

impl Load {
    /// The load of a connection on which no request has arrived.
    pub fn new() -> Self {
        let active = Instant::now();
        Self(watch::Sender::new(Requests { begun: 0, under_way: BTreeMap::new(), active }))
    }

    /// Counts a request that has arrived.
    pub fn begin(&self) -> UnderWay {
        let mut number = 0;
        self.0.send_modify(|requests| {
            requests.begun += 1;
            requests.active = Instant::now();
            number = requests.begun;
            requests.under_way.insert(number, requests.active);
        });
        UnderWay { load: self.clone(), number }
    }

    /// Notes that a part of a response was sent.
    pub fn sent(&self) {
        self.0.send_if_modified(|requests| {
            if requests.begun > 0 {
                requests.active = Instant::now();
            }
            false
        });
    }

    pub fn has_begun(&self) -> bool {
        self.0.borrow().begun > 0
    }

    /// Waits for `limit` at most until a request is under way.
    pub async fn busy(&self, limit: Duration) {
        let begun = self.0.borrow().begun;
        let busy = |requests: &Requests| requests.begun > begun || !requests.under_way.is_empty();
        let _ = timeout(limit, self.0.subscribe().wait_for(busy)).await;
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
        let requests = self.0.borrow();
        let limit = if requests.begun == 0 { first } else { next };
        requests.under_way.is_empty().then(|| requests.active.max(called) + limit)
    }

    /// Waits until a request has been under way for longer than `limit`: its client takes nothing of the response. Checks
    /// again when, at the earliest, there can be one.
    pub async fn overdue(&self, limit: Duration) {
        loop {
            let oldest = self.0.borrow().under_way.values().next().copied();
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
