//! A running service with its metrics, and a second caller who must be served whatever the first one does.

use std::{process::Command, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{
    eventually,
    process::{HttpClient, Running, admin_token_of, http_client, program, send_as},
};

/// The same program without rate limits.
pub fn without_rates(program: &mut Command) -> &mut Command {
    for limit in ["ADDRESS", "PRINCIPAL", "ORGANISATION"] {
        program.env(format!("CLINIC_API_RATE_PER_{limit}"), "4000000000");
    }
    program
}

/// A service without rate limits.
pub struct Watched {
    /// The program.
    pub running: Running,
    metrics: String,
    client: HttpClient,
    other: String,
    _folder: TempDir,
}

impl Watched {
    /// Starts the service with additional flags.
    pub fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--store", "memory"]);
        command.args(["--metrics-listen", "127.0.0.1:0"]).args(flags);
        let running = Running::launch(without_rates(&mut command), 5);
        let metrics = running.greeting[4].split_whitespace().last().unwrap().to_owned();
        let other = admin_token_of("ORG-OTHER");
        Self { running, metrics, client: http_client(), other, _folder: folder }
    }

    /// The sum of a metric over all lines that contain all of these words.
    pub async fn metric(&self, name: &str, words: &[&str]) -> i64 {
        let answer = self.client.get(self.metrics.parse().unwrap()).await.unwrap();
        let page = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        let page = String::from_utf8(page.to_vec()).unwrap();
        let named = |line: &&str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
                && words.iter().all(|word| line.contains(word))
        };
        let values = page.lines().filter(named).filter_map(|line| line.rsplit(' ').next());
        values.map(|value| value.parse::<i64>().unwrap()).sum()
    }

    /// The number of completed requests, without probes.
    pub async fn requests(&self) -> i64 {
        self.metric("http_server_request_duration_seconds_count", &["/v1/"]).await
    }

    /// The number of completed DynamoDB calls of an operation.
    pub async fn calls(&self, operation: &str) -> i64 {
        let ended = "db_client_operation_duration_seconds_count";
        self.metric(ended, &[&format!("\"{operation}\"")]).await
    }

    /// Waits until this number of requests is active, without probes.
    pub async fn under_way(&self, number: i64) {
        let gauge = "http_server_active_requests";
        let all = async || (self.metric(gauge, &[]).await == number).then_some(());
        eventually("so many requests are under way", all).await;
    }

    /// Asserts that a caller of another organisation is served on a new connection. While all permits are in use, it retries as
    /// clients do.
    pub async fn serves_others(&self) {
        for path in ["/livez", "/readyz", "/v1/clinics"] {
            let uri = format!("{}{path}", self.running.base);
            eventually("others are served", async || {
                let sent = send_as(&http_client(), &self.other, &uri, "GET", None, None).await;
                let (status, body) = sent.unwrap();
                let overloaded = status == 503 && body["code"] == "overloaded";
                assert!(status == 200 || overloaded, "{path}: {status} {body}");
                (status == 200).then_some(())
            })
            .await;
        }
    }

    /// Waits until no connection is open and no request is active.
    pub async fn calms_down(&self) {
        let gauge = "http_server_open_connections";
        let none = async || (self.metric(gauge, &[]).await == 0).then_some(());
        eventually(gauge, none).await;
        self.under_way(0).await;
        self.serves_others().await;
    }
}

/// An upper bound of what the system buffers for a connection, in both directions.
const ROOM: usize = 64 * 1024 * 1024;
/// The time without progress after which a peer counts as not reading.
const STILL: Duration = Duration::from_secs(2);

/// Sends `first`, then `flood` repeatedly, and reads nothing, until the server has stopped reading for a while. Fails if the
/// server reads more than the system can buffer, because then the server buffers it.
pub async fn until_it_takes_no_more(connection: &mut TcpStream, first: &[u8], flood: &[u8]) {
    connection.write_all(first).await.unwrap();
    let mut taken = 0;
    loop {
        let from = taken % flood.len();
        match timeout_at(Instant::now() + STILL, connection.write(&flood[from..])).await {
            Ok(bytes) => taken += bytes.unwrap(),
            Err(_) => return,
        }
        assert!(taken < ROOM, "it keeps what was answered");
    }
}
