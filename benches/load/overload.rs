//! More requests than the service can answer: how many it still answers, how soon it refuses the others, what memory it takes.
//!
//! First callers who ask one after the other find how many requests a second are served at most. Then two and three times as
//! many come, whatever becomes of them. Store and load share the machine with the service, so the service is given less than
//! the machine has: one thread, so that its CPU time is what runs out while those who ask have a core of their own; or few
//! places and a store that takes long, so that places are what runs out.
//!
//! `CLINIC_BENCH_CGROUP` names the folder of a control group for the service: what limits its CPU time there, as Kubernetes
//! does, leaves enough of the machine to store and load, also where a request takes little.

use std::{convert::Infallible, sync::Arc, time::Duration};

use hdrhistogram::Histogram;
use tokio::{runtime::Builder, time::sleep};

use super::{
    drive::{Latencies, closed, open},
    measured::Process,
    seconds,
    service::service,
    site::{Callers, Site, Size, Target},
};

/// What runs out.
struct Scenario {
    name: &'static str,
    /// Environment variables of the service.
    variables: &'static [(&'static str, &'static str)],
    /// How much later every call arrives at the store.
    latency: Option<Duration>,
    endpoints: &'static [Endpoint],
}

struct Endpoint {
    name: &'static str,
    target: Target,
    /// Staff members. More than requests under way where bookings are asked for: two at once of one day sheet are in each
    /// other's way, and are tried again.
    staff: usize,
}

const PATIENT: Endpoint = Endpoint { name: "get a patient", target: Target::Patient, staff: 1 };
const DAY: Endpoint = Endpoint { name: "list a day", target: Target::Day, staff: 1 };
const BOOK: Endpoint = Endpoint { name: "book", target: Target::Book, staff: 320 };

const SCENARIOS: [Scenario; 2] = [
    Scenario {
        name: "CPU time of one thread",
        variables: &[("TOKIO_WORKER_THREADS", "1")],
        latency: None,
        endpoints: &[PATIENT, DAY, BOOK],
    },
    // 64 requests of 50 ms and more each: 1,200 a second.
    Scenario {
        name: "64 places, a store that takes 50 ms",
        variables: &[("CLINIC_API_MAX_CONCURRENT_REQUESTS", "64")],
        latency: Some(Duration::from_millis(50)),
        endpoints: &[PATIENT],
    },
];

/// Callers who ask one after the other, to find the highest throughput: from a few, who leave the service waiting, to as many
/// as there are places.
const AT_ONCE: [usize; 4] = [8, 16, 32, 64];
const TIMES: [f64; 3] = [1.0, 2.0, 3.0];
/// Who waited longer for an answer has given up.
const USEFUL: Duration = Duration::from_secs(1);
const BETWEEN_SAMPLES: Duration = Duration::from_millis(50);

/// Measures all scenarios.
pub async fn run() {
    println!(
        "| runs out | endpoint | offered/s | served/s in 1 s | of the peak | rejected | served p50, p99 ms | rejected p50, p99 ms | memory before, most MB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for scenario in &SCENARIOS {
        for endpoint in scenario.endpoints {
            scenario.overload(endpoint).await;
        }
    }
}

impl Scenario {
    /// A service and a store of its own for each measurement: the engine becomes slower with each transaction of the last ten
    /// minutes, and is not to be what runs out.
    async fn site(&self, endpoint: &Endpoint) -> Site {
        let mut program = service();
        program.envs(self.variables.iter().copied());
        let size = Size { staff: endpoint.staff, ..Size::default() };
        let site = Site::open_as(program, self.latency, size).await;
        if let Ok(control_group) = std::env::var("CLINIC_BENCH_CGROUP") {
            site.service.move_to(&control_group);
        }
        site
    }

    async fn overload(&self, endpoint: &Endpoint) {
        let (row, target) = (format!("| {} | {}", self.name, endpoint.name), endpoint.target);
        let mut peak = 0.0_f64;
        for at_once in AT_ONCE {
            let site = self.site(endpoint).await;
            let done = apart(&site, async move |callers| {
                closed(&callers, target, at_once, seconds()).await.throughput()
            });
            peak = peak.max(done.await);
            site.close();
        }
        println!("{row} | closed loop | {peak:.0} | 1 | | | | |");
        for times in TIMES {
            let site = self.site(endpoint).await;
            let offered = peak * times;
            let (before, mut most) = (site.service.memory(), 0.0);
            let asking =
                apart(&site, async move |callers| open(&callers, target, offered, seconds()).await);
            let seen = tokio::select! {
                seen = asking => seen,
                never = watch_memory(&site.service, &mut most) => match never {},
            };
            let served = useful(&seen) / seconds().as_secs_f64();
            let rejected = seen.rejected.len() as f64;
            println!(
                "{row} | {offered:.0} | {served:.0} | {:.2} | {:.2} | {} | {} | {before:.0}, {most:.0} |",
                served / peak,
                rejected / (rejected + seen.served.len() as f64),
                middle_and_tail(&seen.served),
                middle_and_tail(&seen.rejected),
            );
            site.close();
        }
    }
}

/// Has callers ask on a thread of their own: the store, whose tasks share this one's, is to hold up nobody who measures.
async fn apart<T: Send + 'static>(
    site: &Site,
    asking: impl AsyncFnOnce(Arc<Callers>) -> T + Send + 'static,
) -> T {
    let callers = site.callers.clone();
    let thread = move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(asking(Arc::new(callers.apart())))
    };
    tokio::task::spawn_blocking(thread).await.unwrap()
}

/// How many were answered while somebody waited.
fn useful(seen: &Latencies) -> f64 {
    seen.served.count_between(0, u64::try_from(USEFUL.as_micros()).unwrap()) as f64
}

fn middle_and_tail(latencies: &Histogram<u64>) -> String {
    let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
    format!("{:.1}, {:.1}", at(0.5), at(0.99))
}

async fn watch_memory(service: &Process, most: &mut f64) -> Infallible {
    loop {
        *most = service.memory().max(*most);
        sleep(BETWEEN_SAMPLES).await;
    }
}
