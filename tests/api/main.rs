//! The service over HTTP, on a real engine. Each test has its own table.
//!
//! The engine is the embedded one, or the one at `CLINIC_TEST_ENDPOINT`: `tests/dynamodb-local.sh` runs the suite on Amazon's
//! DynamoDB Local.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

#[path = "../support/mod.rs"]
mod support;

mod edge;
mod program;
mod routes;
mod scheduling;
mod store;
mod worker;
