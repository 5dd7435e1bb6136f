//! The cost and the latency of a request to the service as it is shipped, compared with the same calls by the bare SDK.
//!
//! `cargo bench --bench load` starts the service as a separate process. The store is in this process, which also generates the
//! load. For each endpoint it measures three values. CPU time per request: that of the service, and that of a process that makes
//! the same calls with the SDK alone, alternately against the same store. Throughput: a closed loop. Latency: a fixed rate,
//! counted from when each request was due, so that requests that wait for a slow one count as slow (no coordinated omission).
//!
//! `cargo bench --bench load -- instructions` counts instructions instead, which hardly vary on a busy machine, and fails if a
//! limit is exceeded.
//!
//! `CLINIC_TEST_ENDPOINT` sets another store, for example DynamoDB Local. `CLINIC_BENCH_SECONDS` sets the duration of each
//! measurement. `CLINIC_BENCH_ALLOCATOR` is a library with an allocator for the process with the bare SDK. Without it, that
//! process uses the C library's, like a program that chooses none.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement is for people to read"
)]

mod bare;
mod drive;
mod instructions;
mod measured;
mod service;
mod site;

use std::time::Duration;

use bare::Calls;
use drive::{closed, open};
use measured::{machine, micros_of_one};
use service::service;
use site::{Site, Target};

/// Concurrent requests in a closed loop.
const AT_ONCE: usize = 16;
/// The number of times that service and SDK alternate. The result is the run with the median ratio.
const TURNS: usize = 3;
/// The rate for latency, as a share of the lowest throughput, because the amount of data grows from run to run.
const OPEN_SHARE: f64 = 0.5;

fn seconds() -> Duration {
    let set = std::env::var("CLINIC_BENCH_SECONDS").ok();
    Duration::from_secs_f64(set.map_or(4.0, |seconds| seconds.parse().unwrap()))
}

/// The measured endpoints with their calls. Probes make no calls.
const ENDPOINTS: [(&str, Target, Option<Calls>); 5] = [
    ("GET /livez", Target::Livez, None),
    ("get a patient", Target::Patient, Some(Calls::GetPatient)),
    ("get an appointment", Target::Appointment, Some(Calls::GetAppointment)),
    ("list a day, 25 appointments", Target::Day, Some(Calls::Query)),
    ("book", Target::Book, Some(Calls::Book)),
];

async fn measure(site: &Site, name: &str, target: Target, calls: Option<Calls>) {
    let (mut ratios, mut best, mut least) = (Vec::new(), 0.0_f64, f64::INFINITY);
    for _ in 0..TURNS {
        let before = site.service.cpu();
        let done = closed(&site.callers, target, AT_ONCE, seconds()).await;
        let ours = micros_of_one(before, site.service.cpu(), done.served as f64);
        best = best.max(done.throughput());
        least = least.min(done.throughput());
        let bare = match calls {
            Some(calls) => bare::cpu_of_one(site, calls, AT_ONCE, seconds()).await,
            None => f64::NAN,
        };
        ratios.push((ours / bare, ours, bare));
    }
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, ours, bare) = ratios[TURNS / 2];
    let latency = open(&site.callers, target, least * OPEN_SHARE, seconds()).await;
    let at = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
    let beside = if bare.is_nan() { "| |".to_owned() } else { format!("{bare:.0} | {ratio:.2} |") };
    println!(
        "| {name} | {best:.0} | {ours:.0} | {beside} {:.0} | {:.2} | {:.2} | {:.2} |",
        least * OPEN_SHARE,
        at(0.5),
        at(0.99),
        at(0.999),
    );
}

#[tokio::main]
async fn main() {
    if let Some(calls) = bare::asked_for() {
        return bare::run(&calls).await;
    }
    if std::env::args().any(|argument| argument == "instructions") {
        return instructions::count().await;
    }
    let site = Site::open(service()).await;
    println!("{}\n", machine());
    println!("start to ready: {:.0?}; memory idle: {:.1} MB\n", site.start, site.service.memory());
    println!(
        "| endpoint | requests/s | CPU µs of the service | CPU µs of the SDK | ratio | at requests/s | p50 ms | p99 ms | p99.9 ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, target, calls) in ENDPOINTS {
        measure(&site, name, target, calls).await;
    }
    let (now, most) = (site.service.memory(), site.service.most_memory());
    println!("\nmemory after this load: {now:.1} MB, {most:.1} MB at most");
    site.close();
}
