//! The worker: audit log, access log, events and deliveries from the table's stream.

mod dead_letters;
mod deferred_accesses;
mod events;
mod fairness;
mod sharing;
mod webhook_secrets;
