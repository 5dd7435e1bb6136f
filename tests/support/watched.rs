//! A running service, with what it measures of itself, and another caller who wants to be served whatever the first one does.

use std::{process::Command, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{
    eventually,
    process::{HttpClient, Running, http_client, program, send},
};

/// The same program, of which anybody may ask as often as they like.
pub fn without_rates(program: &mut Command) -> &mut Command {
    for limit in ["ADDRESS", "PRINCIPAL", "ORGANISATION"] {
        program.env(format!("CLINIC_API_RATE_PER_{limit}"), "4000000000");
    }
    program
}

/// A service whose limits of requests a minute are out of the way.
pub struct Watched {
    /// The program.
    pub running: Running,
    metrics: String,
    client: HttpClient,
    _folder: TempDir,
}

impl Watched {
    /// Starts it, with these flags besides.
    pub fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--store", "memory"]);
        command.args(["--metrics-listen", "127.0.0.1:0"]).args(flags);
        let running = Running::launch(without_rates(&mut command), 5);
        let metrics = running.greeting[4].split_whitespace().last().unwrap().to_owned();
        Self { running, metrics, client: http_client(), _folder: folder }
    }

    /// The sum of a metric over its labels, of those lines alone that have all of these words.
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

    /// How many requests have begun and ended, other than probes.
    pub async fn requests(&self) -> i64 {
        self.metric("http_server_request_duration_seconds_count", &["/v1/"]).await
    }

    /// How many calls of an operation of the store have ended.
    pub async fn calls(&self, operation: &str) -> i64 {
        let ended = "db_client_operation_duration_seconds_count";
        self.metric(ended, &[&format!("\"{operation}\"")]).await
    }

    /// Waits until so many requests are under way, other than probes.
    pub async fn under_way(&self, number: i64) {
        let gauge = "http_server_active_requests";
        let all = async || (self.metric(gauge, &[]).await == number).then_some(());
        eventually("so many requests are under way", all).await;
    }

    /// Another caller is served, on a connection of their own. While all places are taken, they come again, as callers do.
    pub async fn serves_others(&self) {
        for path in ["/livez", "/readyz", "/v1/clinics"] {
            let uri = format!("{}{path}", self.running.base);
            eventually("others are served", async || {
                let (status, body) = send(&http_client(), &uri, "GET", None).await.unwrap();
                let overloaded = status == 503 && body["code"] == "overloaded";
                assert!(status == 200 || overloaded, "{path}: {status} {body}");
                (status == 200).then_some(())
            })
            .await;
        }
    }

    /// Waits until nothing is open and nothing under way any more.
    pub async fn calms_down(&self) {
        let gauge = "http_server_open_connections";
        let none = async || (self.metric(gauge, &[]).await == 0).then_some(());
        eventually(gauge, none).await;
        self.under_way(0).await;
        self.serves_others().await;
    }
}

/// What the system keeps of a connection at most, in both directions, and more.
const ROOM: usize = 64 * 1024 * 1024;
/// For how long nothing is taken by who takes no more.
const STILL: Duration = Duration::from_secs(2);

/// Sends `first`, then `flood` again and again, and reads nothing, until the server has taken nothing for a while. It fails
/// if the server takes more than the system keeps: then it keeps it itself.
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
