//! What works beside the service: the stream's changes become the trail of changes and deliveries, and deliveries go out.

pub mod consumer;
pub mod dispatcher;
#[cfg(feature = "lambda")]
pub mod function;
pub mod lease;
pub mod metrics;
pub mod processor;
mod progress;
pub mod put_aside;
pub mod sender;
mod shard;
