//! A circuit breaker between us and DynamoDB: while nothing is answered, calls are refused here rather than sent
//! (M. Nygard, "Release It!"; AWS Prescriptive Guidance, "Circuit breaker pattern").
//!
//! It counts tries, the SDK's own included. What DynamoDB answers in words closes it, a refusal as well: a failed
//! condition, a bad request, throttling. Those tell that it is there; throttling is held down by [`super::retry`]'s
//! budget, since it mostly concerns one partition, and a breaker would take all the others away with it.

use std::{
    error::Error as StdError,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
    },
    error::BoxError,
};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use metrics::gauge;
use tokio::time::Instant;

/// The gauge that is 1 while calls are refused here.
pub const CIRCUIT_OPEN: &str = "clinic_api_db_circuit_open";

/// So many tries in a row must have failed before calls are refused.
const FAILURES: u32 = 5;
/// So much time must have gone by since the first of them began: connections that break all at once are no outage.
const SILENCE: Duration = Duration::from_secs(1);
/// How often one call is let through to see whether DynamoDB is back.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// A try that was not sent, because DynamoDB has not answered lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("DynamoDB has not answered lately, and was not asked")]
pub struct CircuitOpen;

/// Whether an error is, or was caused by, a [`CircuitOpen`].
#[must_use]
pub fn is_refusal(error: &(dyn StdError + 'static)) -> bool {
    error.is::<CircuitOpen>() || error.source().is_some_and(is_refusal)
}

/// The breaker. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct Circuit(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// When it answered last.
    answered: Option<Instant>,
    /// Tries that failed since, and when the first of them began.
    failed: Option<(u32, Instant)>,
    /// Set while calls are refused: when the next one is let through.
    next_probe: Option<Instant>,
}

impl Known {
    fn admit(&mut self, now: Instant) -> Result<(), CircuitOpen> {
        match &mut self.next_probe {
            // A probe that hangs keeps no other from being sent: only time parts them.
            Some(due) if *due <= now => *due = now + PROBE_EVERY,
            Some(_) => return Err(CircuitOpen),
            None => {}
        }
        Ok(())
    }

    /// Whether this has closed it.
    fn answered(&mut self, now: Instant) -> bool {
        self.answered = Some(now);
        self.failed = None;
        self.next_probe.take().is_some()
    }

    /// Whether this has opened it.
    fn failed(&mut self, began: Instant, now: Instant) -> bool {
        // What was sent before the last answer tells of the time after it only if that was long: it was silent then as well.
        let answered = self.answered.unwrap_or(began);
        if began < answered && now < answered + SILENCE {
            return false;
        }
        let began = began.max(answered);
        let (failures, since) = self.failed.unwrap_or((0, began));
        let (failures, since) = (failures.saturating_add(1), since.min(began));
        self.failed = Some((failures, since));
        let opens = self.next_probe.is_none() && failures >= FAILURES && now >= since + SILENCE;
        if opens {
            self.next_probe = Some(now + PROBE_EVERY);
        }
        opens
    }
}

impl Circuit {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, outcome: Outcome, began: Instant) {
        let now = Instant::now();
        match outcome {
            Outcome::Answered if self.known().answered(now) => {
                gauge!(CIRCUIT_OPEN).set(0.0);
                tracing::info!("DynamoDB answers again: calls are sent");
            }
            Outcome::Failed if self.known().failed(began, now) => {
                gauge!(CIRCUIT_OPEN).set(1.0);
                tracing::error!(
                    "DynamoDB does not answer: calls are refused, but for two a second"
                );
            }
            _ => {}
        }
    }
}

/// A try that is under way. The SDK drops it with the call, also where its caller gives that up: silence that outlasts callers'
/// patience is an outage as well.
#[derive(Debug)]
struct Try {
    circuit: Circuit,
    began: Instant,
    /// Whether its outcome is known.
    ended: AtomicBool,
}

impl Storable for Try {
    type Storer = StoreReplace<Self>;
}

impl Try {
    fn end(&self, outcome: Outcome) {
        if !self.ended.swap(true, Relaxed) {
            self.circuit.learn(outcome, self.began);
        }
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        let long = self.began.elapsed() >= SILENCE;
        self.end(if long { Outcome::Failed } else { Outcome::Unsent });
    }
}

#[dyn_dispatch_hint]
impl Intercept for Circuit {
    fn name(&self) -> &'static str {
        "Circuit"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let now = Instant::now();
        self.known().admit(now)?;
        let circuit = self.clone();
        let this = Try { circuit, began: now, ended: AtomicBool::new(false) };
        settings.interceptor_state().store_put(this);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        attempt: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(this) = settings.load::<Try>() {
            this.end(outcome(attempt));
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// DynamoDB said something.
    Answered,
    /// No answer, half of one, or one that tells of a failure on the other side.
    Failed,
    /// It was not sent, or nobody waited for long: nothing is known.
    Unsent,
}

fn outcome(attempt: &FinalizerInterceptorContextRef<'_>) -> Outcome {
    if attempt.response().is_some_and(|response| response.status().is_server_error()) {
        return Outcome::Failed;
    }
    match attempt.output_or_error() {
        Some(Ok(_)) => Outcome::Answered,
        Some(Err(error)) if error.is_operation_error() => Outcome::Answered,
        Some(Err(error))
            if error.is_timeout_error()
                || error.is_connector_error()
                || error.is_response_error() =>
        {
            Outcome::Failed
        }
        _ => Outcome::Unsent,
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    fn open(known: &mut Known, began: Instant) -> Instant {
        let now = began + SILENCE;
        for failure in 1..=FAILURES {
            assert_eq!(known.failed(began, now), failure == FAILURES);
        }
        now
    }

    #[test]
    fn neither_few_failures_nor_many_at_once_open_it() {
        let (mut known, begin) = (Known::default(), Instant::now());
        for _ in 1..FAILURES {
            assert!(!known.failed(begin, begin + 10 * SILENCE));
        }
        assert!(known.admit(begin).is_ok());
        let mut known = Known::default();
        for _ in 0..10 * FAILURES {
            assert!(!known.failed(begin, begin + SILENCE - MOMENT));
        }
        assert!(known.admit(begin).is_ok());
        assert!(known.failed(begin + SILENCE, begin + SILENCE));
    }

    #[test]
    fn one_answer_among_the_failures_keeps_it_closed() {
        let (mut known, begin) = (Known::default(), Instant::now());
        for _ in 1..FAILURES {
            known.failed(begin, begin + SILENCE);
        }
        assert!(!known.answered(begin + SILENCE));
        for _ in 0..10 * FAILURES {
            let late = known.failed(begin, begin + 2 * SILENCE - MOMENT);
            assert!(!late, "what was sent before the answer does not count soon after it");
        }
        let later = begin + SILENCE + MOMENT;
        for _ in 1..FAILURES {
            assert!(!known.failed(later, later + SILENCE));
        }
        assert!(known.failed(later, later + SILENCE));
    }

    /// Those that are under way as it falls silent tell of it: their second tries need not.
    #[test]
    fn what_was_sent_before_the_last_answer_counts_if_nothing_came_for_long_after_it() {
        let (mut known, begin) = (Known::default(), Instant::now());
        known.answered(begin + MOMENT);
        let timed_out = begin + MOMENT + SILENCE;
        for failure in 1..=FAILURES {
            assert_eq!(known.failed(begin, timed_out), failure == FAILURES);
        }
    }

    #[test]
    fn open_it_lets_one_call_through_now_and_then_and_an_answer_closes_it() {
        let mut known = Known::default();
        let opened = open(&mut known, Instant::now());
        for turn in 1..5 {
            let due = opened + turn * PROBE_EVERY;
            assert_eq!(known.admit(due - MOMENT), Err(CircuitOpen));
            assert_eq!(known.admit(due), Ok(()), "whatever became of the one before");
            assert_eq!(known.admit(due), Err(CircuitOpen), "one alone");
            assert!(!known.failed(due, due), "it is open already");
        }
        assert!(known.answered(opened + 5 * PROBE_EVERY));
        let closed = opened + 5 * PROBE_EVERY;
        assert!((0..100).all(|_| known.admit(closed).is_ok()));
        open(&mut known, closed + MOMENT);
    }

    #[test]
    fn a_refusal_is_known_behind_other_errors() {
        let wrapped = |cause: BoxError| ConnectorError::io(ConnectorError::io(cause).into());
        assert!(is_refusal(&wrapped(CircuitOpen.into())) && is_refusal(&CircuitOpen));
        assert!(!is_refusal(&wrapped("x".into())));
    }
}
