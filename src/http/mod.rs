//! HTTP: extractors, middleware, problems, paging and preconditions. Knows no aggregate and no state of the application.

pub mod auth;
pub mod body;
pub mod client;
pub mod concurrency;
pub mod context;
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
pub mod rate;
pub mod request_id;
pub mod response;
mod server_span;
pub mod server_timing;
pub mod spawn;
pub mod trace;

pub use context::{ReadContext, WriteCommand};
pub use merge_patch::MergePatch;
pub use paging::{Filter, IndexQuery, ListQuery, NoFilter, Page, Paging};
pub use params::{ApiPath, ApiQuery, Consistent};
pub use response::{Content, Created, Deleted, Found, Updated};

// What handlers take from here and hand to the repositories, so that they need not know the store.
pub use crate::store::{Entity, WriteContext};
