//! What is measured of the calls of DynamoDB, by OpenTelemetry's conventions. Labels never hold anything of an item.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::{answer::Kind, throttling::ThrottlingReason};

const CALL_DURATION: &str = "db_client_operation_duration_seconds";
const ACTIVE_CALLS: &str = "db_client_active_operations";
/// The histogram of capacity units, by operation and kind.
pub const CAPACITY: &str = "aws_dynamodb_consumed_capacity_units";
/// Upper bounds of its buckets: from an eventually consistent read of one item to a transaction or a page of the largest.
pub const CAPACITY_BUCKETS: [f64; 12] =
    [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
const RETRIES: &str = "aws_dynamodb_retries_total";
const THROTTLED: &str = "aws_dynamodb_throttled_total";
const CANCELLATIONS: &str = "aws_dynamodb_transaction_cancellations_total";

/// The operations that requests make. Their counters are there from the start, so that `rate` sees the first increment.
const OPERATIONS: [&str; 7] = [
    "BatchGetItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "TransactWriteItems",
    "UpdateItem",
];

/// Those that read the table's stream.
const OPERATIONS_OF_STREAMS: [&str; 3] = ["DescribeStream", "GetRecords", "GetShardIterator"];

/// Why transactions are cancelled in the ordinary course of things (AWS, `TransactWriteItems`, errors).
const REASONS: [&str; 3] = ["ConditionalCheckFailed", "ThrottlingError", "TransactionConflict"];

static MEASURED: AtomicBool = AtomicBool::new(false);

/// Whether anybody measures: labels are made only then.
pub fn measured() -> bool {
    MEASURED.load(Ordering::Relaxed)
}

/// Measures from now on, and says what each is.
pub fn start() {
    describe_histogram!(
        CALL_DURATION,
        Unit::Seconds,
        "How long calls of DynamoDB took, tries and waits between them included."
    );
    describe_gauge!(ACTIVE_CALLS, "Calls of DynamoDB that are under way.");
    describe_histogram!(CAPACITY, "The capacity units that calls of DynamoDB took.");
    describe_counter!(RETRIES, "Tries of calls of DynamoDB after the first.");
    describe_counter!(THROTTLED, "Tries of calls of DynamoDB that were throttled, by reason.");
    describe_counter!(CANCELLATIONS, "Transactions that DynamoDB cancelled, by reason.");
    gauge!(ACTIVE_CALLS).set(0.0);
    begin(&OPERATIONS);
    for reason in REASONS {
        counter!(CANCELLATIONS, "reason" => reason).absolute(0);
    }
    MEASURED.store(true, Ordering::Relaxed);
}

/// Shows what is counted of reading the table's stream, in a process that does.
pub fn start_streams() {
    begin(&OPERATIONS_OF_STREAMS);
}

fn begin(operations: &[&'static str]) {
    for &operation in operations {
        counter!(RETRIES, "db_operation_name" => operation).absolute(0);
        for reason in ThrottlingReason::ALL {
            let reason = reason.as_str();
            counter!(THROTTLED, "db_operation_name" => operation, "reason" => reason).absolute(0);
        }
    }
}

/// Something that counts in a gauge for as long as this lives.
#[derive(Debug)]
#[must_use]
pub struct Counted(&'static str);

impl Counted {
    /// Counts from now on.
    pub fn begin(gauge: &'static str) -> Self {
        gauge!(gauge).increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge!(self.0).decrement(1.0);
    }
}

/// A call is under way; it counts until what this answers is dropped.
pub(super) fn call_begun() -> Counted {
    Counted::begin(ACTIVE_CALLS)
}

/// A call has ended; `error` is empty if it did not fail.
pub(super) fn call_ended(operation: &str, error: &str, elapsed: Duration) {
    histogram!(
        CALL_DURATION,
        "db_operation_name" => operation.to_owned(),
        "error_type" => error.to_owned(),
    )
    .record(elapsed);
}

/// A call took so many capacity units.
pub(super) fn consumed(operation: &str, kind: Kind, units: f64) {
    let operation = operation.to_owned();
    histogram!(CAPACITY, "db_operation_name" => operation, "kind" => kind.as_str()).record(units);
}

/// A call was tried again so often.
pub(super) fn retried(operation: &str, times: u32) {
    if measured() && times > 0 {
        counter!(RETRIES, "db_operation_name" => operation.to_owned()).increment(times.into());
    }
}

/// A try was throttled, for this reason.
pub(super) fn throttled(operation: &str, reason: ThrottlingReason) {
    let operation = operation.to_owned();
    counter!(THROTTLED, "db_operation_name" => operation, "reason" => reason.as_str()).increment(1);
}

/// A transaction was cancelled, for this reason among others.
pub(super) fn cancelled(reason: &str) {
    counter!(CANCELLATIONS, "reason" => reason.to_owned()).increment(1);
}
