//! What holds for every request: identity, limits, input, headers and observability.

mod authorisation;
mod canary;
mod compression;
mod concurrency_limit;
mod connections;
mod contract;
mod cors;
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
mod published;
mod shapes;
mod shares;
mod spellings;
mod traces;
