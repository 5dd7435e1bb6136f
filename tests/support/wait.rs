//! Waiting for what happens beside the test, and a clock that the test moves.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use tokio::task::spawn_blocking;

/// The one deadline of the tests. It only keeps a test from hanging: it is far longer than a busy machine takes for anything,
/// and no test says how fast something is.
pub const DEADLINE: Duration = Duration::from_mins(5);
/// How often a condition is checked.
const INTERVAL: Duration = Duration::from_millis(10);

/// Asks again and again until there is an answer; it fails with `what` if none comes.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        tokio::time::sleep(INTERVAL).await;
    }
}

/// The same where no runtime is at hand.
pub fn eventually_blocking<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(INTERVAL);
    }
}

/// Moves all timers of a single-threaded runtime ahead at once.
pub async fn time_passes(duration: Duration) {
    tokio::time::pause();
    tokio::time::advance(duration).await;
    tokio::time::resume();
}

/// Tokio's clock of a single-threaded runtime, which stands still until the test moves it. What sockets and threads do goes
/// on meanwhile.
pub struct StoppedClock {
    /// Its end tells that the test has ended.
    _running: std::sync::mpsc::Sender<()>,
}

impl StoppedClock {
    /// Stops it.
    pub fn stop() -> Self {
        tokio::time::pause();
        let (running, ended) = std::sync::mpsc::channel();
        // While a blocking task runs, Tokio does not move a paused clock by itself. After the deadline it does: then the time
        // limits of the test itself end what hangs.
        spawn_blocking(move || {
            let _ = ended.recv_timeout(DEADLINE);
        });
        Self { _running: running }
    }

    /// Moves it.
    pub async fn advance(&self, duration: Duration) {
        tokio::time::advance(duration).await;
    }

    /// Moves it by `step` again and again until a future has ended.
    pub async fn run<T>(&self, step: Duration, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            tokio::select! {
                biased;
                output = future.as_mut() => return output,
                () = a_moment() => self.advance(step).await,
            }
        }
    }
}

/// A moment of real time, in which sockets tell what has come.
pub async fn a_moment() {
    spawn_blocking(|| std::thread::sleep(Duration::from_millis(1))).await.unwrap();
}
