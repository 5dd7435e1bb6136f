//! Faults, kills, and many clients at once: tests that take minutes or are random. `.ci/soak` runs them for longer.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

#[path = "../support/mod.rs"]
mod support;

mod availability;
mod faults;
mod history;
mod kills;
mod linearizability;
mod mixed_load;
mod random_merges;
mod random_plans;
mod replicas;
mod worker;
