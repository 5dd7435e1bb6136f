//! The worker beside the service: it turns the changes of the table's stream into the audit log and deliveries, and sends
//! deliveries to webhooks.
//!
//! The stream is the outbox: a request writes nothing more for it. Records of one transaction arrive apart, in any order, and
//! more than once.

mod attempt;
mod backoff;
pub mod change;
pub mod change_record;
pub(crate) mod consumer;
pub mod dead_letter;
pub mod dispatcher;
mod event;
#[cfg(feature = "lambda")]
pub mod function;
pub(crate) mod lease;
pub(crate) mod metrics;
mod permits;
pub mod processor;
mod progress;
pub mod sender;
mod shard;

/// The subject of what the worker writes.
const SUBJECT: &str = "system:worker";
