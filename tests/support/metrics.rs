//! Metrics in the Prometheus format, and the list in `docs/metrics.md`.

use std::collections::BTreeSet;

/// The value of a metric with its labels in a Prometheus text, if present.
pub fn shown(text: &str, metric: &str) -> Option<f64> {
    let found = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    found.map(|value| value.parse().unwrap())
}

/// The metrics that `docs/metrics.md` lists.
pub fn listed() -> BTreeSet<String> {
    let listed = include_str!("../../docs/metrics.md").lines();
    let listed = listed.filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    listed.map(str::to_owned).collect()
}
