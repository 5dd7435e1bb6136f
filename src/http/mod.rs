//! What all handlers share of HTTP: extractors, middleware, paging, preconditions, health.

pub mod auth;
pub mod body;
pub mod client;
pub mod concurrency;
pub mod context;
pub mod cursor;
pub mod etag;
pub mod finish;
pub mod headers;
pub mod health;
pub mod idempotency;
pub mod json;
pub mod lifecycle;
pub mod merge_patch;
pub mod metrics;
pub mod paging;
pub mod parameters;
pub mod params;
pub mod problem;
pub mod rate;
pub mod readiness;
pub mod request_id;
mod server_span;
pub mod server_timing;
pub mod trace;
pub mod version;

pub use context::{ReadContext, WriteCommand};
pub use merge_patch::MergePatch;
pub use paging::Page;
pub use parameters::{Consistent, IdempotencyKey, IfMatch, IfNoneMatch};
pub use params::{ApiPath, ApiQuery};

// What handlers take from here and hand to the repositories, so that they need not know the store.
pub use crate::store::{Entity, WriteContext};
