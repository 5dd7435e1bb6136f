//! A process, and what the system says of it.

use std::{
    process::{Child, Command},
    time::Duration,
};

/// A process of this benchmark.
pub struct Process(Child);

/// The system's clock ticks are a hundredth of a second on every Linux that this runs on (`getconf CLK_TCK`).
const TICK: Duration = Duration::from_millis(10);

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Moves it to a control group, which may limit its CPU time (`cgroups(7)`).
    pub fn move_to(&self, control_group: &str) {
        std::fs::write(format!("{control_group}/cgroup.procs"), self.0.id().to_string()).unwrap();
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.0.id())).unwrap()
    }

    /// How much CPU time it has taken, in user and kernel mode (`proc_pid_stat(5)`: utime and stime).
    pub fn cpu(&self) -> Duration {
        cpu_of(&self.file("stat"))
    }

    /// How much memory it holds, in MB.
    pub fn memory(&self) -> f64 {
        let status = self.file("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// Asks it to end, and waits until it has.
    pub fn finish(mut self) {
        let told = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(told.success() && self.0.wait().unwrap().success());
    }

    /// Ends it.
    pub fn end(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What has been taken since, in microseconds, for each of so many.
pub fn micros_of_one(before: Duration, now: Duration, number: f64) -> f64 {
    now.saturating_sub(before).as_secs_f64() * 1e6 / number
}

/// The CPU time of this process.
pub fn own_cpu() -> Duration {
    cpu_of(&std::fs::read_to_string("/proc/self/stat").unwrap())
}

fn cpu_of(stat: &str) -> Duration {
    // The name of the program, in parentheses, may hold anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
    TICK * ticks
}
