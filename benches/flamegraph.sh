#!/usr/bin/env bash
# Draws docs/plots/flamegraph.svg: where the service's CPU time goes while patients are got. What is left of its stacks is put
# into the file that is named, one a line with its samples, if one is.
# Needs perf (and leave to sample: root, or kernel.perf_event_paranoid of 1 at most), jq, and `cargo install inferno`.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT

# As it is shipped but for its names, which are kept, and for thin LTO: with fat LTO most of them are inlined away.
export CARGO_PROFILE_BENCH_LTO=thin CARGO_PROFILE_BENCH_CODEGEN_UNITS=16
export CARGO_PROFILE_BENCH_DEBUG=1 CARGO_PROFILE_BENCH_STRIP=none
bench=$(cargo bench --bench load --no-run --target-dir "${FLAMEGRAPH_TARGET:-target/flamegraph}" --message-format json |
    jq -r 'select(.reason == "compiler-artifact" and .target.name == "load").executable')

CLINIC_BENCH_SECONDS=6 "$bench" --bench >"$folder/table" &
load=$!
# Patients are what comes after /livez.
until grep -q '^| GET /livez' "$folder/table"; do
    kill -0 "$load"
    sleep 0.1
done
service=$(pgrep -P "$load" -x clinic-api)
perf record -q -e cpu-clock -F 499 --call-graph dwarf,65528 -p "$service" -o "$folder/samples" -- sleep 5
kill "$load"
wait "$load" || true
kill "$service" || true

# From where the runtime begins to do something, and a request's from where it is answered, as the outer ends of many are lost;
# without the frames that only pass on: layers and futures, of which each has dozens.
perf script -i "$folder/samples" --no-inline 2>/dev/null | inferno-collapse-perf 2>/dev/null |
    sed -E 's/::\{\{closure\}\}//g' |
    awk '{
        samples = $NF; sub(/ [0-9]+$/, ""); sub(/^.*worker::Context::run;/, ""); sub(/^tokio-rt-worker;(\[unknown\];)?/, "")
        sub(/^.*connection::answer;/, "clinic_api::server::connection::answer;")
        kept = ""; last = ""
        count = split($0, frames, ";")
        for (i = 1; i <= count; i++) {
            if (frames[i] == last || frames[i] ~ /^(core|std)::|^tower(_http)?::|^axum::|^<axum::|^futures_util::|^tokio::runtime::(task|coop)::| as core::future::/) continue
            last = frames[i]
            kept = kept ";" last
        }
        print (kept ? substr(kept, 2) : "tokio::runtime"), samples
    }' >"$folder/stacks"
inferno-flamegraph --title 'CPU time while a patient is got' --minwidth 0.3 <"$folder/stacks" >docs/plots/flamegraph.svg
if [[ $# -gt 0 ]]; then cp "$folder/stacks" "$1"; fi
