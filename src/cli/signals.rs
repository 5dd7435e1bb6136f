//! The signals that stop a process.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that stop a process.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// Who tells it to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A person, at the terminal.
    Interrupt,
    /// What runs it.
    Terminate,
}

impl Signals {
    /// From now on they are waited for.
    ///
    /// # Errors
    /// If the system does not let it.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them.
    pub async fn any(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::Interrupt,
            _ = self.terminate.recv() => Told::Terminate,
        }
    }
}
