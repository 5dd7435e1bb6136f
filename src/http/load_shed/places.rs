//! The places that requests take: fewer while those that are ready to go on wait for a CPU.
//!
//! How many requests a process bears depends on what they wait for. Of those that wait for DynamoDB it bears a thousand. Of
//! those that wait for a CPU it bears few: any more only wait in the runtime's queue, and so does who is turned away. So the
//! queue is looked at, as `CoDel` does (RFC 8289): one that is never short for a while is a standing one, and gets nothing done
//! sooner. How long it takes to pass is proportional to how many are in it (Little's law).

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::http::metrics;

/// A queue that takes longer to pass, whenever it is looked at, is a standing one.
const TARGET: Duration = Duration::from_millis(4);
/// For so long a queue is looked at before places are taken away or given back.
const INTERVAL: Duration = Duration::from_millis(50);
/// How often it is looked at in that time.
const LOOKS: u32 = 10;
/// Looks that are enough: fewer tell too little.
const ENOUGH: u32 = 4;

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

/// What was seen of the runtime's queue since it was judged last.
#[derive(Debug)]
struct Queue {
    since: Instant,
    looking: bool,
    looked_at: Instant,
    looks: u32,
    /// How long it took to pass when it was shortest.
    shortest: Duration,
}

impl Queue {
    fn new(now: Instant) -> Self {
        Self { since: now, looking: false, looked_at: now, looks: 0, shortest: Duration::MAX }
    }
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
    /// So many places at least, however busy the process is, and so many at most.
    #[must_use]
    pub fn new(fewest: usize, most: usize) -> Self {
        Self(Arc::new(Shared {
            fewest: fewest.min(most),
            most,
            allowed: AtomicUsize::new(most),
            taken: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
            queue: Mutex::new(Queue::new(Instant::now())),
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
        let now = Instant::now();
        {
            let Ok(mut queue) = self.0.queue.try_lock() else { return };
            if queue.looking || now < queue.looked_at + INTERVAL / LOOKS {
                return;
            }
            (queue.looking, queue.looked_at) = (true, now);
        }
        let shared = self.0.clone();
        tokio::spawn(async move {
            let begun = Instant::now();
            // To the end of the queue, and past a look at which connections have something to read.
            tokio::task::yield_now().await;
            shared.learn(begun.elapsed(), Instant::now());
        });
    }
}

impl Shared {
    fn learn(&self, passed_in: Duration, now: Instant) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.looking = false;
        queue.looks += 1;
        queue.shortest = queue.shortest.min(passed_in);
        if queue.looks < ENOUGH || now < queue.since + INTERVAL {
            return;
        }
        let allowed = self.allowed.load(Relaxed);
        let refused = self.refused.swap(false, Relaxed);
        let next = if queue.shortest > TARGET {
            fewer(allowed.min(self.taken.load(Relaxed)), queue.shortest)
        } else if refused {
            more(allowed)
        } else {
            allowed
        };
        let next = next.clamp(self.fewest, self.most);
        self.allowed.store(next, Relaxed);
        metrics::requests_limit(next);
        *queue = Queue { looked_at: queue.looked_at, ..Queue::new(now) };
    }
}

/// How many of those that are taken would make a queue that is short enough, if this one takes so long to pass. At most half
/// of them are taken away at once: what was seen is of a while ago.
fn fewer(taken: usize, passed_in: Duration) -> usize {
    let micros = |time: Duration| usize::try_from(time.as_micros()).unwrap_or(usize::MAX);
    taken.saturating_mul(micros(TARGET)) / micros(passed_in.min(2 * TARGET))
}

/// Somebody found no place, and the queue was short: an eighth more.
fn more(allowed: usize) -> usize {
    allowed + 1 + allowed / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(40);

    /// Has the queue looked at until it is judged.
    fn judge(places: &Places, passed_in: &[Duration]) {
        let since = places.0.queue.lock().unwrap().since;
        for (number, took) in passed_in.iter().enumerate() {
            let last = number + 1 == passed_in.len();
            places.0.learn(*took, since + if last { INTERVAL } else { Duration::ZERO });
        }
    }

    fn allowed(places: &Places) -> usize {
        places.0.allowed.load(Relaxed)
    }

    #[tokio::test]
    async fn a_standing_queue_takes_places_away_and_a_short_one_gives_them_back_to_who_asks() {
        let places = Places::new(16, 1_000);
        let mut taken: Vec<_> = (0..1_000).map(|_| places.take().unwrap()).collect();
        assert!(places.take().is_none(), "one too many");
        for expected in [500, 250, 125] {
            judge(&places, &[LONG; 4]);
            assert_eq!(allowed(&places), expected);
        }
        assert!(places.take().is_none(), "those that are taken stay taken");
        taken.truncate(100);
        judge(&places, &[3 * TARGET / 2; 4]);
        assert_eq!(
            allowed(&places),
            66,
            "a queue that is half too long, of the hundred that are left"
        );
        for _ in 0..3 {
            judge(&places, &[LONG; 4]);
        }
        assert_eq!(allowed(&places), 16, "so many there are always");
        taken.clear();
        judge(&places, &[Duration::ZERO; 4]);
        assert_eq!(allowed(&places), 16, "nobody found no place");
        for _ in 0..50 {
            while let Some(place) = places.take() {
                taken.push(place);
            }
            judge(&places, &[Duration::ZERO; 4]);
        }
        assert_eq!((allowed(&places), taken.len()), (1_000, 1_000), "never more than at most");
        taken.clear();
        assert_eq!(places.0.taken.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn one_short_look_or_too_few_of_them_take_nothing_away() {
        let places = Places::new(16, 1_000);
        let _taken: Vec<_> = (0..1_000).map(|_| places.take().unwrap()).collect();
        judge(&places, &[LONG, LONG, Duration::ZERO, LONG, LONG]);
        assert_eq!(allowed(&places), 1_000);
        judge(&places, &[LONG; 3]);
        assert_eq!(allowed(&places), 1_000);
        judge(&places, &[LONG]);
        assert_eq!(allowed(&places), 500, "with the fourth it is told");
    }

    #[tokio::test]
    async fn fewer_at_most_than_at_least_is_at_most() {
        let places = Places::new(16, 2);
        let _taken = (places.take().unwrap(), places.take().unwrap());
        judge(&places, &[LONG; 4]);
        assert!(places.take().is_none());
        assert_eq!(allowed(&places), 2);
    }

    /// The queue of the runtime that runs this test.
    #[tokio::test]
    async fn the_queue_is_looked_at_where_it_is() {
        let places = Places::new(16, 1_000);
        tokio::time::sleep(INTERVAL / LOOKS).await;
        places.look_at_queue();
        places.look_at_queue();
        tokio::spawn(async { std::thread::sleep(LONG) });
        while places.0.queue.lock().unwrap().looks == 0 {
            tokio::task::yield_now().await;
        }
        let queue = places.0.queue.lock().unwrap();
        assert_eq!(queue.looks, 1, "one look at a time");
        assert!(queue.shortest >= LONG, "it passed behind what was in the queue: {queue:?}");
    }
}
