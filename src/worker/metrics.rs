//! The worker's metrics, for Prometheus.

use std::time::Duration;

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
const DELIVERIES: &str = "clinic_api_webhook_deliveries_total";
const DELIVERY_DURATION: &str = "clinic_api_webhook_delivery_duration_seconds";
const DISABLED: &str = "clinic_api_webhooks_disabled_total";

/// Describes each metric.
pub fn describe() {
    describe_counter!(RECORDS, "Changes of the stream, by outcome.");
    describe_gauge!(
        ITERATOR_AGE,
        Unit::Seconds,
        "How far this worker is behind the stream, while it reads it."
    );
    describe_gauge!(LEADER, "1 while this worker reads the stream.");
    describe_counter!(TRIMMED, "Parts of the stream that were trimmed unread: lost changes.");
    describe_counter!(DEAD_LETTERS, "Changes that became dead letters.");
    describe_gauge!(
        DEAD_LETTERS_OLDEST,
        Unit::Seconds,
        "The age of the earliest dead letter; 0 while there is none."
    );
    describe_counter!(DELIVERIES, "Attempts to deliver events to webhooks, by outcome.");
    describe_histogram!(DELIVERY_DURATION, Unit::Seconds, "Duration of attempts to deliver.");
    describe_counter!(
        DISABLED,
        "Webhooks that were switched off because no delivery reached them."
    );
    counter!(TRIMMED).absolute(0);
    counter!(DEAD_LETTERS).absolute(0);
    counter!(DISABLED).absolute(0);
    store::metrics::start_streams();
    gauge!(LEADER).set(0);
    gauge!(DEAD_LETTERS_OLDEST).set(0);
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

pub fn delivery(outcome: Outcome, took: Duration) {
    counter!(DELIVERIES, "outcome" => outcome.as_str()).increment(1);
    histogram!(DELIVERY_DURATION).record(took.as_secs_f64());
}

pub fn disabled() {
    counter!(DISABLED).increment(1);
}
