//! The worker: reads the table's stream, writes the audit log, the access log and deliveries, and sends deliveries to webhooks.
//!
//! The stream is the outbox, so a request writes nothing for an event. Records of one transaction arrive separately, in any order,
//! and more than once.

pub(crate) mod accesses;
mod attempt;
mod backoff;
mod budget;
pub mod change;
pub mod change_record;
pub(crate) mod consumer;
pub mod dead_letter;
mod deferred;
pub mod dispatcher;
mod due;
mod event;
mod fan_out;
#[cfg(feature = "lambda")]
pub mod function;
pub mod heartbeats;
mod lanes;
pub(crate) mod lease;
pub(crate) mod members;
pub(crate) mod metrics;
mod oldest;
mod partitions;
mod permits;
pub mod processor;
mod progress;
mod recent;
pub mod sender;
mod shard;

/// The subject of the worker's writes.
const SUBJECT: &str = "system:worker";
