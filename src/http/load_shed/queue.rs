//! The queue of tasks that are ready to go on and wait for a thread of the runtime, as it is seen by those who pass it.

use std::{future::poll_fn, task::Poll, time::Duration};

use tokio::{runtime::Handle, time::Instant};

/// A queue that takes longer to pass, whenever it is looked at, is a standing one.
const TARGET: Duration = Duration::from_millis(4);
/// For so long a queue is looked at before it is judged.
const INTERVAL: Duration = Duration::from_millis(50);
/// How often it is looked at in that time.
const LOOKS: u32 = 10;
/// Looks that are enough: fewer tell too little.
const ENOUGH: u32 = 3;
/// A queue that has not passed after so long is a standing one, though it was looked at but once. A container that has used up
/// its CPU time of a period stands still for up to 100 ms (Linux, "CFS Bandwidth Control"), and may be well again after it.
const STANDSTILL: Duration = Duration::from_millis(200);
/// What was seen so long ago tells nothing: requests look, and there were none.
const FORGOTTEN: Duration = Duration::from_secs(1);

/// What was seen of the queue since it was judged last.
#[derive(Debug)]
pub(super) struct Queue {
    since: Instant,
    /// What [`busy`] was then.
    busy: Duration,
    looked_at: Instant,
    /// The look that has not passed yet.
    look: Option<Look>,
    looks: u32,
    seen: Judgement,
}

/// One look at the queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    begun: Instant,
    /// The requests that were under way then: the queue that it passes is of them.
    under_way: usize,
}

/// What is to be thought of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    Short,
    /// So many requests under way would make one that is short enough.
    Standing(usize),
}

impl Look {
    /// What it tells if it passes in so long (Little's law).
    fn judge(self, passed_in: Duration) -> Judgement {
        if passed_in <= TARGET {
            return Judgement::Short;
        }
        let micros = |time: Duration| usize::try_from(time.as_micros()).unwrap_or(usize::MAX);
        let in_target = self.under_way.saturating_mul(micros(TARGET));
        Judgement::Standing(in_target / micros(passed_in))
    }
}

impl Judgement {
    /// As the queue was when it was shortest.
    fn or_shorter(self, other: Self) -> Self {
        match (self, other) {
            (Self::Standing(one), Self::Standing(other)) => Self::Standing(one.max(other)),
            _ => Self::Short,
        }
    }
}

impl Queue {
    /// A queue that nobody has looked at since the threads had been [`busy`] for so long.
    pub(super) fn new(now: Instant, busy: Duration) -> Self {
        let seen = Judgement::Standing(0);
        Self { since: now, busy, looked_at: now, look: None, looks: 0, seen }
    }

    /// Whether nobody has looked at it for so long that nothing is known of it.
    pub(super) fn is_forgotten(&self, now: Instant) -> bool {
        self.look.is_none() && now >= self.looked_at + FORGOTTEN
    }

    /// A look, if it is time for one. There is one at a time.
    pub(super) fn begin_look(&mut self, under_way: usize, now: Instant) -> Option<Look> {
        if self.look.is_some() || now < self.looked_at + INTERVAL / LOOKS {
            return None;
        }
        (self.look, self.looked_at) = (Some(Look { begun: now, under_way }), now);
        self.look
    }

    /// Judges a queue that a look passes for too long already. How busy the threads are is not asked: it is counted only as they
    /// come to a look at connections.
    pub(super) fn judge_standstill(
        &mut self,
        now: Instant,
        busy: impl FnOnce() -> Duration,
    ) -> Option<Judgement> {
        let look = self.look?;
        let passes_for = now - look.begun;
        if passes_for < STANDSTILL || now < self.since + STANDSTILL {
            return None;
        }
        self.begin_anew(now, busy());
        Some(look.judge(passes_for))
    }

    /// The look has passed the queue; judges it if enough was seen.
    pub(super) fn end_look(
        &mut self,
        look: Look,
        now: Instant,
        busy: Duration,
    ) -> Option<Judgement> {
        let passed_in = now - look.begun;
        let this = look.judge(passed_in);
        self.look = None;
        self.looks += 1;
        self.seen = self.seen.or_shorter(this);
        if passed_in >= STANDSTILL {
            return Some(self.judge(this, now, busy));
        }
        let enough = self.looks >= ENOUGH && now >= self.since + INTERVAL;
        enough.then(|| self.judge(self.seen, now, busy))
    }

    /// While the threads have nothing to do for more than a tenth of the time, no queue stands, however long looks took.
    fn judge(&mut self, seen: Judgement, now: Instant, busy: Duration) -> Judgement {
        let time_to_spare = busy.saturating_sub(self.busy) * 10 < (now - self.since) * 9;
        self.begin_anew(now, busy);
        if time_to_spare { Judgement::Short } else { seen }
    }

    fn begin_anew(&mut self, now: Instant, busy: Duration) {
        *self = Self { looked_at: self.looked_at, look: self.look, ..Self::new(now, busy) };
    }
}

/// Passes a look at which connections have something to read, and then the queue to its end.
pub(super) async fn pass() {
    // Who yields goes on as soon as the runtime has had that look, before all who wait.
    tokio::task::yield_now().await;
    // Who wakes itself goes on after them.
    let mut woken = false;
    poll_fn(|context| {
        if std::mem::replace(&mut woken, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// For how long a thread of the runtime has had something to do, on average.
pub(super) fn busy() -> Duration {
    let runtime = Handle::current().metrics();
    let threads = runtime.num_workers();
    let sum: Duration = (0..threads).map(|thread| runtime.worker_total_busy_duration(thread)).sum();
    sum / u32::try_from(threads).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(40);

    /// Looks of a hundred requests that pass in so long, the last of them at the end of the interval, of which the threads are
    /// busy for so long.
    fn judged(queue: &mut Queue, passed_in: &[Duration], busy: Duration) -> Option<Judgement> {
        let (since, before) = (queue.since, queue.busy);
        let look = |now: Instant, took| Look { begun: now - took, under_way: 100 };
        let (last, others) = passed_in.split_last().unwrap();
        for took in others {
            assert_eq!(queue.end_look(look(since, *took), since, before), None);
        }
        let now = since + INTERVAL;
        queue.end_look(look(now, *last), now, before + busy)
    }

    fn queue() -> Queue {
        Queue::new(Instant::now(), LONG)
    }

    #[test]
    fn a_queue_is_as_long_as_it_was_when_it_was_shortest() {
        let mut queue = queue();
        let standing = |requests| Some(Judgement::Standing(requests));
        assert_eq!(judged(&mut queue, &[LONG; 3], INTERVAL), standing(10), "ten times too long");
        let looks = [TARGET * 2, TARGET * 5 / 4, TARGET * 3];
        assert_eq!(judged(&mut queue, &looks, INTERVAL), standing(80));
        let looks = [LONG, TARGET, LONG, LONG];
        assert_eq!(judged(&mut queue, &looks, INTERVAL), Some(Judgement::Short));
        assert_eq!(judged(&mut queue, &[LONG; 2], INTERVAL), None, "two looks are too few");
        assert_eq!(
            judged(&mut queue, &[LONG], INTERVAL),
            standing(10),
            "with the third it is told"
        );
    }

    #[test]
    fn threads_with_time_to_spare_have_no_standing_queue() {
        let mut queue = queue();
        let seldom = judged(&mut queue, &[LONG; 3], INTERVAL * 8 / 10);
        assert_eq!(seldom, Some(Judgement::Short));
        let often = judged(&mut queue, &[LONG; 3], INTERVAL * 19 / 20);
        assert_eq!(often, Some(Judgement::Standing(10)));
    }

    #[test]
    fn a_queue_that_does_not_pass_is_told_before_it_has_passed() {
        let mut queue = queue();
        assert_eq!(judged(&mut queue, &[Duration::ZERO, LONG], INTERVAL), None);
        let begun = queue.since + INTERVAL;
        let look = queue.begin_look(100, begun).unwrap();
        assert!(queue.begin_look(100, begun + INTERVAL).is_none(), "one look at a time");
        let soon = queue.judge_standstill(begun + STANDSTILL / 2, || unreachable!("too soon"));
        assert_eq!(soon, None);
        let told = queue.judge_standstill(begun + STANDSTILL, || LONG);
        assert_eq!(told, Some(Judgement::Standing(2)), "a short look of before is forgotten");
        let again =
            queue.judge_standstill(begun + STANDSTILL + INTERVAL, || unreachable!("too soon"));
        assert_eq!(again, None);
        let passed = queue.end_look(look, begun + 2 * STANDSTILL, LONG + STANDSTILL);
        assert_eq!(passed, Some(Judgement::Standing(1)), "of those that were under way then");
        assert!(queue.begin_look(100, begun + 2 * STANDSTILL).is_some());
    }

    /// Also one that takes longer than it is until the next look at connections.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn who_passes_the_queue_waits_for_all_who_are_in_it() {
        let passed = tokio::spawn(async {
            for _ in 0..200 {
                tokio::spawn(async { std::thread::sleep(Duration::from_micros(100)) });
            }
            let begun = Instant::now();
            pass().await;
            begun.elapsed()
        });
        let passed = passed.await.unwrap();
        assert!(passed >= Duration::from_millis(20), "{passed:?}");
    }

    /// The queue of the runtime that runs this test.
    #[tokio::test]
    async fn who_passes_the_queue_waits_for_who_is_in_it() {
        let begun = Instant::now();
        tokio::spawn(async { std::thread::sleep(LONG) });
        pass().await;
        assert!(begun.elapsed() >= LONG);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(busy() >= LONG / 2, "{:?}", busy());
    }
}
