#!/usr/bin/env bash
# Random requests against the running service, judged by openapi/openapi.json as it serves it (schemathesis.io): every
# check, and sequences along the document's links. What the requests may be answered is in tests/schemathesis/.
#
#   tests/schemathesis.sh [SEED [EXAMPLES]]      SEED 1, EXAMPLES 25 of each operation and phase if left out
#
# Needs `st` (pip install -r .ci/python/schemathesis.txt); CLINIC_API_BINARY names another binary than the debug build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seed=${1:-1}
examples=${2:-25}
binary=${CLINIC_API_BINARY:-target/debug/clinic-api}
[ -n "${CLINIC_API_BINARY:-}" ] || cargo build --locked --quiet
scratch=$(mktemp -d)
service=

finish() {
    [ -z "$service" ] || kill "$service" 2>/dev/null || true
    rm -rf "$scratch" .schemathesis
}
trap finish EXIT

# No limit is to be in the way of a few thousand requests.
export CLINIC_API_RATE_PER_ADDRESS=1000000 CLINIC_API_RATE_PER_PRINCIPAL=1000000
export CLINIC_API_RATE_PER_ORGANISATION=1000000 CLINIC_API_DEVELOPMENT_ISSUER=$scratch/issuer
: >"$scratch/log"
"$binary" serve --store memory --listen 127.0.0.1:0 --log-format json 2>"$scratch/log" &
service=$!
for _ in $(seq 600); do
    api=$(sed -nE 's|.*"api\.url":"([^"]*)/v1/clinics".*|\1|p' "$scratch/log")
    [ -z "$api" ] || break
    sleep 0.1
done
[ -n "$api" ] || {
    cat "$scratch/log"
    exit 1
}
token=$("$binary" token --role admin)

status=0
st --config-file tests/schemathesis/schemathesis.toml run "$api/openapi.json" --checks all \
    --header "Authorization: Bearer $token" --seed "$seed" --max-examples "$examples" || status=$?
if grep -E '"error\.type":"internal_error"|"message":"panicked"' "$scratch/log"; then
    echo "the service had errors of its own"
    status=1
fi
kill -0 "$service" || {
    echo "the service is gone"
    status=1
}
[ "$status" = 0 ]
