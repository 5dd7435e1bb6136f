# shellcheck shell=bash
# Sourced by other scripts, with the repository as working directory. Starts the service on the embedded engine and a free
# port. It stops with the script. Sets:
#   api      the URL of the service
#   token    an administrator's token
#   service  the process id of the service
#   scratch  a temporary folder, with the service's log
# CLINIC_API_BINARY sets another binary than the debug build.
binary=${CLINIC_API_BINARY:-target/debug/clinic-api}
[ -n "${CLINIC_API_BINARY:-}" ] || cargo build --locked --quiet
scratch=$(mktemp -d)
service=

finish() {
    [ -z "$service" ] || kill "$service" 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT

# The scripts send a few thousand requests, which the rate limits would refuse.
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
# shellcheck disable=SC2034
token=$("$binary" token --role admin)
