//! Recorded stream records must still yield the same events. `embedded.json` and `dynamodb-local.json` are what those engines
//! reported of three appointments, in the form in which AWS Lambda delivers records. `aws.json` is the history of a patient,
//! composed from AWS's documentation, with its time format and an item that TTL removed
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>).

use std::collections::BTreeMap;

use clinic_api::worker::{change::Change, change_record::ChangeRecord};
use serde_json::Value;

const RECORDED: [(&str, &str); 3] = [
    ("aws", include_str!("recorded/aws.json")),
    ("dynamodb-local", include_str!("recorded/dynamodb-local.json")),
    ("embedded", include_str!("recorded/embedded.json")),
];

fn changes(recorded: &str) -> Vec<ChangeRecord> {
    let batch: aws_lambda_events::dynamodb::Event = serde_json::from_str(recorded).unwrap();
    batch.records.into_iter().map(ChangeRecord::from).collect()
}

fn events(changes: &[ChangeRecord]) -> Vec<Value> {
    let changes = changes.iter().filter_map(|change| Change::of(change).unwrap());
    let events = changes.filter_map(|change| change.event().unwrap());
    events.map(|event| serde_json::to_value(event).unwrap()).collect()
}

#[test]
fn recorded_stream_records_yield_the_recorded_events() {
    for (engine, recorded) in RECORDED {
        insta::assert_json_snapshot!(engine, events(&changes(recorded)));
    }
}

/// Records of one transaction arrive separately, in any order, and more than once.
#[test]
fn a_record_yields_the_same_event_whatever_comes_with_it() {
    for (_, recorded) in RECORDED {
        let changes = changes(recorded);
        let by_id = |events: Vec<Value>| -> BTreeMap<String, Value> {
            let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
            events.into_iter().map(|event| (id(&event), event)).collect()
        };
        let together = by_id(events(&changes));
        let mut backwards: Vec<_> = changes.iter().rev().cloned().collect();
        backwards.extend(changes.iter().cloned());
        assert_eq!(by_id(events(&backwards)), together);
        let alone = changes.iter().flat_map(|change| events(std::slice::from_ref(change)));
        assert_eq!(by_id(alone.collect()), together);
    }
}
