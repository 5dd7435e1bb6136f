//! The latency of each endpoint with a growing table, the size of the data, and the speed of seeding.
//!
//! `cargo bench --bench scale` seeds a table for each size (`clinic-api table seed`), starts the service on it, and sends
//! requests at a low fixed rate. Latency counts from when a request was due. The store is a file of the embedded engine in the
//! service's process; `CLINIC_TEST_ENDPOINT` sets another one, for example DynamoDB Local. The worker is off, because it would be
//! busy with the sample data.
//!
//! `CLINIC_BENCH_SIZES` are clinics times appointments, for example `1x1000,10x1000`. `CLINIC_BENCH_RATE` is the number of
//! requests a second, `CLINIC_BENCH_SECONDS` the duration per endpoint. With `CLINIC_BENCH_FOLDER` the files are created there
//! and kept. A run needs new files, because it books slots and cancels appointments.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement is for people to read"
)]

#[expect(dead_code, reason = "the other benchmark uses it too")]
#[path = "../load/drive.rs"]
mod drive;
#[expect(dead_code, reason = "the other benchmark uses it too")]
#[path = "../load/measured.rs"]
mod measured;
mod sample;
#[path = "../load/service.rs"]
mod service;

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use clinic_api::{
    seed::Plan,
    time::{Clock as _, SystemClock, utc_date},
};
use drive::open;
use sample::{Sample, Target};
use service::{in_folder, on_endpoint, serve, service, without_stream};

/// The results for one size.
struct Column {
    name: String,
    /// By target, p50 and p99 in milliseconds.
    latencies: Vec<(f64, f64)>,
    seeded: String,
    bytes: Option<u64>,
    memory: f64,
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// The plan for a size: clinics times appointments.
fn plan(size: &str) -> Plan {
    let (clinics, appointments) = size.split_once('x').unwrap();
    let appointments: u32 = appointments.parse().unwrap();
    Plan {
        org: "ORG-DEMO".parse().unwrap(),
        clinics: clinics.parse().unwrap(),
        // A large clinic has more staff instead of years of appointments.
        staff: (appointments / 1500).max(5).try_into().unwrap(),
        patients: (appointments / 4).max(100),
        appointments,
        today: utc_date(SystemClock.now()),
        seed: 1,
    }
}

/// The program on the measured store.
fn on_store(folder: &Path, table: &str) -> Command {
    let mut command = service();
    in_folder(&mut command, folder);
    match std::env::var("CLINIC_TEST_ENDPOINT") {
        Ok(endpoint) => on_endpoint(&mut command, &endpoint, table),
        Err(_) => {
            command.env("CLINIC_API_STORE", "file:scale.db");
        }
    }
    command
}

/// Seeds the table. Returns what the program printed.
async fn seed(folder: &Path, table: &str, plan: &Plan) -> String {
    let created = on_store(folder, table).args(["table", "create"]).status().unwrap();
    assert!(created.success());
    if let Ok(endpoint) = std::env::var("CLINIC_TEST_ENDPOINT") {
        without_stream(&endpoint, table).await;
    }
    let mut command = on_store(folder, table);
    command.args(["table", "seed"]);
    for (flag, number) in [
        ("--clinics", plan.clinics),
        ("--staff", plan.staff.into()),
        ("--patients", plan.patients),
        ("--appointments", plan.appointments),
    ] {
        command.args([flag, &number.to_string()]);
    }
    command.args(["--today", &plan.today.to_string()]);
    let output = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The size of the data files; `None` if the store is external.
fn bytes_in(folder: &Path) -> Option<u64> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let data = files.filter(|file| file.file_name().to_string_lossy().starts_with("scale.db"));
    let bytes: u64 = data.map(|file| file.metadata().unwrap().len()).sum();
    (bytes > 0).then_some(bytes)
}

async fn measure(size: &str, rate: f64, length: Duration) -> Column {
    let root = setting("CLINIC_BENCH_FOLDER", &std::env::temp_dir().to_string_lossy());
    let folder = Path::new(&root).join(format!("scale-{size}"));
    std::fs::create_dir_all(&folder).unwrap();
    let table = format!("scale-{:x}", rand::random::<u64>());
    let plan = plan(size);
    let said = seed(&folder, &table, &plan).await;
    eprintln!("{size}: {}", said.trim());
    let bytes = bytes_in(&folder);
    let mut command = on_store(&folder, &table);
    command.args(["serve", "--worker", "false", "--log-format", "json"]);
    let (running, api, _) = serve(command, &folder).await;
    let sample = Arc::new(Sample::of(&plan, api));
    sample.warm_up().await;
    let mut latencies = Vec::new();
    for target in Target::ALL {
        let latency = open(&sample, target, rate, length).await;
        let at = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
        eprintln!("{size}: {}: {:.1} / {:.1} ms", target.name(), at(0.5), at(0.99));
        latencies.push((at(0.5), at(0.99)));
    }
    let memory = running.memory();
    running.end();
    if std::env::var("CLINIC_BENCH_FOLDER").is_err() {
        std::fs::remove_dir_all(folder).unwrap();
    }
    let seeded = said.split(" appointments, ").last().unwrap().split(" (").next().unwrap();
    Column { name: size.replace('x', " × "), latencies, seeded: seeded.to_owned(), bytes, memory }
}

#[tokio::main]
async fn main() {
    let sizes = setting("CLINIC_BENCH_SIZES", "1x1000,10x1000,100x1000,1000x1000,1x100000");
    let rate: f64 = setting("CLINIC_BENCH_RATE", "10").parse().unwrap();
    let length = setting("CLINIC_BENCH_SECONDS", "10").parse().unwrap();
    let length = Duration::from_secs_f64(length);
    let mut columns = Vec::new();
    for size in sizes.split(',') {
        columns.push(measure(size, rate, length).await);
    }
    let row = |name: &str, cell: &dyn Fn(&Column) -> String| {
        let cells: Vec<_> = columns.iter().map(cell).collect();
        println!("| {name} | {} |", cells.join(" | "));
    };
    println!("At {rate} requests a second, p50 / p99 in ms:\n");
    row("clinics × appointments of each", &|column| column.name.clone());
    println!("|{}", "---|".repeat(columns.len() + 1));
    for (number, target) in Target::ALL.iter().enumerate() {
        let latency = |column: &Column| column.latencies[number];
        row(target.name(), &|column| {
            format!("{:.1} / {:.1}", latency(column).0, latency(column).1)
        });
    }
    row("made up", &|column| column.seeded.clone());
    let megabytes = |bytes| format!("{:.0} MB", bytes as f64 / 1e6);
    row("files", &|column| column.bytes.map_or_else(String::new, megabytes));
    row("memory of the service", &|column| format!("{:.0} MB", column.memory));
}
