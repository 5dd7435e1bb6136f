//! The service as its callers meet it: over HTTP, on a real engine, each test on a table of its own.
//!
//! The engine is the embedded one, or, with `CLINIC_TEST_ENDPOINT` set, whatever speaks DynamoDB there:
//! `tests/dynamodb-local.sh` runs the suite on Amazon's DynamoDB Local.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

#[path = "../support/mod.rs"]
mod support;

mod edge;
mod program;
mod routes;
mod scheduling;
mod store;
mod worker;
