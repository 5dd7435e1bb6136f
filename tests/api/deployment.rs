//! What is shipped to run the service names settings, commands, ports and metrics that it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::{CommandFactory as _, Parser as _};
use clinic_api::config::{Cli, Command};
use regex::Regex;
use serde_json::Value;

use crate::support::{
    eventually,
    process::{RemoteTable, Running, Working, admin_token, http_client, text},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose() -> Value {
    yaml("docker-compose.yml")
}

/// The services of the compose file that run our program.
fn ours(compose: &Value) -> Vec<(&String, &Value)> {
    let services = compose["services"].as_object().unwrap().iter();
    services.filter(|(_, it)| it["image"].as_str().unwrap().starts_with("clinic-api:")).collect()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|it| it.as_str().unwrap()).collect()
}

/// The environment of a service, with the defaults of what it takes from the caller's.
fn environment(service: &Value) -> BTreeMap<String, String> {
    let default = Regex::new(r"\$\{[A-Z_]+:-([^}]*)\}").unwrap();
    let environment = service["environment"].as_object().unwrap().iter();
    let plain = |value: &Value| default.replace(value.as_str().unwrap(), "$1").into_owned();
    environment.map(|(name, value)| (name.clone(), plain(value))).collect()
}

/// Every environment variable that the program reads as a setting.
fn settings() -> BTreeSet<String> {
    fn collect(command: &clap::Command, found: &mut BTreeSet<String>) {
        let names = command.get_arguments().filter_map(clap::Arg::get_env);
        found.extend(names.map(|name| name.to_str().unwrap().to_owned()));
        command.get_subcommands().for_each(|inner| collect(inner, found));
    }
    let mut found = BTreeSet::new();
    collect(&Cli::command(), &mut found);
    assert!(found.len() > 8, "{found:?}");
    found
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // What Terraform and Python leave behind is nobody's text.
        let hidden = path.file_name().unwrap().to_str().unwrap().starts_with(['.', '_']);
        if path.is_dir() && !hidden {
            files(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap()
}

/// A length of time as Compose writes it, in seconds.
fn seconds(text: &str) -> i64 {
    text.parse::<jiff::SignedDuration>().unwrap().as_secs()
}

#[test]
fn every_setting_that_is_named_anywhere_exists() {
    let settings = settings();
    let mut paths = Vec::new();
    for folder in ["deploy", "migrations-terraform", "docs", ".ci"] {
        files(&Path::new(ROOT).join(folder), &mut paths);
    }
    let others = ["Dockerfile", "docker-compose.yml", "README.md", "CHANGELOG.md", "justfile"];
    paths.extend(others.map(|name| Path::new(ROOT).join(name)));
    let name = Regex::new(r"\bCLINIC_API_[A-Z_]*[A-Z]\b").unwrap();
    let mut named = BTreeSet::new();
    for path in paths {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for found in name.find_iter(&text).map(|found| found.as_str()) {
            // Of the build and of CI, not of the program.
            if ["CLINIC_API_COMMIT", "CLINIC_API_VERSION", "CLINIC_API_BINARY"].contains(&found) {
                continue;
            }
            // What Kubernetes would add for the Service, told where it is kept from it.
            if found == "CLINIC_API_PORT" && path.ends_with("base/deployment.yaml") {
                continue;
            }
            assert!(settings.contains(found), "{}: {found} is no setting", path.display());
            named.insert(found.to_owned());
        }
    }
    assert_eq!(named, settings, "every setting is told of somewhere");
    let page = read("docs/configuration.md");
    let missing: Vec<_> = settings.iter().filter(|it| !page.contains(&format!("`{it}`"))).collect();
    assert!(missing.is_empty(), "not in docs/configuration.md: {missing:?}");
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
        Cli::try_parse_from(arguments).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(service["read_only"], true, "{name}");
        let environment = environment(service);
        // The issuer has nothing to do with the table.
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
    assert_eq!(strings(&service["ports"]), [format!("127.0.0.1:{listen}:{listen}")]);
    let metrics = port(&environment["CLINIC_API_METRICS_LISTEN"]);
    let prometheus = yaml("deploy/observability/prometheus.yml");
    let targets: Vec<_> = prometheus["scrape_configs"].as_array().unwrap().iter().collect();
    let targets = targets.iter().flat_map(|job| strings(&job["static_configs"][0]["targets"]));
    assert!(targets.collect::<Vec<_>>().contains(&format!("clinic-api:{metrics}").as_str()));
    let worker = self::environment(&compose["services"]["worker"]);
    let worker = format!("worker:{}", port(&worker["CLINIC_API_METRICS_LISTEN"]));
    assert!(read("deploy/observability/prometheus.yml").contains(&format!("\"{worker}\"")));
    let check = strings(&compose["services"]["worker"]["healthcheck"]["test"]);
    assert_eq!(port(check.last().unwrap()), port(&worker));
    for first in ["table", "token"] {
        let condition = &service["depends_on"][first]["condition"];
        assert_eq!(
            *condition, "service_completed_successfully",
            "{first} is there before the service"
        );
    }
    // The service reads the keys that `token` makes, and only that.
    assert_eq!(strings(&compose["services"]["token"]["volumes"]), ["issuer:/data"]);
    assert_eq!(strings(&service["volumes"]), ["issuer:/data:ro"]);
    let check = strings(&service["healthcheck"]["test"]);
    assert_eq!(check[..2], ["CMD", "/clinic-api"]);
    let command = Cli::try_parse_from(&check[1..]).unwrap().command;
    assert!(matches!(command, Some(Command::Healthcheck(_))));
    let serve = Cli::try_parse_from(["clinic-api"]).unwrap().serve;
    let needed = (serve.shutdown_delay + serve.process.drain_timeout).as_secs();
    let granted = seconds(service["stop_grace_period"].as_str().unwrap());
    assert!(granted > i64::try_from(needed).unwrap(), "it is killed while it still drains");
}

/// What `docker compose up` starts, one after the other, with the settings of the compose file; only the addresses
/// are this machine's.
#[tokio::test(flavor = "multi_thread")]
async fn the_services_of_the_compose_file_start_with_their_settings() {
    let folder = tempfile::tempdir().unwrap();
    let compose = compose();
    let engine = RemoteTable::missing().await;
    let command = |name: &str| {
        let service = &compose["services"][name];
        let mut command = crate::support::process::program(folder.path());
        command.envs(environment(service)).args(strings(&service["command"]));
        command.env("AWS_ENDPOINT_URL_DYNAMODB", engine.endpoint());
        command.env("CLINIC_API_TABLE", &engine.name);
        // What is under /data is under this folder.
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
    assert!(made.status.success() && text(&made).starts_with("made"), "{}", text(&made));
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
    // Its check, at the address that it has here.
    let check = strings(&compose["services"]["worker"]["healthcheck"]["test"]);
    let address = worker.metrics.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap();
    let arguments = check[2..].iter().map(|it| if it.starts_with("127.") { address } else { *it });
    let arguments: Vec<_> = arguments.collect();
    eventually("the worker of the compose file works", async || {
        let mut alive = crate::support::process::program(folder.path());
        alive.args(&arguments).status().unwrap().success().then_some(())
    })
    .await;
    let again = command("table").output().unwrap();
    assert!(text(&again).starts_with("there already"), "{}", text(&again));
}

#[test]
fn the_dockerfile_runs_the_program_as_it_is_meant() {
    let dockerfile = read("Dockerfile");
    let line = |start: &str| {
        let found = dockerfile.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start}")).to_owned()
    };
    assert_eq!(line("ENTRYPOINT"), "ENTRYPOINT [\"/clinic-api\"]");
    assert!(line("HEALTHCHECK").ends_with("CMD [\"/clinic-api\", \"healthcheck\"]"));
    assert_eq!(line("USER"), "USER 65532:65532");
    let toolchain = read("rust-toolchain.toml");
    let version = Regex::new("channel = \"([0-9]+\\.[0-9]+)").unwrap();
    let version = &version.captures(&toolchain).unwrap()[1];
    assert!(line("FROM rust:").starts_with(&format!("FROM rust:{version}")), "one version of Rust");
    let label = format!("ARG CLINIC_API_VERSION=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert_eq!(line("ARG CLINIC_API_VERSION"), label);
    assert_eq!(line("ARG CARGO_PROFILE"), "ARG CARGO_PROFILE=release");
    let compose = compose();
    let arguments = &compose["services"]["clinic-api"]["build"]["args"];
    for name in arguments.as_object().unwrap().keys() {
        line(&format!("ARG {name}="));
    }
    assert_eq!(arguments["CARGO_PROFILE"], "${CARGO_PROFILE:-release}", "slower code is asked for");
}

/// The names that dashboards and alerts ask for are those that `docs/metrics.md` lists, and that is compared with what
/// the program exports.
#[test]
fn dashboards_and_alerts_ask_for_metrics_that_there_are() {
    let listed = crate::operations::listed_metrics();
    let name =
        Regex::new(r"\b(?:http_server|db_client|aws_dynamodb|clinic_api)_[a-z_]+\b").unwrap();
    let dashboard: Value =
        serde_json::from_str(&read("deploy/observability/grafana/dashboards/clinic-api.json"))
            .unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let mut asked: Vec<String> =
        targets.map(|it| it["expr"].as_str().unwrap().to_owned()).collect();
    assert!(asked.len() > 10);
    let alerts = yaml("deploy/observability/alerts.yml");
    let groups = alerts["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    asked.extend(rules.map(|rule| rule["expr"].as_str().unwrap().to_owned()));
    // Labels are no metrics: they stand in braces and lists.
    let labels = Regex::new(r"\{[^}]*\}|\bby\s*\([^)]*\)|\bwithout\s*\([^)]*\)").unwrap();
    let mut used = BTreeSet::new();
    for expression in &asked {
        let plain = labels.replace_all(expression, " ");
        for found in name.find_iter(&plain).map(|found| found.as_str()) {
            let base = ["_bucket", "_count", "_sum"].iter().find_map(|end| found.strip_suffix(end));
            let known = listed.contains(found) || base.is_some_and(|base| listed.contains(base));
            assert!(known, "{found} in {expression}");
            used.insert(base.unwrap_or(found).to_owned());
        }
    }
    assert_eq!(used, listed, "every metric is shown or watched");
}

/// The alerts of the rules, each with how urgent it is.
fn alerts() -> BTreeSet<(String, String)> {
    let rules = yaml("deploy/observability/alerts.yml");
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rules.map(|rule| (text(&rule["alert"]), text(&rule["labels"]["severity"]))).collect()
}

/// The table that operators read is as long as the rules, and each of these is tested: that it fires and that it does not.
#[test]
fn the_readme_and_the_tests_of_the_rules_know_every_alert() {
    let alerts = alerts();
    let readme = read("deploy/observability/README.md");
    let row =
        Regex::new(r"(?m)^\| (ClinicApi\w+) \| (\w+) \|.*\| `docs/runbook\.md#(\w+)` \|$").unwrap();
    let rows: Vec<_> = row.captures_iter(&readme).map(|row| row.extract().1).collect();
    for [name, _, heading] in &rows {
        assert_eq!(name.to_lowercase(), *heading);
    }
    let listed: BTreeSet<_> = rows
        .iter()
        .map(|[name, severity, _]| ((*name).to_owned(), (*severity).to_owned()))
        .collect();
    assert_eq!(listed, alerts, "the README's table and the rules");
    assert_eq!(rows.len(), listed.len(), "an alert is in the table once");
    let tests = yaml("deploy/observability/alerts.test.yml");
    let tests = tests["tests"].as_array().unwrap().iter();
    let cases = tests.flat_map(|test| test["alert_rule_test"].as_array().unwrap());
    let (firing, silent): (Vec<_>, Vec<_>) = cases.partition(|case| case["exp_alerts"].is_array());
    for (name, _) in &alerts {
        for cases in [&firing, &silent] {
            assert!(cases.iter().any(|case| case["alertname"] == name.as_str()), "{name}");
        }
    }
}

/// The rules and the dashboard ask for the jobs that the shipped settings of Prometheus make.
#[test]
fn dashboards_and_alerts_ask_for_jobs_that_there_are() {
    let prometheus = yaml("deploy/observability/prometheus.yml");
    let jobs = prometheus["scrape_configs"].as_array().unwrap().iter();
    let jobs: BTreeSet<_> = jobs.map(|job| job["job_name"].as_str().unwrap().to_owned()).collect();
    // There the job is the label `app.kubernetes.io/name`.
    let monitors = read("deploy/kubernetes/components/servicemonitor/servicemonitor.yaml");
    for job in &jobs {
        let selected = format!("matchLabels:\n      app.kubernetes.io/name: {job}\n");
        assert!(monitors.contains(&selected), "{job}");
    }
    let asked = Regex::new(r#"\bjob=~?\\?"([a-z|-]+)\\?""#).unwrap();
    let mut used = BTreeSet::new();
    for path in ["alerts.yml", "grafana/dashboards/clinic-api.json"] {
        let text = read(&format!("deploy/observability/{path}"));
        for found in asked.captures_iter(&text) {
            used.extend(found[1].split('|').map(str::to_owned));
        }
    }
    assert_eq!(used, jobs);
}

/// Every alert says where to read on, and there is something to read.
#[test]
fn every_alert_and_alarm_leads_to_its_heading() {
    let mut headings = BTreeSet::new();
    for guide in ["docs/operations.md", "docs/runbook.md"] {
        let Ok(text) = std::fs::read_to_string(Path::new(ROOT).join(guide)) else { continue };
        let titles = text.lines().filter_map(|line| line.strip_prefix("### "));
        headings.extend(titles.map(|title| format!("{guide}#{}", title.to_lowercase())));
    }
    let alerts = yaml("deploy/observability/alerts.yml");
    let groups = alerts["groups"].as_array().unwrap().iter();
    for rule in groups.flat_map(|group| group["rules"].as_array().unwrap()) {
        let runbook = rule["annotations"]["runbook"].as_str().unwrap();
        assert!(headings.contains(runbook), "{}: {runbook}", rule["alert"]);
    }
    let mut paths = Vec::new();
    files(&Path::new(ROOT).join("migrations-terraform/modules/alarms"), &mut paths);
    paths.push(Path::new(ROOT).join("deploy/ecs/alarms.tf"));
    let link = Regex::new(r"\$\{local\.guide\} ([a-z0-9-]+)\.").unwrap();
    let mut linked = 0;
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        for name in link.captures_iter(&text).map(|found| found[1].to_owned()) {
            let there = headings.iter().any(|heading| heading.ends_with(&format!("#{name}")));
            assert!(there, "{}: {name}", path.display());
            linked += 1;
        }
    }
    assert!(linked > 10, "{linked} alarms");
}
