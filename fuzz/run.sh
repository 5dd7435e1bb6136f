#!/usr/bin/env bash
# Coverage-guided fuzzing of the code that parses untrusted text: every target of fuzz/fuzz_targets/, from its seeds.
#
#   fuzz/run.sh [SECONDS [TARGET…]]      defaults: 60 SECONDS per target, all targets
#
# Needs cargo-fuzz (cargo install cargo-fuzz) and a C++ compiler. The corpus of earlier runs is in fuzz/corpus/. An input that
# breaks a target is stored in fuzz/artifacts/, and the output shows how to run it again. `cargo test` runs the same targets
# for a short time (tests/repository/fuzzing.rs).
set -euo pipefail
export RUST_BACKTRACE=0
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-60}
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(basename -s .rs fuzz/fuzz_targets/*.rs)

# cargo-fuzz has no option to keep the lock file unchanged.
cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
# Without AddressSanitizer, which is for unsafe code and needs a nightly compiler.
cargo fuzz build --sanitizer none
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$target"
    cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -dict=fuzz/members.dict -max_len=4096 -timeout=10 -max_total_time="$seconds" >"$log" 2>&1 || {
        grep -vE '^#[0-9]+\s+(REDUCE|NEW|pulse|RELOAD)' "$log"
        exit 1
    }
    printf '%s: %s\n' "$target" "$(grep '^Done' "$log")"
done
