//! What reads untrusted text, with what must hold of it. The programs in `fuzz_targets/` run these under
//! libFuzzer, `tests/repository/fuzzing.rs` runs them in `cargo test`.

pub mod body;
pub mod cursor;
pub mod idempotency_key;
pub mod ids;
pub mod merge_patch;
