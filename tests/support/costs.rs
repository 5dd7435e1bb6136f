//! Asserts the cost of a request: its DynamoDB calls and their capacity.
//!
//! Capacity is compared only on the embedded engine, whose figures follow AWS's; DynamoDB Local counts the index differently.
//! Calls are compared on every engine.

use super::{Answer, Call, TestApp, app::external_endpoint};

/// Asserts the cost of a request and that the request succeeds.
pub async fn costs(app: &TestApp, call: Call, expected: &[(&str, f64)]) -> Answer {
    app.wire.forget();
    let answer = call.send().await;
    assert!(answer.status.is_success(), "{answer:?}");
    // Parallel calls arrive in any order.
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
