//! The examples of problems in the OpenAPI document: each is what the service returned here.

mod booking;
mod general;
mod records;

use std::{collections::BTreeMap, env, fs, path::Path};

use clinic_api::error::ErrorCode;
use jiff::{ToSpan as _, civil::date};
use regex::{Captures, Regex};
use serde_json::Value;

use crate::support::{
    Answer,
    document::{id_of, operations},
};

/// The examples as they are committed, by operation.
const COMMITTED: &str = include_str!("../../../src/openapi/error-examples.json");

/// The problems that were returned, by operation; those under `any` are examples for every operation.
#[derive(Default)]
struct Recorder(BTreeMap<String, Vec<Value>>);

impl Recorder {
    /// Keeps the problem of an answer.
    #[track_caller]
    fn keep(&mut self, operation: &str, code: ErrorCode, answer: Answer) {
        let problem = answer.problem(code.status().as_u16(), code.as_str());
        let kept = self.0.entry(operation.to_owned()).or_default();
        assert!(kept.iter().all(|other| other["code"] != problem["code"]), "{operation} {problem}");
        kept.push(as_in_the_document(problem));
    }
}

/// A problem with the ids of the document's other examples, and on the same days.
fn as_in_the_document(mut problem: Value) -> Value {
    problem["request_id"] = "7k2m9q0a4d".into();
    let written = problem.to_string();
    let id = Regex::new("[A-Z]{3}-[0-9A-Z]{24}").unwrap();
    let written = id.replace_all(&written, |found: &Captures| {
        let examples = [
            "APT-A1TQ7M2K9QW4X8B1N6T5V0C3",
            "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
            "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
            "RES-9C3W6H1T8P5Z0K4M7Q2X1N6B",
            "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
        ];
        let example = examples.into_iter().find(|example| example[..3] == found[0][..3]);
        example.unwrap_or_else(|| panic!("no example of {}", &found[0]))
    });
    // The clock of the tests stands on Monday, 15 January 2035; the examples are of the week of Monday, 1 March 2027.
    let days = (date(2027, 3, 1) - date(2035, 1, 15)).get_days();
    let day = Regex::new("2035-01-[0-9]{2}").unwrap();
    let written = day.replace_all(&written, |found: &Captures| {
        let day: jiff::civil::Date = found[0].parse().unwrap();
        (day + days.days()).to_string()
    });
    serde_json::from_str(&written).unwrap()
}

#[tokio::test]
async fn the_examples_of_errors_are_what_the_service_returns() {
    let mut recorder = Recorder::default();
    booking::record(&mut recorder).await;
    booking::record_moves(&mut recorder).await;
    booking::record_holds(&mut recorder).await;
    booking::record_steps(&mut recorder).await;
    records::record(&mut recorder).await;
    general::record(&mut recorder).await;
    let recorded = serde_json::to_string_pretty(&recorder.0).unwrap() + "\n";
    if env::var_os("UPDATE_EXAMPLES").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/openapi/error-examples.json");
        fs::write(file, &recorded).unwrap();
    } else {
        assert_committed(&recorded);
    }
    // Each operation has an example of each of its statuses of its own.
    for (.., operation) in operations() {
        for status in [409, 410, 422] {
            let of_status = |problem: &Value| problem["status"].as_u64() == Some(status);
            let recorded = recorder.0.get(id_of(operation)).into_iter().flatten().any(of_status);
            let documented = operation["responses"].get(status.to_string()).is_some();
            assert_eq!(recorded, documented, "{} {status}", id_of(operation));
        }
    }
}

#[track_caller]
fn assert_committed(recorded: &str) {
    let differences: Vec<_> = recorded
        .lines()
        .zip(COMMITTED.lines())
        .filter(|(recorded, committed)| recorded != committed)
        .take(5)
        .collect();
    assert!(
        recorded == COMMITTED,
        "run: UPDATE_EXAMPLES=1 cargo test --test repository error_examples; {differences:#?}"
    );
}
