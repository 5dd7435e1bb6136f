//! Sensitive values: they are stored and returned, but never logged or shown in an error.

use std::{fmt, io::ErrorKind};

use serde::{Deserialize, Serialize};
use tokio::task::JoinError;

/// A sensitive value, such as patient data. It is formatted as `[redacted]`; [`Self::expose`]
/// returns it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Returns the value, to store it or to put it in a response.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl AsRef<str> for Sensitive<String> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A task did not complete. A [`JoinError`] shows the message of a panic, which may contain patient
/// data. This error does not; the panic hook logs the location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaskFailed {
    /// The task panicked.
    #[error("a task panicked")]
    Panicked,
    /// The task was cancelled, for example because its runtime ended.
    #[error("a task was cancelled")]
    Cancelled,
}

/// An error that may be logged with its sources: their messages never quote requests, stored values
/// or other systems.
pub trait LogSafe: std::error::Error {}

impl LogSafe for TaskFailed {}

/// Joins the messages of an error and its sources, for the log.
pub fn chain(error: &impl LogSafe) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Returns the kind of the I/O error below a library's error. The library's own message may quote
/// others.
pub fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        next = error.source();
    }
    None
}

impl From<JoinError> for TaskFailed {
    fn from(error: JoinError) -> Self {
        if error.is_panic() { Self::Panicked } else { Self::Cancelled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_failed_says_nothing_that_was_put_together() {
        let name = "Ida".to_owned();
        let joined = tokio::spawn(async move { panic!("no such patient: {name}") }).await;
        let joined: JoinError = joined.map(|()| unreachable!("it panics")).unwrap_err();
        assert!(joined.to_string().contains("Ida"), "tokio shows it");
        let failed = TaskFailed::from(joined);
        assert_eq!(
            (failed, failed.to_string().as_str()),
            (TaskFailed::Panicked, "a task panicked")
        );
        let waiting = tokio::spawn(std::future::pending::<()>());
        waiting.abort();
        assert_eq!(TaskFailed::from(waiting.await.unwrap_err()), TaskFailed::Cancelled);
    }

    #[test]
    fn it_shows_nowhere_but_in_json() {
        let name = Sensitive::from("Ida".to_owned());
        assert_eq!(
            format!("{name} {name:?} {:?} {name:>20}", Some(&name)),
            "[redacted] [redacted] Some([redacted]) [redacted]"
        );
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"Ida\"");
        assert_eq!(serde_json::from_str::<Sensitive<String>>("\"Ida\"").unwrap(), name);
        let error = serde_json::from_str::<Sensitive<u8>>("7000").unwrap_err();
        assert!(!error.to_string().contains("redacted"));
    }
}
