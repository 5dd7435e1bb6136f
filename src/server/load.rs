//! The requests of one connection: how many there have been, which are under way, and when an answer moved last.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// The requests of one connection. Clones are of the same connection.
#[derive(Debug, Clone)]
pub struct Load {
    requests: watch::Sender<Requests>,
    opened: Instant,
    /// Milliseconds after `opened`.
    moved: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Requests {
    begun: u64,
    under_way: BTreeMap<u64, Instant>,
    /// When one began or ended last.
    changed: Instant,
}

/// A request that is under way for as long as this lives.
#[derive(Debug)]
pub struct UnderWay {
    requests: watch::Sender<Requests>,
    number: u64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // Nobody waits for the end of one.
        self.requests.send_if_modified(|requests| {
            requests.under_way.remove(&self.number);
            requests.changed = Instant::now();
            false
        });
    }
}

impl Load {
    /// A connection on which nothing has come yet.
    pub fn new() -> Self {
        let opened = Instant::now();
        let requests = Requests { begun: 0, under_way: BTreeMap::new(), changed: opened };
        Self { requests: watch::Sender::new(requests), opened, moved: Arc::default() }
    }

    /// A request has arrived.
    pub fn begin(&self) -> UnderWay {
        let mut number = 0;
        self.requests.send_if_modified(|requests| {
            requests.begun += 1;
            number = requests.begun;
            requests.changed = Instant::now();
            requests.under_way.insert(number, requests.changed);
            // While nobody waits for one, no task need be looked for that does.
            self.requests.receiver_count() > 0
        });
        UnderWay { requests: self.requests.clone(), number }
    }

    /// A part of an answer was sent.
    pub fn moved(&self) {
        let millis = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(millis, Ordering::Relaxed);
    }

    /// Whether a request has ever arrived.
    pub fn has_begun(&self) -> bool {
        self.requests.borrow().begun > 0
    }

    /// Waits for `limit` at most until a request is under way.
    pub async fn busy(&self, limit: Duration) {
        let mut requests = self.requests.subscribe();
        let busy = requests.wait_for(|requests| !requests.under_way.is_empty());
        let _ = tokio::time::timeout(limit, busy).await;
    }

    /// Waits until nothing has gone on for `first`, while no request has ever arrived, or for `next`, once one has: no
    /// request was under way, and no part of an answer was sent.
    ///
    /// Requests do not wake it: it looks again when, at the earliest, there can have been as much silence.
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

    /// When there will have been as much silence, if nothing goes on meanwhile; nobody knows while a request is under way.
    fn quiet_at(&self, called: Instant, first: Duration, next: Duration) -> Option<Instant> {
        let requests = self.requests.borrow();
        let silent_since = requests.changed.max(called);
        match requests.begun {
            _ if !requests.under_way.is_empty() => None,
            0 => Some(silent_since + first),
            _ => Some(self.last_moved().max(silent_since) + next),
        }
    }

    /// Waits until a request has been under way for longer than `limit`: its client takes nothing of the answer. Looks again
    /// when, at the earliest, there can be one.
    pub async fn overdue(&self, limit: Duration) {
        loop {
            let oldest = self.requests.borrow().under_way.values().next().copied();
            let due = oldest.unwrap_or_else(Instant::now) + limit;
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }

    fn last_moved(&self) -> Instant {
        self.opened + Duration::from_millis(self.moved.load(Ordering::Relaxed))
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
        let load = Load::new();
        load.quiet(FIRST, NEXT).await;
        assert_eq!(load.opened.elapsed().as_secs(), 10);
        let request = load.begin();
        let task = tokio::spawn({
            let load = load.clone();
            async move { load.quiet(FIRST, NEXT).await }
        });
        advance(Duration::from_mins(5)).await;
        assert!(!task.is_finished(), "a request is under way");
        drop(request);
        task.await.unwrap();
        assert_eq!(load.opened.elapsed().as_secs(), 10 + 300 + 75);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_moves_is_no_silence() {
        let load = Load::new();
        drop(load.begin());
        let reader = load.clone();
        tokio::spawn(async move {
            for _ in 0..3 {
                advance(Duration::from_mins(1)).await;
                reader.moved();
            }
        });
        load.quiet(FIRST, NEXT).await;
        assert!(load.opened.elapsed() >= Duration::from_mins(3) + NEXT);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_request_is_overdue_first() {
        let load = Load::new();
        let old = load.begin();
        advance(Duration::from_secs(8)).await;
        let young = load.begin();
        drop(old);
        load.overdue(FIRST).await;
        assert_eq!(load.opened.elapsed().as_secs(), 18, "the first one had finished");
        drop(young);
        load.quiet(FIRST, FIRST).await;
        load.busy(FIRST).await;
    }
}
