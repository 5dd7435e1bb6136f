//! The program as a process: start, signals, end.

mod client;
mod table;

use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use serde_json::Value;

pub use client::{
    HttpClient, ISSUER_FOLDER, admin_token, admin_token_of, http_client, send, send_as, send_keyed,
};
pub use table::RemoteTable;

use super::wait::eventually_blocking;

/// The program in a folder, without this machine's settings of AWS and OpenTelemetry.
pub fn program(folder: &Path) -> Command {
    prepared(Command::new(env!("CARGO_BIN_EXE_clinic-api")), folder)
}

/// The same, started by a shell that runs a command first.
pub fn program_after(folder: &Path, before: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\"")]);
    shell.arg(env!("CARGO_BIN_EXE_clinic-api"));
    prepared(shell, folder)
}

/// The same as a user without the capability to bypass file permissions (capabilities(7)), even if the tests run as root.
pub fn program_of_user(folder: &Path) -> Command {
    if std::fs::metadata(folder).unwrap().uid() != 0 {
        return program(folder);
    }
    let mut command = Command::new("setpriv");
    command.arg("--bounding-set=-dac_override,-dac_read_search");
    command.arg(env!("CARGO_BIN_EXE_clinic-api"));
    prepared(command, folder)
}

fn prepared(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder);
    for (name, _) in std::env::vars() {
        if ["AWS_", "CLINIC_API_", "OTEL_"].iter().any(|start| name.starts_with(start)) {
            command.env_remove(name);
        }
    }
    command.env("CLINIC_API_DEVELOPMENT_ISSUER", ISSUER_FOLDER);
    command
}

/// Everything that a program printed.
pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A running service. It is killed when the test ends.
pub struct Running {
    child: Child,
    log: PathBuf,
    /// The base URL of its API.
    pub base: String,
    /// The lines that it printed at startup.
    pub greeting: Vec<String>,
}

impl Running {
    /// Starts the service on a free port and waits for its greeting. It stops on SIGTERM without a delay.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::launch(program(folder).args(["serve", "--listen", "127.0.0.1:0"]).args(arguments), 4)
    }

    /// Runs a command that serves, and waits for `lines` lines of greeting. With JSON logs it prints none.
    pub fn launch(command: &mut Command, lines: usize) -> Self {
        let log = log_of(command);
        if command.get_envs().all(|(name, _)| name != "CLINIC_API_SHUTDOWN_DELAY") {
            command.env("CLINIC_API_SHUTDOWN_DELAY", "0s");
        }
        let file = std::fs::File::create(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting: Vec<String> = printed.take(lines).map(Result::unwrap).collect();
        let api = greeting.get(1).and_then(|line| line.split_whitespace().last());
        let api = api
            .map_or_else(|| logged(&mut child, &log, "service started", "api.url"), str::to_owned);
        let Some(base) = api.strip_suffix("/v1/clinics") else {
            panic!("no greeting: {greeting:?} {}", std::fs::read_to_string(&log).unwrap());
        };
        Self { base: base.to_owned(), child, log, greeting }
    }

    /// The URL of its metrics, if it exports them.
    pub fn metrics(&mut self) -> String {
        match self.greeting.get(4).and_then(|line| line.split_whitespace().last()) {
            Some(url) => url.to_owned(),
            None => logged(&mut self.child, &self.log, "service started", "metrics.url"),
        }
    }

    /// The address on which it listens.
    pub fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    /// Kills it like `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Sends it a signal, like `kill`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Waits until it has ended. Returns the exit status and the whole log.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, std::fs::read_to_string(&self.log).unwrap())
    }

    /// Sends SIGTERM and waits until it has ended.
    pub fn terminate(self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.ended()
    }

    /// Sends one request on a new connection.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        send(&http_client(), &format!("{}{path}", self.base), method, body).await.unwrap()
    }
}

/// The log file of a command.
fn log_of(command: &Command) -> PathBuf {
    command.get_current_dir().unwrap().join(format!("{:x}.log", rand::random::<u64>()))
}

/// A field of the log line with this message. The program logs in JSON and prints no greeting. Empty if the program ends first.
fn logged(child: &mut Child, log: &Path, message: &str, field: &str) -> String {
    eventually_blocking(message, || {
        let ended = child.try_wait().unwrap().is_some();
        let lines = std::fs::read_to_string(log).unwrap();
        let mut lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found = lines.find(|line| line["message"] == message);
        let value = found.map(|line| line[field].as_str().unwrap().to_owned());
        value.or_else(|| ended.then(String::new))
    })
}

/// A running worker that exports metrics. It is killed when the test ends.
pub struct Working {
    child: Child,
    /// The URL of its metrics.
    pub metrics: String,
}

impl Working {
    /// Runs a worker command and waits until it is ready.
    pub fn launch(command: &mut Command) -> Self {
        let log = log_of(command);
        command.args(["--metrics-listen", "127.0.0.1:0", "--log-format", "json"]);
        let mut child = command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
        let metrics = logged(&mut child, &log, "worker started", "metrics.url");
        Self { child, metrics }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
