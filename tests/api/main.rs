//! The service as its callers meet it: over HTTP, on a real engine, each test on a table of its own.
//!
//! The engine is the embedded one, or, with `CLINIC_TEST_ENDPOINT` set, whatever speaks DynamoDB there:
//! `tests/dynamodb-local.sh` runs the suite on Amazon's DynamoDB Local.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

mod support;

mod access_patterns;
mod appointments;
mod audit;
mod audit_events;
mod authorisation;
mod availability;
mod backfill;
mod busy_clinic;
mod canary;
mod clinics;
mod command_line;
mod concurrency;
mod concurrency_limit;
mod connections;
mod contract;
mod deliveries;
mod deployment;
mod disk;
mod document;
mod erasure;
mod events;
mod faults;
mod free_times;
mod fuzzing;
mod holds;
mod hostile_http1;
mod hostile_http2;
mod idempotency;
mod identity;
mod issuer_keys;
mod kills;
mod layers;
mod limits;
mod linearizability;
mod log_fields;
mod mixed_load;
mod moving;
mod observability;
mod odd_input;
mod operations;
mod outage;
mod overbooking;
mod paging;
mod patients;
mod plain_records;
mod plans_at_once;
mod pool;
mod random_plans;
mod seed;
mod shutdown;
mod staff;
mod status_life;
mod stream_costs;
mod table;
mod terraform;
mod threat_model;
mod tour;
mod traces;
mod verify;
mod visits;
mod webhooks;
mod worker;
mod working_time;
