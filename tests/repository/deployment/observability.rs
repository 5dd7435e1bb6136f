//! Dashboards, alerts and alarms use metrics that exist, and link to their documentation.

use std::{collections::BTreeSet, path::Path};

use regex::Regex;
use serde_json::Value;

use super::{ROOT, files, read, yaml};
use crate::support::metrics;

/// Dashboards and alerts use the metrics in `docs/metrics.md`, which another test compares with those that the program exports.
#[test]
fn dashboards_and_alerts_ask_for_metrics_that_there_are() {
    let listed = metrics::listed();
    let name = Regex::new(r"\b(?:http_server|db_client|aws_dynamodb|clinic_api|process)_[a-z_]+\b")
        .unwrap();
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
    // Labels are not metrics: they are in braces and lists.
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

/// The alerts of the rules, each with its severity.
fn alerts() -> BTreeSet<(String, String)> {
    let rules = yaml("deploy/observability/alerts.yml");
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    // The other rules record series.
    let alerts = rules.filter(|rule| rule["record"].is_null());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    alerts.map(|rule| (text(&rule["alert"]), text(&rule["labels"]["severity"]))).collect()
}

/// The operators' table lists every alert, and each rule has a test that it fires and one that it does not.
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

/// The rules and the dashboard use the jobs of the shipped Prometheus settings.
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

/// Every alert links to a heading that exists.
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
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    for rule in rules.filter(|rule| rule["record"].is_null()) {
        let url = rule["annotations"]["runbook_url"].as_str().unwrap();
        // Operators replace the reserved host.
        let runbook = url.strip_prefix("https://clinic-api.example/").unwrap();
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
