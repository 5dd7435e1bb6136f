//! The signals that stop a process.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that stop a process.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// The reason of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownReason {
    /// A person at the terminal: SIGINT.
    Interrupt,
    /// A supervisor, such as an orchestrator: SIGTERM.
    Terminate,
}

impl Signals {
    /// Catches the signals from now on.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them.
    pub async fn any(&mut self) -> ShutdownReason {
        tokio::select! {
            _ = self.interrupt.recv() => ShutdownReason::Interrupt,
            _ = self.terminate.recv() => ShutdownReason::Terminate,
        }
    }
}
