//! What happens to records, as the table's stream tells it: events for other programs and the trail of changes.
//!
//! The stream is the outbox: a request writes nothing more for what is told here. Records of one transaction arrive apart
//! and in any order, and more than once.

pub mod change;
pub mod event;
pub mod record;
