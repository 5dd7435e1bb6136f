//! The metrics of DynamoDB calls, by OpenTelemetry's conventions. Labels never hold item data.

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
/// The upper bounds of its buckets: from an eventually consistent read of one item to the largest
/// transaction or page.
pub const CAPACITY_BUCKETS: [f64; 12] =
    [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
const RETRIES: &str = "aws_dynamodb_retries_total";
const THROTTLED: &str = "aws_dynamodb_throttled_total";
const CANCELLATIONS: &str = "aws_dynamodb_transaction_cancellations_total";

/// The operations of requests. Their counters start at 0, so that `rate` sees the first increment.
const OPERATIONS: [&str; 7] = [
    "BatchGetItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "TransactWriteItems",
    "UpdateItem",
];

/// The operations that read the table's stream.
const OPERATIONS_OF_STREAMS: [&str; 3] = ["DescribeStream", "GetRecords", "GetShardIterator"];

/// The ordinary reasons for cancelled transactions (AWS, `TransactWriteItems`, errors).
const REASONS: [&str; 3] = ["ConditionalCheckFailed", "ThrottlingError", "TransactionConflict"];

static MEASURED: AtomicBool = AtomicBool::new(false);

/// Returns whether metrics are enabled. Labels are created only then.
pub fn measured() -> bool {
    MEASURED.load(Ordering::Relaxed)
}

/// Enables and describes the metrics.
pub fn start() {
    describe_histogram!(
        CALL_DURATION,
        Unit::Seconds,
        "Duration of DynamoDB calls, including retries and the pauses between them."
    );
    describe_gauge!(ACTIVE_CALLS, "DynamoDB calls in progress.");
    describe_histogram!(CAPACITY, "Capacity units consumed by DynamoDB calls.");
    describe_counter!(RETRIES, "Retries of DynamoDB calls.");
    describe_counter!(THROTTLED, "Throttled attempts of DynamoDB calls, by reason.");
    describe_counter!(CANCELLATIONS, "Transactions that DynamoDB cancelled, by reason.");
    gauge!(ACTIVE_CALLS).set(0.0);
    begin(&OPERATIONS);
    for reason in REASONS {
        counter!(CANCELLATIONS, "reason" => reason).absolute(0);
    }
    MEASURED.store(true, Ordering::Relaxed);
}

/// Initialises the counters of stream reads, in a process that reads the stream.
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

/// Increments a gauge while this lives.
#[derive(Debug)]
#[must_use]
pub struct Counted(&'static str);

impl Counted {
    /// Increments the gauge.
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

/// Records a call in progress, until the result is dropped.
pub(super) fn call_begun() -> Counted {
    Counted::begin(ACTIVE_CALLS)
}

/// Records the end of a call. `error` is empty if it succeeded.
pub(super) fn call_ended(operation: &str, error: &str, elapsed: Duration) {
    histogram!(
        CALL_DURATION,
        "db_operation_name" => operation.to_owned(),
        "error_type" => error.to_owned(),
    )
    .record(elapsed);
}

/// Records consumed capacity units.
pub(super) fn consumed(operation: &str, kind: Kind, units: f64) {
    let operation = operation.to_owned();
    histogram!(CAPACITY, "db_operation_name" => operation, "kind" => kind.as_str()).record(units);
}

/// Records retries.
pub(super) fn retried(operation: &str, times: u32) {
    if measured() && times > 0 {
        counter!(RETRIES, "db_operation_name" => operation.to_owned()).increment(times.into());
    }
}

/// Records a throttled attempt.
pub(super) fn throttled(operation: &str, reason: ThrottlingReason) {
    let operation = operation.to_owned();
    counter!(THROTTLED, "db_operation_name" => operation, "reason" => reason.as_str()).increment(1);
}

/// Records a reason of a cancelled transaction.
pub(super) fn cancelled(reason: &str) {
    counter!(CANCELLATIONS, "reason" => reason.to_owned()).increment(1);
}
