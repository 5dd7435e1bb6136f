//! Where a process stands between its start and its end.

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// A process goes through these in their order, and never back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It was told to stop. It still serves, but says that it is not ready, so that load balancers send nobody any more.
    Leaving,
    /// It takes no new connections, and running requests finish.
    Draining,
}

/// The phase of one process. Clones are of the same process.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    phase: watch::Sender<Phase>,
    /// Work that outlives its connection, and that the process waits for before it ends.
    pub tasks: TaskTracker,
}

impl Lifecycle {
    /// Where the process stands.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Goes on to a phase; an earlier one than the present is passed over.
    pub fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let later = phase > *now;
            *now = phase.max(*now);
            later
        });
    }

    /// Waits until the process has come to a phase, or past it.
    pub async fn reached(&self, phase: Phase) {
        // The sender lives in `self`, so the channel can't be closed.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }
}

impl Default for Lifecycle {
    /// A process that serves.
    fn default() -> Self {
        let tasks = TaskTracker::new();
        tasks.close();
        Self { phase: watch::Sender::new(Phase::Serving), tasks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_never_goes_back() {
        let process = Lifecycle::default();
        let same = process.clone();
        same.advance(Phase::Draining);
        same.advance(Phase::Leaving);
        assert_eq!(process.phase(), Phase::Draining);
        process.reached(Phase::Leaving).await;
    }
}
