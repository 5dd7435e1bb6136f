//! Load generation: a closed loop, or a fixed rate that does not depend on the responses.

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

/// A source of requests.
pub trait Asks: Send + Sync + 'static {
    /// The kind of request.
    type Target: Copy + Send + 'static;

    /// The client that sends it.
    fn client(&self) -> &HttpClient;

    /// A request, and the expected status.
    fn request(&self, target: Self::Target) -> (Request<Full<Bytes>>, StatusCode);
}

/// The result of a closed loop.
pub struct Done {
    /// The number of successful responses.
    pub served: usize,
    pub took: Duration,
}

impl Done {
    /// Requests served per second.
    pub fn throughput(&self) -> f64 {
        self.served as f64 / self.took.as_secs_f64()
    }
}

/// Sends one request. An unexpected status ends the benchmark.
pub async fn ask<A: Asks>(callers: &A, target: A::Target) {
    let (request, expected) = callers.request(target);
    let answer = callers.client().request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(status, expected, "{}", String::from_utf8_lossy(&body));
}

/// This number of callers send requests one after the other, for this duration.
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

/// The limit of outstanding requests. Further requests wait, and the wait counts.
const CONNECTIONS: usize = 1_000;

/// Sends `rate` requests a second, independently of the responses. Returns the latency of each, in microseconds since it was due.
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

/// Signals when each request is due. It runs on a separate thread, because the timers of the runtime have a resolution of a
/// millisecond, which is as long as many responses take.
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
