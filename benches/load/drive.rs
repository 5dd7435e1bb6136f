//! Requests: as fast as they are answered, or at a fixed rate whatever the answers do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{Request, StatusCode, header},
};
use hdrhistogram::Histogram;
use http_body_util::{BodyExt as _, Full};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};

use super::service::HttpClient;

/// Who asks.
pub trait Asks: Send + Sync + 'static {
    /// What is asked.
    type Target: Copy + Send + 'static;

    /// By which client.
    fn client(&self) -> &HttpClient;

    /// A request, and the status of its answer.
    fn request(&self, target: Self::Target) -> (Request<Full<Bytes>>, StatusCode);
}

/// What a closed loop did.
pub struct Done {
    /// Answers with what was asked for.
    pub served: usize,
    pub rejected: usize,
    pub took: Duration,
}

impl Done {
    /// Requests served in a second.
    pub fn throughput(&self) -> f64 {
        self.served as f64 / self.took.as_secs_f64()
    }
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Served,
    /// 503 with `Retry-After`.
    Rejected,
}

/// Asks once, and sees to it that the answer is as it should be.
pub async fn ask<A: Asks>(callers: &A, target: A::Target) -> Outcome {
    let (request, expected) = callers.request(target);
    let answer = callers.client().request(request).await.unwrap();
    let (status, told_when) = (answer.status(), answer.headers().contains_key(header::RETRY_AFTER));
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    if status == StatusCode::SERVICE_UNAVAILABLE && told_when {
        return Outcome::Rejected;
    }
    assert_eq!(status, expected, "{}", String::from_utf8_lossy(&body));
    Outcome::Served
}

/// So many callers ask one after the other, for so long.
pub async fn closed<A: Asks>(
    callers: &Arc<A>,
    target: A::Target,
    at_once: usize,
    length: Duration,
) -> Done {
    let (begun, served) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let rejected = Arc::new(AtomicUsize::new(0));
    let mut running = JoinSet::new();
    for _ in 0..at_once {
        let (callers, served, rejected) = (callers.clone(), served.clone(), rejected.clone());
        running.spawn(async move {
            while begun.elapsed() < length {
                let counter = match ask(callers.as_ref(), target).await {
                    Outcome::Served => &served,
                    Outcome::Rejected => &rejected,
                };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    running.join_all().await;
    Done {
        served: served.load(Ordering::Relaxed),
        rejected: rejected.load(Ordering::Relaxed),
        took: begun.elapsed(),
    }
}

/// What an open loop saw: how long after they were due requests were answered, in microseconds.
pub struct Latencies {
    pub served: Histogram<u64>,
    pub rejected: Histogram<u64>,
}

/// So many requests may wait for an answer; more wait to be sent, and that counts as well.
const CONNECTIONS: usize = 1_000;

/// Asks `rate` times a second, whatever the answers do.
pub async fn open<A: Asks>(
    callers: &Arc<A>,
    target: A::Target,
    rate: f64,
    length: Duration,
) -> Latencies {
    let none = || Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
    let mut latencies = Latencies { served: none(), rejected: none() };
    let mut running = JoinSet::new();
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let mut pace = pace(rate, length);
    while let Some(due) = pace.recv().await {
        let (callers, connections) = (callers.clone(), connections.clone());
        running.spawn(async move {
            let _connection = connections.acquire().await.unwrap();
            (ask(callers.as_ref(), target).await, due.elapsed())
        });
    }
    for (outcome, latency) in running.join_all().await {
        let histogram = match outcome {
            Outcome::Served => &mut latencies.served,
            Outcome::Rejected => &mut latencies.rejected,
        };
        histogram.saturating_record(u64::try_from(latency.as_micros()).unwrap());
    }
    latencies
}

/// Tells when each request is due, as it is. On a thread of its own: the timers of the runtime go by the millisecond, which is
/// as long as many an answer takes.
fn pace(rate: f64, length: Duration) -> mpsc::UnboundedReceiver<Instant> {
    let (tell, told) = mpsc::unbounded_channel();
    thread::spawn(move || {
        let begun = Instant::now();
        for number in 0_u32.. {
            let after = Duration::from_secs_f64(f64::from(number) / rate);
            let due = begun + after;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if after >= length || tell.send(due).is_err() {
                return;
            }
        }
    });
    told
}
