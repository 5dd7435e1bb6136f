//! The lifecycle of a process, from its start to its graceful shutdown.

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// The phases of a process, in order. A process never returns to an earlier phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The process serves requests.
    Serving,
    /// The process received SIGTERM or SIGINT. It still serves requests, but it is not ready, so
    /// that load balancers stop sending requests.
    Leaving,
    /// The process accepts no new connections. Running requests finish.
    Draining,
}

/// The lifecycle of one process. Clones share it.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    phase: watch::Sender<Phase>,
    /// Tasks that outlive their connection. The process waits for them before it exits.
    pub tasks: TaskTracker,
}

impl Lifecycle {
    /// Returns the current phase.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Moves to a phase, unless the process is already past it.
    pub fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let later = phase > *now;
            *now = phase.max(*now);
            later
        });
    }

    /// Waits until the process has reached a phase or a later one.
    pub async fn reached(&self, phase: Phase) {
        // The sender lives in `self`, so the channel can't be closed.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }
}

impl Default for Lifecycle {
    /// Returns the lifecycle of a process that serves requests.
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
