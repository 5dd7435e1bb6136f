//! The instructions of a request, compared with those of the same calls by the bare SDK, as callgrind counts them. It counts only
//! the processes, not the system, and nearly the same number whatever else the machine does.

use std::{path::Path, process::Command};

use super::{
    ENDPOINTS,
    bare::{self, Calls},
    drive::ask,
    measured::Process,
    service::service,
    site::{Site, Size, Target},
};

/// The number of requests per endpoint before counting, to open connections and fill caches.
const BEFORE: u32 = 30;
/// The number of counted requests.
const COUNTED: u32 = 1_000;
/// The average number of appointments in a staff member's day, with bookings spread over 40 staff members.
const IN_SHEETS: usize = 4;

/// The limit for each request, as a multiple of the instructions of the bare SDK's calls; for a probe, of a GetItem. It is 3 %
/// above the highest count so far, 9 % for the probe. Lower it when a request gets cheaper.
const LIMITS: [(Target, f64); 5] = [
    (Target::Livez, 0.12),
    (Target::Patient, 1.1),
    (Target::Appointment, 1.12),
    (Target::Day, 1.18),
    (Target::Book, 1.12),
];

fn counted(program: &Path, counts: &Path, more: &[&str]) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--quiet", "--error-exitcode=1"])
        .args(more)
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(program)
        // One thread: how often threads wake each other varies.
        .env("TOKIO_WORKER_THREADS", "1");
    command
}

/// The total of a process that has ended.
fn total(counts: &Path) -> f64 {
    let text = std::fs::read_to_string(counts).unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    total.trim().parse().unwrap()
}

/// Switches callgrind's counting for the service on or off. The start is not counted: a clock is calibrated there for a varying
/// time.
async fn switch(service: &Process, on: bool) {
    let mut control = Command::new("callgrind_control");
    control.args(["-i", if on { "on" } else { "off" }, &service.id().to_string()]);
    let output = tokio::task::spawn_blocking(move || control.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The instructions of a request.
async fn of_service(counts: &Path, target: Target) -> f64 {
    let mut program = counted(Path::new(service().get_program()), counts, &["--instr-atstart=no"]);
    program.env("CLINIC_API_SHUTDOWN_DELAY", "0s");
    let site = Site::open(program).await;
    for _ in 0..BEFORE {
        ask(site.callers.as_ref(), target).await;
    }
    switch(&site.service, true).await;
    for _ in 0..COUNTED {
        ask(site.callers.as_ref(), target).await;
    }
    switch(&site.service, false).await;
    site.service.finish();
    total(counts) / f64::from(COUNTED)
}

/// The instructions of these calls, in a process that has already started.
async fn of_sdk(site: &Site, counts: &Path, calls: Calls) -> f64 {
    let idle = of_sdk_in_all(site, counts, calls, BEFORE).await;
    let all = of_sdk_in_all(site, counts, calls, BEFORE + COUNTED).await;
    (all - idle) / f64::from(COUNTED)
}

async fn of_sdk_in_all(site: &Site, counts: &Path, calls: Calls, times: u32) -> f64 {
    let program = counted(&std::env::current_exe().unwrap(), counts, &[]);
    let mut program = bare::told(program, site, calls);
    program.env("TIMES", times.to_string());
    let status = tokio::task::spawn_blocking(move || program.status().unwrap()).await.unwrap();
    assert!(status.success());
    total(counts)
}

/// Counts, prints, and fails if a limit is exceeded.
pub async fn count() {
    let folder = tempfile::tempdir().unwrap();
    let counts = folder.path().join("counts");
    let size = Size { in_sheets: IN_SHEETS, ..Size::default() };
    let site = Site::open_as(service(), size).await;
    println!("| endpoint | instructions of the service | of the SDK | ratio |\n|---|---|---|---|");
    let mut too_many = Vec::new();
    for (name, target, calls) in ENDPOINTS {
        let ours = of_service(&counts, target).await;
        let bare = of_sdk(&site, &counts, calls.unwrap_or(Calls::GetPatient)).await;
        let ratio = ours / bare;
        match calls {
            Some(_) => println!("| {name} | {ours:.0} | {bare:.0} | {ratio:.2} |"),
            None => println!("| {name} | {ours:.0} | | |"),
        }
        let limit = LIMITS.iter().find(|(limited, _)| *limited == target).unwrap().1;
        if ratio > limit {
            too_many.push(format!("{name}: {ratio:.3} times the SDK's, {limit} at most"));
        }
    }
    site.close();
    assert!(too_many.is_empty(), "{too_many:?}");
}
