//! How many instructions a request takes, beside those of the same calls of the bare SDK, as callgrind counts them: of the
//! processes alone and not of the system, and nearly the same number whatever else the machine does.

use std::{path::Path, process::Command};

use super::{
    ENDPOINTS,
    bare::{self, Calls},
    drive::ask,
    service::service,
    site::{Site, Size, Target},
};

/// What is asked of each endpoint before anything is counted, so that connections are open and caches are full.
const BEFORE: u32 = 30;
/// How many are counted: a start takes some millions more or less, as its clock is calibrated against time.
const COUNTED: u32 = 1_000;
/// Appointments of a staff member's day on average, while so few are booked: 40 staff members take turns.
const IN_SHEETS: usize = 4;

/// The most instructions that a request may take, as a multiple of those of the bare SDK: the most that was measured, and
/// 7 % for other compilers and libraries. Whoever makes one smaller writes it here.
const LIMITS: [(Target, f64); 4] = [
    (Target::Patient, 1.12),
    (Target::Appointment, 1.20),
    (Target::Day, 1.26),
    (Target::Book, 1.20),
];

fn counted(program: &Path, counts: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--quiet", "--error-exitcode=1"])
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(program)
        // One thread: how often threads wake one another is not the same each time.
        .env("TOKIO_WORKER_THREADS", "1");
    command
}

/// What a process that has ended took.
fn total(counts: &Path) -> f64 {
    let text = std::fs::read_to_string(counts).unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    total.trim().parse().unwrap()
}

async fn of_service(counts: &Path, target: Option<Target>) -> f64 {
    let mut program = counted(Path::new(service().get_program()), counts);
    program.env("CLINIC_API_SHUTDOWN_DELAY", "0s");
    let site = Site::open(program).await;
    for (_, target, _) in ENDPOINTS {
        for _ in 0..BEFORE {
            ask(site.callers.as_ref(), target).await;
        }
    }
    if let Some(target) = target {
        for _ in 0..COUNTED {
            ask(site.callers.as_ref(), target).await;
        }
    }
    site.service.finish();
    total(counts)
}

async fn of_sdk(site: &Site, counts: &Path, calls: Calls, times: u32) -> f64 {
    let program = counted(&std::env::current_exe().unwrap(), counts);
    let mut program = bare::told(program, site, calls);
    program.env("TIMES", times.to_string());
    let status = tokio::task::spawn_blocking(move || program.status().unwrap()).await.unwrap();
    assert!(status.success());
    total(counts)
}

/// Counts, prints, and fails if there are too many.
pub async fn count() {
    let folder = tempfile::tempdir().unwrap();
    let counts = folder.path().join("counts");
    let size = Size { in_sheets: IN_SHEETS, ..Size::default() };
    let site = Site::open_as(service(), None, size).await;
    let started = of_service(&counts, None).await;
    println!("| endpoint | instructions of the service | of the SDK | ratio |\n|---|---|---|---|");
    let mut too_many = Vec::new();
    for (name, target, calls) in ENDPOINTS {
        let ours = (of_service(&counts, Some(target)).await - started) / f64::from(COUNTED);
        let Some(calls) = calls else {
            println!("| {name} | {ours:.0} | | |");
            continue;
        };
        let idle = of_sdk(&site, &counts, calls, BEFORE).await;
        let all = of_sdk(&site, &counts, calls, BEFORE + COUNTED).await;
        let bare = (all - idle) / f64::from(COUNTED);
        println!("| {name} | {ours:.0} | {bare:.0} | {:.2} |", ours / bare);
        let limit = LIMITS.iter().find(|(limited, _)| *limited == target).unwrap().1;
        if ours / bare > limit {
            too_many.push(format!("{name}: {:.2} times the SDK's, {limit} at most", ours / bare));
        }
    }
    site.close();
    assert!(too_many.is_empty(), "{too_many:?}");
}
