//! What holds for every request: who asks, how often, in which form, and what is told of it.

mod authorisation;
mod canary;
mod concurrency_limit;
mod connections;
mod contract;
mod hostile_http1;
mod hostile_http2;
mod idempotency;
mod identity;
mod issuer_keys;
mod limits;
mod observability;
mod odd_input;
mod organisations;
mod paging;
mod spellings;
mod traces;
