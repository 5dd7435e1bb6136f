//! HTTP: extractors, middleware, problems, pagination and preconditions. Independent of the
//! aggregates and of the application state.

pub mod auth;
pub mod body;
pub mod client;
pub mod compression;
pub mod concurrency;
pub mod context;
pub mod cors;
pub mod cursor;
mod etag;
pub mod headers;
pub mod idempotency;
mod json;
pub mod lifecycle;
pub mod merge_patch;
pub mod metrics;
pub mod paging;
pub mod params;
pub mod problem;
pub mod published;
pub mod rate;
pub mod request_id;
pub mod response;
mod server_span;
pub mod server_timing;
mod shape;
pub mod share;
pub mod spawn;
mod text;
pub mod trace;

pub use context::{ReadContext, WriteCommand};
pub use merge_patch::MergePatch;
pub use paging::{Filter, IndexQuery, ListQuery, NoFilter, Page, Paging};
pub use params::{ApiPath, ApiQuery, Consistent};
pub use response::{Content, Created, Deleted, Found, Updated};
pub use shape::escape;

/// The paths that probes request, from every replica several times a minute.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/version"];

// Re-exported so that handlers do not depend on the store.
pub use crate::store::{Entity, WriteContext};
