//! A process and its resource usage.

use std::{
    process::{Child, Command},
    time::Duration,
};

/// A process of this benchmark.
pub struct Process(Child);

/// The system's clock tick is a hundredth of a second on every supported Linux (`getconf CLK_TCK`).
const TICK: Duration = Duration::from_millis(10);

impl Process {
    /// Starts the process.
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.id())).unwrap()
    }

    /// The CPU time in user and kernel mode (`proc_pid_stat(5)`: utime and stime).
    pub fn cpu(&self) -> Duration {
        cpu_of(&self.file("stat"))
    }

    /// The resident memory in MB.
    pub fn memory(&self) -> f64 {
        self.status_in_mb("VmRSS")
    }

    /// The peak resident memory in MB.
    pub fn most_memory(&self) -> f64 {
        self.status_in_mb("VmHWM")
    }

    /// A field of `proc_pid_status(5)` that is in kB there.
    fn status_in_mb(&self, field: &str) -> f64 {
        let kilobytes = field_of(&self.file("status"), field).unwrap();
        kilobytes.trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Sends SIGTERM and waits until it has ended.
    pub fn finish(mut self) {
        let told = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(told.success() && self.0.wait().unwrap().success());
    }

    /// Kills the process.
    pub fn end(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The CPU time since `before`, in microseconds per repetition.
pub fn micros_of_one(before: Duration, now: Duration, number: f64) -> f64 {
    now.saturating_sub(before).as_secs_f64() * 1e6 / number
}

/// The CPU time of this process.
pub fn own_cpu() -> Duration {
    cpu_of(&std::fs::read_to_string("/proc/self/stat").unwrap())
}

fn cpu_of(stat: &str) -> Duration {
    // The program's name, in parentheses, can contain anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
    TICK * ticks
}

/// The value of a field in a file of `proc(5)`.
fn field_of(file: &str, field: &str) -> Option<String> {
    let of_line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == field).then(|| value.trim().to_owned())
    };
    file.lines().find_map(of_line)
}

/// A line that describes the machine.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (processors, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} cores of {}, {} of memory, Linux {}",
        field_of(&processors, "model name").unwrap_or_else(|| "an unnamed processor".to_owned()),
        field_of(&memory, "MemTotal").unwrap_or_else(|| "unknown size".to_owned()),
        read("/proc/sys/kernel/osrelease").trim(),
    )
}
