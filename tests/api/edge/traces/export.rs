//! The export of spans: to an unreachable collector, and with invalid settings.

use std::time::Instant;

use super::serve;
use crate::support::process::{Running, http_client, program, send, text};

/// Requests are answered as usual, the log reports the problem once, and the process stops.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{nobody}");
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        // More than fit if the collector accepts none.
        ("OTEL_BSP_MAX_QUEUE_SIZE", "4"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2"),
    ];
    let begun = Instant::now();
    let (_table, running) = serve(folder.path(), &settings).await;
    let client = http_client();
    for _ in 0..100 {
        let path = format!("{}/v1/clinics", running.base);
        let answered = send(&client, &path, "GET", None).await.unwrap();
        assert_eq!(answered.0, 200);
    }
    let (status, log) = running.terminate();
    assert!(status.success(), "{log}");
    let told = log.matches("the collector does not accept spans").count();
    // Once a minute, however many that were.
    let minutes = usize::try_from(begun.elapsed().as_secs() / 60).unwrap();
    assert!((1..=minutes + 2).contains(&told), "{told} times in {minutes} minutes: {log}");
}

/// As OpenTelemetry's specification requires, the SDK ignores an invalid value.
#[tokio::test(flavor = "multi_thread")]
async fn invalid_settings_of_traces_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let serve = || {
        let mut command = program(folder.path());
        command.args(["--store", "memory", "--listen", "127.0.0.1:0", "--log-format", "json"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
        command
    };
    for (name, value) in
        [("OTEL_TRACES_SAMPLER", "jaeger_remote"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
    {
        let (status, log) = Running::launch(serve().env(name, value), 0).terminate();
        let warned = log.lines().any(|line| line.contains("WARN") && line.contains(name));
        assert!(status.success() && warned, "{name}: {log}");
    }
    let output = serve().env("OTEL_EXPORTER_OTLP_ENDPOINT", "no address").output().unwrap();
    let said = text(&output);
    assert!(!output.status.success() && said.contains("traces can't be exported"), "{said}");
}
