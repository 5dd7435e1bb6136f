//! The program as its users start and stop it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};

/// The program, in a folder and with none of this machine's AWS settings.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clinic-api"));
    command.current_dir(folder);
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") || name.starts_with("CLINIC_API_") {
            command.env_remove(name);
        }
    }
    command
}

/// A running service; it is killed when the test ends.
pub struct Running {
    child: Child,
    /// Where its API is, without a path.
    pub base: String,
    /// What it printed at its start.
    pub greeting: Vec<String>,
}

impl Running {
    /// Starts the service on a free port and waits for its greeting.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_logging_to(folder, arguments, Stdio::piped())
    }

    /// The same, its log written to a file.
    pub fn start_with_log(folder: &Path, arguments: &[&str], log: &Path) -> Self {
        Self::start_logging_to(folder, arguments, std::fs::File::create(log).unwrap().into())
    }

    fn start_logging_to(folder: &Path, arguments: &[&str], log: Stdio) -> Self {
        let mut command = program(folder);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting: Vec<String> = lines.take(4).map(Result::unwrap).collect();
        let api = greeting.get(1).and_then(|line| line.split_whitespace().last());
        let Some(base) = api.and_then(|api| api.strip_suffix("/v1/clinics")) else {
            panic!("no greeting: {greeting:?} {}", read_log(&mut child));
        };
        Self { base: base.to_owned(), child, greeting }
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn terminate(mut self) -> (std::process::ExitStatus, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        let log = read_log(&mut self.child);
        (status, log)
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let mut request =
            axum::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let bytes = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = client.request(request.body(Full::from(bytes)).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

fn read_log(child: &mut Child) -> String {
    let mut log = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut log).unwrap();
    }
    log
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_without_settings_and_says_where_everything_is() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &[]);
    let greeting = running.greeting.join("\n");
    assert!(greeting.contains(&format!("{}/docs/", running.base)), "{greeting}");
    assert!(greeting.contains("data/clinic.db"), "{greeting}");
    for file in ["clinic.db", "clinic.db-wal", "clinic.db.lock", "clinic.db.cursor-key"] {
        let mode =
            std::fs::metadata(folder.path().join("data").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file} is for nobody else to read");
    }
    std::os::unix::fs::symlink("data/clinic.db", folder.path().join("link.db")).unwrap();
    let second = ["--store", "file:link.db", "--listen", "127.0.0.1:0"];
    let second = program(folder.path()).args(second).output().unwrap();
    assert!(text(&second).contains("in use by another clinic-api process"), "{}", text(&second));
    assert_eq!(running.send("GET", "/readyz", None).await.0, 200);
    let address = running.base.strip_prefix("http://").unwrap();
    let healthy =
        program(folder.path()).args(["healthcheck", "--listen", address]).output().unwrap();
    assert!(healthy.status.success(), "{}", text(&healthy));
    let unhealthy =
        program(folder.path()).args(["healthcheck", "--listen", "127.0.0.1:9"]).output().unwrap();
    assert!(!unhealthy.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn data_survive_a_kill_and_a_stop_and_a_second_process_is_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut made = Vec::new();
    for round in 0..3 {
        let running = Running::start(folder.path(), &[]);
        for id in &made {
            assert_eq!(running.send("GET", &format!("/v1/clinics/{id}"), None).await.0, 200);
        }
        let clinic = json!({ "name": format!("Clinic {round}"), "time_zone": "UTC" });
        let (status, clinic) = running.send("POST", "/v1/clinics", Some(clinic)).await;
        assert_eq!(status, 201);
        made.push(clinic["id"].as_str().unwrap().to_owned());
        let second = program(folder.path()).args(["--listen", "127.0.0.1:0"]).output().unwrap();
        assert!(!second.status.success());
        assert!(
            text(&second).contains("in use by another clinic-api process"),
            "{}",
            text(&second)
        );
        if round == 1 {
            let (status, log) = running.terminate();
            assert!(status.success(), "{log}");
            assert!(log.contains("stopping"), "{log}");
        } else {
            running.kill();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &[]);
    for name in ["A", "B"] {
        let clinic = json!({ "name": name, "time_zone": "UTC" });
        assert_eq!(running.send("POST", "/v1/clinics", Some(clinic)).await.0, 201);
    }
    let (_, page) = running.send("GET", "/v1/clinics?limit=1", None).await;
    let next = format!("/v1/clinics?cursor={}", page["next_cursor"].as_str().unwrap());
    running.kill();
    let running = Running::start(folder.path(), &[]);
    let (status, page) = running.send("GET", &next, None).await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (200, 1));
}

#[test]
fn a_running_request_finishes_when_the_service_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &["--store", "memory"]);
    let address = running.base.strip_prefix("http://").unwrap().to_owned();
    let body = json!({ "name": "A", "time_zone": "UTC" }).to_string();
    let (half, rest) = body.split_at(10);
    let mut connection = std::net::TcpStream::connect(&address).unwrap();
    let head = "POST /v1/clinics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json";
    write!(connection, "{head}\r\nContent-Length: {}\r\n\r\n{half}", body.len()).unwrap();
    // The request is under way: its head has arrived, half of its body has not.
    std::thread::sleep(Duration::from_millis(300));
    let stopping = std::thread::spawn(move || running.terminate());
    std::thread::sleep(Duration::from_millis(300));
    assert!(std::net::TcpStream::connect(&address).is_err(), "nobody new is let in");
    connection.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(stopping.join().unwrap().0.success());
}

/// Whatever is logged, it is nothing of what a patient's record holds.
#[tokio::test(flavor = "multi_thread")]
async fn no_log_shows_what_is_known_of_a_patient() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["text", "json"] {
        let log = folder.path().join(format);
        let settings = ["--store", "memory", "--log", "trace", "--log-format", format];
        let running = Running::start_with_log(folder.path(), &settings, &log);
        let patient = json!({
            "name": "Canary-Name", "mrn": "CANARY-MRN", "birth_date": "1984-02-29",
            "phone": "+41700004711", "email": "canary@example.org", "notes": "Canary-Notes",
        });
        for expected in [201, 409] {
            let (status, _) = running.send("POST", "/v1/patients", Some(patient.clone())).await;
            assert_eq!(status, expected);
        }
        let (_, found) = running.send("GET", "/v1/patients?mrn=CANARY-MRN", None).await;
        let path = format!("/v1/patients/{}", found["items"][0]["id"].as_str().unwrap());
        let patch = json!({ "name": "Canary-Other", "notes": null });
        assert_eq!(running.send("PATCH", &path, Some(patch)).await.0, 200);
        let wrong = json!({ "name": ["Canary-Wrong"], "phone": "Canary-Phone" });
        assert_eq!(running.send("PATCH", &path, Some(wrong)).await.0, 422);
        assert_eq!(running.send("GET", "/v1/patients/Canary-Path", None).await.0, 400);
        assert_eq!(running.send("DELETE", &path, None).await.0, 204);
        assert!(running.terminate().0.success());
        let lines = std::fs::read_to_string(&log).unwrap();
        assert!(lines.contains("DEBUG") && lines.contains("answered"), "it logs much");
        for line in lines.lines() {
            let shown =
                ["canary", "4711", "1984-02-29"].iter().any(|c| line.to_lowercase().contains(c));
            assert!(!shown, "{line}");
        }
    }
}

#[test]
fn settings_that_make_no_sense_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = program(folder.path()).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        text(&output)
    };
    assert!(run(&["--store", "postgres"]).contains("memory, file:PATH, dynamodb"));
    assert!(run(&["--store", "dynamodb"]).contains("--cursor-keys"));
    assert!(run(&["--store", "memory", "--cursor-keys", "short"]).contains("32 bytes"));
    assert!(run(&["--listen", "here"]).contains("--listen"));
    assert!(run(&["--store", "memory", "--listen", "192.0.2.1:80"]).contains("can't listen on"));
    assert!(run(&["--store", "memory", "--log", "a=b=c"]).contains("--log"));
    assert!(run(&["--development-org", "A#B"]).contains("organisation"));
    std::fs::write(folder.path().join("notadb"), "no database").unwrap();
    assert!(run(&["--store", "file:notadb"]).contains("notadb can't be opened"));
}

#[test]
fn every_setting_is_in_the_help_with_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    let help = text(&program(folder.path()).args(["serve", "--help"]).output().unwrap());
    for name in ["STORE", "TABLE", "LISTEN", "CURSOR_KEYS", "DEVELOPMENT_ORG", "LOG", "LOG_FORMAT"]
    {
        assert!(help.contains(&format!("CLINIC_API_{name}")), "{name}: {help}");
    }
    assert!(help.contains("AWS_ENDPOINT_URL_DYNAMODB"));
}

#[test]
fn the_table_is_made_and_checked_on_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = |action: &str| {
        program(folder.path()).args(["table", action, "--store", "file:t.db"]).output().unwrap()
    };
    let missing = table("check");
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing).contains("no such table"), "{}", text(&missing));
    assert!(text(&table("create")).starts_with("made"));
    assert!(text(&table("create")).starts_with("there already"));
    let checked = table("check");
    assert!(checked.status.success() && text(&checked).starts_with("as it should be"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_on_an_endpoint_of_dynamodb() {
    // An engine of another process: another embedded one, or the suite's own.
    let engine = clinic_api::store::embedded::Engine::in_memory().await.unwrap();
    let endpoint =
        crate::support::app::external_endpoint().unwrap_or_else(|| engine.endpoint().to_owned());
    let folder = tempfile::tempdir().unwrap();
    let name = crate::support::app::fresh_table();
    let with_aws = |arguments: &[&str]| {
        let mut command = program(folder.path());
        command.args(arguments).args(["--store", "dynamodb", "--table", &name]);
        command.env("AWS_ENDPOINT_URL_DYNAMODB", &endpoint).env("AWS_REGION", "eu-central-1");
        command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
        command.output().unwrap()
    };
    let missing = with_aws(&["table", "check"]);
    assert_eq!(missing.status.code(), Some(1), "{}", text(&missing));
    let made = with_aws(&["table", "create"]);
    assert!(made.status.success(), "{}", text(&made));
    assert!(text(&made).contains(&endpoint));
    assert!(with_aws(&["table", "check"]).status.success());
}

#[test]
fn the_document_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let output = program(folder.path()).arg("openapi").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let committed = include_str!("../../openapi/openapi.json");
    assert!(printed == committed, "run: cargo run -- openapi > openapi/openapi.json");
}
