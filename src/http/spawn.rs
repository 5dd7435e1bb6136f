//! Tasks that must complete even if the caller disconnects.

use opentelemetry::context::FutureExt as _;
use tracing::Instrument as _;

use super::lifecycle::Lifecycle;
use crate::{error::ApiError, sensitive::TaskFailed};

/// Runs `work` in a task, so that it completes even if the connection is lost. A graceful shutdown
/// waits for the task.
pub async fn spawn_uncancellable<T: Send + 'static>(
    lifecycle: &Lifecycle,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, ApiError> {
    let done = lifecycle.tasks.spawn(work.in_current_span().with_current_context()).await;
    done.map_err(|error| {
        let failed = TaskFailed::from(error);
        tracing::error!(error.message = %failed, "a task did not complete");
        ApiError::internal()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_panic_said_is_neither_logged_nor_answered() {
        let lines = tempfile::NamedTempFile::new().unwrap();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(lines.reopen().unwrap())
            .with_ansi(false)
            .finish();
        let logging = tracing::subscriber::set_default(subscriber);
        let name = "Ida".to_owned();
        let error =
            spawn_uncancellable(
                &Lifecycle::default(),
                async move { panic!("no such patient: {name}") },
            )
            .await
            .map(|()| unreachable!("it panics"))
            .unwrap_err();
        drop(logging);
        let logged = std::fs::read_to_string(lines.path()).unwrap();
        assert!(logged.contains("a task panicked") && !logged.contains("Ida"), "{logged}");
        assert!(!format!("{error:?}").contains("Ida"), "{error:?}");
    }
}
