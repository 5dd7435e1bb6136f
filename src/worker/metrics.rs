//! The worker's metrics, for Prometheus.

use std::time::Duration;

use jiff::Timestamp;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::{records::deliveries::model::Outcome, store};

const RECORDS: &str = "clinic_api_stream_records_total";
const ITERATOR_AGE: &str = "clinic_api_stream_iterator_age_seconds";
const LEADER: &str = "clinic_api_stream_leader";
const TRIMMED: &str = "clinic_api_stream_trimmed_total";
const DEAD_LETTERS: &str = "clinic_api_dead_letters_total";
const DEAD_LETTERS_OLDEST: &str = "clinic_api_dead_letters_oldest_seconds";
const DEFERRED: &str = "clinic_api_deferred_total";
const DEFERRED_OLDEST: &str = "clinic_api_deferred_oldest_seconds";
const DUE_OLDEST: &str = "clinic_api_deliveries_oldest_due_seconds";
const LAST_PASS: &str = "clinic_api_worker_last_pass_timestamp_seconds";
const DELIVERIES: &str = "clinic_api_webhook_deliveries_total";
const DELIVERY_DURATION: &str = "clinic_api_webhook_delivery_duration_seconds";
const DISABLED: &str = "clinic_api_webhooks_disabled_total";

/// Registers the description of each metric.
pub fn describe() {
    describe_counter!(RECORDS, "Stream records, by outcome of their processing.");
    describe_gauge!(
        ITERATOR_AGE,
        Unit::Seconds,
        "Age of the oldest unprocessed stream record, while this worker reads the stream."
    );
    describe_gauge!(LEADER, "1 while this worker reads the stream, after its first read.");
    describe_counter!(TRIMMED, "Times that stream records expired unread: changes are lost.");
    describe_counter!(DEAD_LETTERS, "Changes that became dead letters.");
    describe_gauge!(
        DEAD_LETTERS_OLDEST,
        Unit::Seconds,
        "Age of the oldest dead letter; 0 while there is none."
    );
    describe_counter!(
        DEFERRED,
        "Events and requests that were deferred because not all of their deliveries or accesses could be stored."
    );
    describe_gauge!(
        DEFERRED_OLDEST,
        Unit::Seconds,
        "Age of the oldest deferred work in this worker's partitions; 0 while there is none."
    );
    describe_gauge!(
        DUE_OLDEST,
        Unit::Seconds,
        "Time since the oldest due delivery in this worker's partitions became due; 0 while there is none."
    );
    describe_gauge!(LAST_PASS, Unit::Seconds, "Unix time at which the task last completed a pass.");
    describe_counter!(DELIVERIES, "Webhook delivery attempts, by outcome.");
    describe_histogram!(DELIVERY_DURATION, Unit::Seconds, "Duration of webhook delivery attempts.");
    describe_counter!(DISABLED, "Webhooks that were disabled because no delivery reached them.");
    counter!(TRIMMED).absolute(0);
    counter!(DEAD_LETTERS).absolute(0);
    counter!(DEFERRED).absolute(0);
    counter!(DISABLED).absolute(0);
    store::metrics::start_streams();
    gauge!(LEADER).set(0);
    gauge!(DEAD_LETTERS_OLDEST).set(0);
    gauge!(DEFERRED_OLDEST).set(0);
    gauge!(DUE_OLDEST).set(0);
}

pub fn record(outcome: &'static str) {
    counter!(RECORDS, "outcome" => outcome).increment(1);
}

pub fn iterator_age(age: Duration) {
    gauge!(ITERATOR_AGE).set(age.as_secs_f64());
}

pub fn leads(leads: bool) {
    gauge!(LEADER).set(f64::from(u8::from(leads)));
}

pub fn trimmed() {
    counter!(TRIMMED).increment(1);
}

pub fn dead_letter() {
    counter!(DEAD_LETTERS).increment(1);
}

pub fn oldest_dead_letter(age: Duration) {
    gauge!(DEAD_LETTERS_OLDEST).set(age.as_secs_f64());
}

pub fn deferred() {
    counter!(DEFERRED).increment(1);
}

pub fn oldest_deferred(age: Duration) {
    gauge!(DEFERRED_OLDEST).set(age.as_secs_f64());
}

pub fn oldest_due(age: Duration) {
    gauge!(DUE_OLDEST).set(age.as_secs_f64());
}

pub fn pass_completed(task: &'static str, now: Timestamp) {
    gauge!(LAST_PASS, "task" => task).set(now.as_duration().as_secs_f64());
}

pub fn delivery(outcome: Outcome, took: Duration) {
    counter!(DELIVERIES, "outcome" => outcome.as_str()).increment(1);
    histogram!(DELIVERY_DURATION).record(took.as_secs_f64());
}

pub fn disabled() {
    counter!(DISABLED).increment(1);
}
