//! What was recorded of streams still says the same. `embedded.json` and `dynamodb-local.json` are what those engines told of
//! three appointments' lives, in the shape in which AWS Lambda hands records over; `aws.json` is a patient's life, put together
//! after AWS's documentation, with times as they are there and an item that TTL removed
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
fn records_of_every_engine_tell_what_they_told_when_they_were_recorded() {
    for (engine, recorded) in RECORDED {
        insta::assert_json_snapshot!(engine, events(&changes(recorded)));
    }
}

/// Records of one transaction come apart and in any order, and again.
#[test]
fn what_a_record_tells_hangs_on_no_other() {
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
