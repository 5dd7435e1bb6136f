//! The fuzz targets: code that parses untrusted text, with the properties that must hold. The programs in `fuzz_targets/` run
//! them under libFuzzer, `tests/repository/fuzzing.rs` runs them in `cargo test`.

pub mod body;
pub mod cursor;
pub mod idempotency_key;
pub mod ids;
pub mod merge_patch;
