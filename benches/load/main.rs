//! What a request costs and how long it takes, on the service as it is shipped, beside the same calls of the bare SDK.
//!
//! `cargo bench --bench load` starts the service in a process of its own, with the store in this one, which drives it, and
//! measures for each endpoint: the CPU time of the service for one request, and of a process that makes the same calls with the
//! SDK alone, in turns against the same store; throughput in a closed loop; and latency at a fixed rate, counted from when each
//! request was due, so that a request that waits for a slow one is told as slow (no coordinated omission).
//!
//! `cargo bench --bench load -- instructions` counts instructions instead, which are nearly the same on a busy machine, and fails
//! if there are more of them than there should be.
//!
//! `CLINIC_TEST_ENDPOINT` names another store, as DynamoDB Local. `CLINIC_BENCH_SECONDS` says how long each measurement takes.
//! `CLINIC_BENCH_ALLOCATOR` is a library with an allocator for the process that has the SDK alone: it has the C library's, as a
//! program has that chooses none.
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

/// Requests under way at once in a closed loop.
const AT_ONCE: usize = 16;
/// Turns of service and SDK; the middle one of the ratios is told.
const TURNS: usize = 3;
/// The share of the throughput of the slowest turn at which latency is measured: what is stored grows from turn to turn.
const OPEN_SHARE: f64 = 0.5;

fn seconds() -> Duration {
    let set = std::env::var("CLINIC_BENCH_SECONDS").ok();
    Duration::from_secs_f64(set.map_or(4.0, |seconds| seconds.parse().unwrap()))
}

/// The endpoints that are measured, with the calls that each makes; probes make none.
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
