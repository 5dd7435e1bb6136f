//! The places that requests take: fewer while those that are ready to go on wait for a CPU.
//!
//! How many requests a process bears depends on what they wait for. Of those that wait for DynamoDB it bears a thousand. Of
//! those that wait for a CPU it bears few: any more only wait in the runtime's queue, and so does who is turned away. So the
//! queue is looked at, as `CoDel` does (RFC 8289): one that is never short for a while is a standing one, and gets nothing done
//! sooner. How long it takes to pass is proportional to how many are in it (Little's law), so each look tells how many
//! requests would make a queue that is short enough. While the threads have time to spare there is no standing queue, however
//! long a look took: a container that has used up its CPU time of a period just stands still.

use std::{
    sync::{
        Arc, Mutex, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::queue::{Judgement, Queue, busy, pass};
use crate::http::metrics;

/// The places that requests take. Clones share them.
#[derive(Debug, Clone)]
pub struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    fewest: usize,
    most: usize,
    allowed: AtomicUsize,
    taken: AtomicUsize,
    /// Whether somebody found no place since the queue was judged last.
    refused: AtomicBool,
    queue: Mutex<Queue>,
}

/// A place that is taken for as long as this lives.
#[derive(Debug)]
pub struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Relaxed);
    }
}

impl Places {
    /// So many places at least, however busy the process is, and so many at most. Until somebody finds none, twice as many
    /// at least.
    #[must_use]
    pub fn new(fewest: usize, most: usize) -> Self {
        Self(Arc::new(Shared {
            fewest: fewest.min(most),
            most,
            allowed: AtomicUsize::new(most),
            taken: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
            queue: Mutex::new(Queue::new(Instant::now(), Duration::ZERO)),
        }))
    }

    /// A place, if there is one.
    #[must_use]
    pub fn take(&self) -> Option<Place> {
        let allowed = self.0.allowed.load(Relaxed);
        let more = |taken| (taken < allowed).then_some(taken + 1);
        if self.0.taken.fetch_update(Relaxed, Relaxed, more).is_err() {
            self.0.refused.store(true, Relaxed);
            return None;
        }
        Some(Place(self.0.clone()))
    }

    /// Has a task pass the runtime's queue, now and then, and judges by how long that takes how many places there are. It
    /// waits for nothing.
    pub fn look_at_queue(&self) {
        // Whatever was seen, there would be as many.
        if self.0.fewest == self.0.most {
            return;
        }
        let mut queue = match self.0.queue.try_lock() {
            Ok(queue) => queue,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let now = Instant::now();
        if queue.is_forgotten(now) {
            *queue = Queue::new(now, busy());
            self.0.allow(self.0.most);
        }
        if let Some(judgement) = queue.judge_standstill(now, busy) {
            self.0.adjust(judgement);
        }
        let Some(look) = queue.begin_look(self.0.taken.load(Relaxed), now) else { return };
        drop(queue);
        let shared = self.0.clone();
        tokio::spawn(async move {
            pass().await;
            let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(judgement) = queue.end_look(look, Instant::now(), busy()) {
                shared.adjust(judgement);
            }
        });
    }
}

impl Shared {
    /// Takes places away if the queue is too long, and gives some back if it is short.
    fn adjust(&self, judgement: Judgement) {
        let allowed = self.allowed.load(Relaxed);
        let refused = self.refused.swap(false, Relaxed);
        let next = match judgement {
            Judgement::Standing(requests) => requests.min(allowed),
            // A quarter more.
            Judgement::Short => allowed.saturating_add(1 + allowed / 4),
        };
        // A few who take turns with each other wait a little rather than be turned away: the last places are taken away only
        // where there are more of them.
        let fewest = if refused { self.fewest } else { self.fewest.saturating_mul(2) };
        self.allow(next.clamp(fewest.min(allowed), self.most));
    }

    fn allow(&self, places: usize) {
        self.allowed.store(places, Relaxed);
        metrics::requests_limit(places);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::time::advance;

    use super::*;

    fn allowed(places: &Places) -> usize {
        places.0.allowed.load(Relaxed)
    }

    #[tokio::test]
    async fn a_standing_queue_takes_places_away_and_a_short_one_gives_them_back() {
        let places = Places::new(16, 1_000);
        let mut taken: Vec<_> = (0..1_000).map(|_| places.take().unwrap()).collect();
        assert!(places.take().is_none(), "one too many");
        places.0.adjust(Judgement::Standing(100));
        assert_eq!(allowed(&places), 100);
        assert!(places.take().is_none(), "those that are taken stay taken");
        places.0.adjust(Judgement::Standing(200));
        assert_eq!(allowed(&places), 100, "no queue is a reason for more");
        places.0.adjust(Judgement::Standing(3));
        assert_eq!(allowed(&places), 32, "nobody found no place since");
        places.0.adjust(Judgement::Standing(3));
        assert_eq!(allowed(&places), 32);
        assert!(places.take().is_none());
        places.0.adjust(Judgement::Standing(3));
        assert_eq!(allowed(&places), 16, "so many there are always");
        places.0.adjust(Judgement::Standing(3));
        assert_eq!(allowed(&places), 16, "nor are there more while it stands");
        taken.clear();
        places.0.adjust(Judgement::Short);
        assert_eq!(allowed(&places), 21);
        for _ in 0..50 {
            while let Some(place) = places.take() {
                taken.push(place);
            }
            places.0.adjust(Judgement::Short);
        }
        assert_eq!((allowed(&places), taken.len()), (1_000, 1_000), "never more than at most");
        taken.clear();
        assert_eq!(places.0.taken.load(Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_silence_there_are_all_places_again() {
        let places = Places::new(2, 1_000);
        places.0.adjust(Judgement::Standing(10));
        assert_eq!(allowed(&places), 10);
        advance(Duration::from_millis(10)).await;
        places.look_at_queue();
        assert_eq!(allowed(&places), 10);
        // The look passes.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        advance(Duration::from_secs(2)).await;
        places.look_at_queue();
        assert_eq!(allowed(&places), 1_000);
    }

    #[tokio::test]
    async fn fewer_at_most_than_at_least_is_at_most() {
        let places = Places::new(16, 2);
        let _taken = (places.take().unwrap(), places.take().unwrap());
        places.0.adjust(Judgement::Standing(1));
        assert!(places.take().is_none());
        assert_eq!(allowed(&places), 2);
    }

    /// The queue of the runtime that runs this test.
    #[tokio::test]
    async fn places_are_few_while_more_is_to_be_done_than_a_thread_can() {
        let places = Places::new(2, 1_000);
        let _taken: Vec<_> = (0..100).map(|_| places.take().unwrap()).collect();
        let work = async || {
            loop {
                thread::sleep(Duration::from_millis(2));
                tokio::task::yield_now().await;
            }
        };
        let working: Vec<_> = (0..20).map(|_| tokio::spawn(work())).collect();
        while allowed(&places) == 1_000 {
            places.look_at_queue();
            tokio::task::yield_now().await;
        }
        assert!(allowed(&places) <= 50, "{} places", allowed(&places));
        working.iter().for_each(tokio::task::JoinHandle::abort);
        let before = allowed(&places);
        assert!(places.take().is_none());
        while allowed(&places) == before {
            places.look_at_queue();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(allowed(&places) > before, "{} places", allowed(&places));
    }
}
