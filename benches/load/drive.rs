//! Requests: as fast as they are answered, or at a fixed rate whatever the answers do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use http_body_util::BodyExt as _;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::site::Callers;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Livez,
    Patient,
    Appointment,
    Day,
    Book,
}

/// What a closed loop did.
pub struct Done {
    pub requests: usize,
    pub took: Duration,
}

/// Asks once, and sees to it that the answer is as it should be.
pub async fn ask(callers: &Callers, target: Target) {
    let (request, expected) = callers.request(target);
    let answer = callers.client.request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(status, expected, "{}", String::from_utf8_lossy(&body));
}

/// So many callers ask one after the other, for so long.
pub async fn closed(
    callers: &Arc<Callers>,
    target: Target,
    at_once: usize,
    length: Duration,
) -> Done {
    let (begun, asked) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut running = JoinSet::new();
    for _ in 0..at_once {
        let (callers, asked) = (callers.clone(), asked.clone());
        running.spawn(async move {
            while begun.elapsed() < length {
                ask(&callers, target).await;
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    running.join_all().await;
    Done { requests: asked.load(Ordering::Relaxed), took: begun.elapsed() }
}

/// Asks `rate` times a second; how long after it was due each was answered, in microseconds.
pub async fn open(
    callers: &Arc<Callers>,
    target: Target,
    rate: f64,
    length: Duration,
) -> Histogram<u64> {
    let mut latencies = Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
    let (begun, mut running) = (Instant::now(), JoinSet::new());
    let mut number = 0_u32;
    loop {
        let due = begun + Duration::from_secs_f64(f64::from(number) / rate);
        if due - begun >= length {
            break;
        }
        sleep_until(due).await;
        let callers = callers.clone();
        running.spawn(async move {
            ask(&callers, target).await;
            due.elapsed()
        });
        number += 1;
    }
    for latency in running.join_all().await {
        latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap());
    }
    latencies
}
