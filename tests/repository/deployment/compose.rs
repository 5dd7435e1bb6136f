//! The compose file matches the program, and the program starts with its settings.

use std::{collections::BTreeMap, path::Path};

use clinic_api::config::{Cli, Command};
use regex::Regex;
use serde_json::Value;

use super::{ROOT, compose, yaml};
use crate::support::{
    eventually,
    process::{RemoteTable, Running, Working, admin_token, http_client, program, text},
};

/// The services of the compose file that run our program.
fn ours(compose: &Value) -> Vec<(&String, &Value)> {
    let services = compose["services"].as_object().unwrap().iter();
    services.filter(|(_, it)| it["image"].as_str().unwrap().starts_with("clinic-api:")).collect()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|it| it.as_str().unwrap()).collect()
}

/// The environment of a service, with the defaults of interpolated variables.
fn environment(service: &Value) -> BTreeMap<String, String> {
    let default = Regex::new(r"\$\{[A-Z_]+:-([^}]*)\}").unwrap();
    let environment = service["environment"].as_object().unwrap().iter();
    let plain = |value: &Value| default.replace(value.as_str().unwrap(), "$1").into_owned();
    environment.map(|(name, value)| (name.clone(), plain(value))).collect()
}

fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap()
}

/// A duration in Compose's notation, in seconds.
fn seconds(text: &str) -> i64 {
    text.parse::<jiff::SignedDuration>().unwrap().as_secs()
}

#[test]
fn the_compose_file_fits_the_program_and_itself() {
    let compose = compose();
    let ours = ours(&compose);
    assert_eq!(
        ours.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["clinic-api", "table", "token", "worker"]
    );
    for (name, service) in &ours {
        let arguments = std::iter::once("clinic-api").chain(strings(&service["command"]));
        Cli::read(arguments).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(service["read_only"], true, "{name}");
        let environment = environment(service);
        // The token service does not use the table.
        let Some(endpoint) = environment.get("AWS_ENDPOINT_URL_DYNAMODB") else {
            assert_eq!(name.as_str(), "token");
            continue;
        };
        let endpoint = endpoint.strip_prefix("http://").unwrap();
        let (host, port) = endpoint.split_once(':').unwrap();
        assert!(
            compose["services"][host]["image"]
                .as_str()
                .unwrap()
                .starts_with("amazon/dynamodb-local:")
        );
        assert_eq!(port, "8000", "DynamoDB Local's own");
        assert_eq!(service["depends_on"][host]["condition"], "service_healthy", "{name}");
    }
    let services = compose["services"].as_object().unwrap();
    for (name, service) in services {
        for other in service["depends_on"].as_object().into_iter().flat_map(|it| it.keys()) {
            assert!(services.contains_key(other), "{name} depends on {other}");
        }
        for volume in strings(&service["volumes"]) {
            let source = volume.split(':').next().unwrap();
            let there = match source.strip_prefix("./") {
                Some(path) => Path::new(ROOT).join(path).exists(),
                None => compose["volumes"].get(source).is_some(),
            };
            assert!(there, "{name}: {volume}");
        }
        for published in strings(&service["ports"]) {
            assert!(published.starts_with("127.0.0.1:"), "{name}: {published} is open to others");
        }
        let tag = service["image"].as_str().unwrap().split_once(':').map(|(_, tag)| tag);
        assert!(tag.is_some_and(|tag| tag != "latest"), "{name} is pinned");
    }
}

#[test]
fn the_compose_files_service_is_where_the_others_look_for_it() {
    let compose = compose();
    let service = &compose["services"]["clinic-api"];
    let environment = environment(service);
    let listen = port(&environment["CLINIC_API_LISTEN"]);
    assert_eq!(
        strings(&service["ports"]),
        [format!("127.0.0.1:${{API_PORTS:-{listen}}}:{listen}")]
    );
    let metrics = port(&environment["CLINIC_API_METRICS_LISTEN"]);
    let prometheus = yaml("deploy/observability/prometheus.yml");
    let worker = self::environment(&compose["services"]["worker"]);
    let worker = port(&worker["CLINIC_API_METRICS_LISTEN"]);
    let jobs = prometheus["scrape_configs"].as_array().unwrap().iter();
    let targets = jobs.map(|job| {
        let dns = &job["dns_sd_configs"][0];
        assert_eq!(dns["type"], "A", "one address per container");
        format!("{}:{}", strings(&dns["names"]).join(" "), dns["port"])
    });
    let expected = [format!("clinic-api:{metrics}"), format!("worker:{worker}")];
    assert_eq!(targets.collect::<Vec<_>>(), expected);
    let check = strings(&compose["services"]["worker"]["healthcheck"]["test"]);
    assert_eq!(port(check.last().unwrap()), worker);
    for first in ["table", "token"] {
        let condition = &service["depends_on"][first]["condition"];
        assert_eq!(
            *condition, "service_completed_successfully",
            "{first} is there before the service"
        );
    }
    // The service can only read the keys that `token` creates.
    assert_eq!(strings(&compose["services"]["token"]["volumes"]), ["issuer:/data"]);
    assert_eq!(strings(&service["volumes"]), ["issuer:/data:ro"]);
    let check = strings(&service["healthcheck"]["test"]);
    assert_eq!(check[..2], ["CMD", "/clinic-api"]);
    let command = Cli::read(&check[1..]).unwrap().command;
    assert!(matches!(command, Some(Command::Healthcheck(_))));
    let serve = Cli::read(["clinic-api"]).unwrap().serve;
    let needed = (serve.shutdown_delay + serve.process.drain_timeout).as_secs();
    let granted = seconds(service["stop_grace_period"].as_str().unwrap());
    assert!(granted > i64::try_from(needed).unwrap(), "it is killed while it still drains");
}

/// Starts the services of `docker compose up` one after the other with the settings of the compose file; only the addresses
/// differ.
#[tokio::test(flavor = "multi_thread")]
async fn the_services_of_the_compose_file_start_with_their_settings() {
    let folder = tempfile::tempdir().unwrap();
    let compose = compose();
    let engine = RemoteTable::missing().await;
    let command = |name: &str| {
        let service = &compose["services"][name];
        let mut command = program(folder.path());
        command.envs(environment(service)).args(strings(&service["command"]));
        command.env("AWS_ENDPOINT_URL_DYNAMODB", engine.endpoint());
        command.env("CLINIC_API_TABLE", &engine.name);
        // /data is mapped to this folder.
        for (name, value) in environment(service) {
            if value.contains("/data/") {
                let here = format!("{}/data/", folder.path().display());
                command.env(name, value.replace("/data/", &here));
            }
        }
        command
    };
    let token = command("token").output().unwrap();
    assert!(token.status.success(), "{}", text(&token));
    let token = String::from_utf8(token.stdout).unwrap();
    let made = command("table").output().unwrap();
    assert!(made.status.success() && text(&made).starts_with("created"), "{}", text(&made));
    let mut serve = command("clinic-api");
    serve.env("CLINIC_API_LISTEN", "127.0.0.1:0").env("CLINIC_API_METRICS_LISTEN", "127.0.0.1:0");
    let running = Running::launch(&mut serve, 5);
    assert_eq!(running.send("GET", "/readyz", None).await.0, 200);
    let ask = async |token: &str| {
        let request = axum::http::Request::get(format!("{}/v1/clinics", running.base));
        let request = request.header("authorization", format!("Bearer {}", token.trim()));
        let request = request.body(http_body_util::Full::default()).unwrap();
        http_client().request(request).await.unwrap().status().as_u16()
    };
    assert_eq!(ask(&token).await, 200, "the token that compose prints is taken");
    assert_eq!(ask(admin_token()).await, 401, "and no other issuer's");
    let worker = Working::launch(&mut command("worker"));
    // Its health check, at its address here.
    let check = strings(&compose["services"]["worker"]["healthcheck"]["test"]);
    let address = worker.metrics.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap();
    let arguments = check[2..].iter().map(|it| if it.starts_with("127.") { address } else { *it });
    let arguments: Vec<_> = arguments.collect();
    eventually("the worker of the compose file works", async || {
        let mut alive = program(folder.path());
        alive.args(&arguments).status().unwrap().success().then_some(())
    })
    .await;
    let again = command("table").output().unwrap();
    assert!(text(&again).starts_with("already exists"), "{}", text(&again));
}
