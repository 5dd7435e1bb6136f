//! What a request costs: its calls of DynamoDB and their capacity.
//!
//! The capacity is compared on the embedded engine alone, whose figures follow AWS's; DynamoDB Local counts the
//! index differently. The calls are compared on every engine.

use super::{Answer, Call, TestApp, app::external_endpoint};

/// Asserts what a request costs, and that it succeeds.
pub async fn costs(app: &TestApp, call: Call, expected: &[(&str, f64)]) -> Answer {
    app.wire.forget();
    let answer = call.send().await;
    assert!(answer.status.is_success(), "{answer:?}");
    // What is read at once comes in any order.
    let mut calls = app.wire.take_calls();
    calls.sort_by(|a, b| a.operation.cmp(&b.operation).then(a.capacity.total_cmp(&b.capacity)));
    let mut expected = expected.to_vec();
    expected.sort_by(|a, b| a.0.cmp(b.0).then(a.1.total_cmp(&b.1)));
    let operations: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    let expected_operations: Vec<_> = expected.iter().map(|(operation, _)| *operation).collect();
    assert_eq!(operations, expected_operations);
    if external_endpoint().is_none() {
        let capacity: Vec<_> = calls.iter().map(|call| call.capacity).collect();
        let expected_capacity: Vec<_> = expected.iter().map(|(_, capacity)| *capacity).collect();
        assert_eq!(capacity, expected_capacity, "{operations:?}");
    }
    answer
}
