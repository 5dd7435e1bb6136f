//! Requests: as fast as they are answered, or at a fixed rate whatever the answers do.

use std::{sync::Arc, thread, time::Duration};

use axum::{
    body::Bytes,
    http::{Request, StatusCode},
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
    pub took: Duration,
}

impl Done {
    /// Requests served in a second.
    pub fn throughput(&self) -> f64 {
        self.served as f64 / self.took.as_secs_f64()
    }
}

/// Sends one request. Any other status than the expected one ends the benchmark.
pub async fn ask<A: Asks>(callers: &A, target: A::Target) {
    let (request, expected) = callers.request(target);
    let answer = callers.client().request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(status, expected, "{}", String::from_utf8_lossy(&body));
}

/// So many callers ask one after the other, for so long.
pub async fn closed<A: Asks>(
    callers: &Arc<A>,
    target: A::Target,
    at_once: usize,
    length: Duration,
) -> Done {
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..at_once {
        let callers = callers.clone();
        running.spawn(async move {
            let mut served = 0;
            while begun.elapsed() < length {
                ask(callers.as_ref(), target).await;
                served += 1;
            }
            served
        });
    }
    let served: Vec<usize> = running.join_all().await;
    Done { served: served.into_iter().sum(), took: begun.elapsed() }
}

/// So many requests may wait for an answer; more wait to be sent, and that counts as well.
const CONNECTIONS: usize = 1_000;

/// Asks `rate` times a second, whatever the answers do: how long after they were due requests were answered, in microseconds.
pub async fn open<A: Asks>(
    callers: &Arc<A>,
    target: A::Target,
    rate: f64,
    length: Duration,
) -> Histogram<u64> {
    let mut running = JoinSet::new();
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let mut pace = pace(rate, length);
    while let Some(due) = pace.recv().await {
        let (callers, connections) = (callers.clone(), connections.clone());
        running.spawn(async move {
            let _connection = connections.acquire().await.unwrap();
            ask(callers.as_ref(), target).await;
            due.elapsed()
        });
    }
    let mut latencies = Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
    for latency in running.join_all().await {
        latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap());
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
