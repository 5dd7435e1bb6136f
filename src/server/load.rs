//! The load of one connection: its requests in progress and its last activity.

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

/// The load of one connection. Clones share it.
#[derive(Debug, Clone)]
pub struct Load(watch::Sender<Requests>);

#[derive(Debug)]
struct Requests {
    begun: u64,
    under_way: BTreeMap<u64, Instant>,
    /// The last instant at which a request began or ended, or a part of a response was sent.
    active: Instant,
}

/// A request in progress. It ends when this is dropped.
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
    /// Creates the load of a connection without requests.
    pub fn new() -> Self {
        let active = Instant::now();
        Self(watch::Sender::new(Requests { begun: 0, under_way: BTreeMap::new(), active }))
    }

    /// Records the start of a request.
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

    /// Records that a part of a response was sent.
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

    /// Waits until a request is in progress, at most for `limit`.
    pub async fn busy(&self, limit: Duration) {
        let begun = self.0.borrow().begun;
        let busy = |requests: &Requests| requests.begun > begun || !requests.under_way.is_empty();
        let _ = timeout(limit, self.0.subscribe().wait_for(busy)).await;
    }

    /// Waits until the connection has been idle for `first` if it has had no request yet, or for
    /// `next` otherwise. Idle means that no request is in progress and no part of a response is
    /// sent.
    ///
    /// Requests do not wake it. It checks again at the earliest instant at which the connection can
    /// have been idle for long enough.
    pub async fn quiet(&self, first: Duration, next: Duration) {
        let called = Instant::now();
        loop {
            let (due, now) = (self.quiet_at(called, first, next), Instant::now());
            if due.is_some_and(|due| due <= now) {
                return;
            }
            // A request may start and end between two checks.
            let earliest = now + next.max(Duration::from_millis(1));
            sleep_until(due.unwrap_or(earliest).min(earliest)).await;
        }
    }

    /// Returns the instant at which the connection will have been idle for long enough. Returns
    /// `None` while a request is in progress.
    fn quiet_at(&self, called: Instant, first: Duration, next: Duration) -> Option<Instant> {
        let requests = self.0.borrow();
        let limit = if requests.begun == 0 { first } else { next };
        requests.under_way.is_empty().then(|| requests.active.max(called) + limit)
    }

    /// Waits until a request has been in progress for longer than `limit`, because its client does
    /// not read the response. It checks again at the earliest instant at which that is possible.
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
    async fn idle_time_counts_from_the_start_or_the_end_of_the_last_request() {
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
