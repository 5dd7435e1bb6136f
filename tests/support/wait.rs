//! Waiting for conditions, and control of Tokio's clock.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use tokio::task::spawn_blocking;

/// The only deadline of the tests. It stops a test that hangs. It is far longer than anything takes on a busy machine, and no
/// test asserts how fast something is.
pub const DEADLINE: Duration = Duration::from_mins(5);
/// The interval at which a condition is checked.
const INTERVAL: Duration = Duration::from_millis(10);

/// Polls until `ask` returns a value; panics with `what` after the deadline.
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

/// The same without a runtime.
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

/// Advances all timers of a single-threaded runtime at once.
pub async fn time_passes(duration: Duration) {
    tokio::time::pause();
    tokio::time::advance(duration).await;
    tokio::time::resume();
}

/// Tokio's clock of a single-threaded runtime, stopped until the test advances it. Sockets and threads continue.
pub struct StoppedClock {
    /// Dropping it ends the blocking task when the test ends.
    _running: std::sync::mpsc::Sender<()>,
}

impl StoppedClock {
    /// Stops the clock.
    pub fn stop() -> Self {
        tokio::time::pause();
        let (running, ended) = std::sync::mpsc::channel();
        // Tokio does not advance a paused clock while a blocking task runs. The task ends after the deadline, so that the
        // timeouts of a test that hangs fire.
        spawn_blocking(move || {
            let _ = ended.recv_timeout(DEADLINE);
        });
        Self { _running: running }
    }

    /// Advances the clock.
    pub async fn advance(&self, duration: Duration) {
        tokio::time::advance(duration).await;
    }

    /// Advances the clock by `step` repeatedly until a future completes.
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

/// A short real time in which sockets report received data.
pub async fn a_moment() {
    spawn_blocking(|| std::thread::sleep(Duration::from_millis(1))).await.unwrap();
}
