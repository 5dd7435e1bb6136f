#!/usr/bin/env bash
# Builds the image with BuildKit, checks it, and runs docker-compose.yml on a real Docker engine.
#
#   tests/compose.sh              the cargo profile `ci`, which compiles faster than `release`
#   tests/compose.sh --release    the image of a release
#   tests/compose.sh --embedded   also builds and runs the variant with the embedded engine
#
# Uses the running Docker engine. Without one, root on Debian starts an engine for this run (tests/compose/engine.sh).
# Base images are pulled. Without a registry, stand-ins with the same names are built from Debian packages and this
# machine's Rust. Images and build cache stay in .docker-engine/ (git-ignored) for the next run.
#
# Needs the free ports 8080 and 9000 on the host, curl, python3 and readelf.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kept="$root/.docker-engine"
project=clinic-api-check
api=http://127.0.0.1:8080
checks=0
background=()
profile=ci
embedded=

say() { printf 'compose: %s\n' "$*" >&2; }
fail() {
    say "FAILED: $*"
    exit 1
}

# $1 is the claim; the rest is a command that succeeds if it is true.
check() {
    local what=$1
    shift
    "$@" || fail "$what"
    say "ok: $what"
    checks=$((checks + 1))
}

equal() { [ "$1" = "$2" ] || { printf '  expected: %s\n  found:    %s\n' "$2" "$1" >&2 && false; }; }
fails() { ! "$@" >/dev/null 2>&1; }

# Waits until the command succeeds, for at most $1 seconds.
within() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.2
    done
}

# Runs a command with its output in the log $1, which is shown if it fails.
logged() {
    local log="$scratch/$1.log"
    shift
    "$@" >"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2 && fail "$*"; }
}

# shellcheck source=tests/compose/engine.sh
. "$root/tests/compose/engine.sh"

# Removes the containers, networks and volumes of this run.
remove_containers() {
    docker ps --all --quiet --filter "name=^$project" | xargs -r docker rm --force
    compose down --volumes --remove-orphans --timeout 1
    docker volume ls --quiet --filter "name=^$project" | xargs -r docker volume rm
}

# shellcheck disable=SC2317,SC2329 # called by the trap
clean_up() {
    local status=$? pid
    trap '' INT TERM HUP
    if [ "$status" != 0 ] && [ -n "$engine_runs" ]; then
        say "status $status; the containers, and the last lines of their logs:"
        { compose ps --all && compose logs --timestamps --tail 40; } >&2 || true
        tail -n 20 "$scratch"/*.log >&2 || true
    fi
    for pid in "${background[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    [ -z "$engine_runs" ] || remove_containers >/dev/null 2>&1 || true
    stop_engine
    umount "$scratch/debian" 2>/dev/null || true
    rm -rf --one-file-system "$scratch"
    exit "$status"
}

compose() { "${compose[@]}" --project-name "$project" --project-directory "$root" --progress plain "$@"; }
# The id of the container of the service $1.
container() {
    docker ps --all --quiet --filter "label=com.docker.compose.project=$project" \
        --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False
}
# The value of `docker inspect` at the path $2 for the container of the service $1.
state() { docker inspect --format "{{$2}}" "$(container "$1")"; }
healthy() { [ "$(state "$1" .State.Health.Status)" = healthy ]; }
in_state() { [ "$(state "$1" .State.Status)" = "$2" ]; }

get() { curl --silent --show-error --fail-with-body --max-time 10 "$@"; }
call() { get --header "authorization: Bearer $token" "$@"; }
# Sends the JSON $2 to the path $1 and prints the path of the new record.
make() { call --output /dev/null --write-out '%header{location}' "$api$1" --json "$2"; }
status_of() { curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' "$@"; }
status_is() { [ "$(status_of "$2")" = "$1" ]; }

# A value of the package in Cargo.toml.
package() { sed -nE "s/^$1 = \"(.*)\"\$/\\1/p" "$root/Cargo.toml" | head -n 1; }
config() { docker image inspect --format "{{$1}}" "$image"; }

check_configuration() {
    local what path expected
    while IFS='|' read -r what path expected; do
        check "image: $what" equal "$(config "$path")" "$expected"
    done <<END
runs as 65532:65532|.Config.User|65532:65532
starts the binary, without a shell|print .Config.Entrypoint .Config.Cmd|[/clinic-api] []
its health check is the binary's, of the process alone|.Config.Healthcheck.Test|[CMD /clinic-api healthcheck --live]
is stopped by SIGTERM|.Config.StopSignal|SIGTERM
exposes 8080 and 9464|.Config.ExposedPorts|map[8080/tcp:{} 9464/tcp:{}]
has no volume|.Config.Volumes|map[]
its title is the package's name|index .Config.Labels "org.opencontainers.image.title"|$(package name)
its description is the package's|index .Config.Labels "org.opencontainers.image.description"|$(package description)
its version is the package's|index .Config.Labels "org.opencontainers.image.version"|$(package version)
its licence is the package's|index .Config.Labels "org.opencontainers.image.licenses"|$(package license)
its revision is the commit|index .Config.Labels "org.opencontainers.image.revision"|$CLINIC_API_COMMIT
END
}

# The files of the image, without those that the engine adds to a container: lines of mode, owner, size, path.
files() {
    tar --list --verbose --numeric-owner --file "$scratch/image.tar" |
        grep -vE ' (\.dockerenv|(dev|proc|sys)/.*|etc/(hosts|hostname|resolv\.conf|mtab.*))$'
}
count_files() { files | grep -cE "$1" || true; }

check_files() {
    local id loader binary="$scratch/clinic-api" size=0 bytes limit=$1
    id=$(docker create "$image")
    docker export --output "$scratch/image.tar" "$id"
    docker rm "$id" >/dev/null
    tar --extract --to-stdout --file "$scratch/image.tar" clinic-api >"$binary"
    files >&2
    check "image: no file is setuid or setgid" equal "$(count_files '^.{3}[sS]|^.{6}[sS]')" 0
    check "image: no file is writable for others" equal "$(files | grep -v '^l' | grep -cE '^.{8}w' || true)" 0
    check "image: only /data belongs to the service" equal \
        "$(files | awk '$2 != "0/0" { print $2, $NF }')" "65532/65532 data/"
    check "image: the binary is the only program, so there is no shell" equal \
        "$(files | awk '/^-..x/ && !/\.so\.[0-9]+$/ { print $NF }')" clinic-api
    readelf --wide --sections "$binary" >"$scratch/sections"
    check "image: the binary is stripped" fails grep -q '\.symtab' "$scratch/sections"
    check "image: scanners find the crates in the binary" grep -q '\.dep-v0' "$scratch/sections"
    check "image: scanners find the Debian packages" equal \
        "$(count_files ' (var/lib/dpkg/status\.d|usr/share/doc)/(base-files|ca-certificates|libc6|libgcc-s1)(/copyright)?$')" 8
    loader=$(readelf --wide --program-headers "$binary" | sed -nE 's/.*interpreter: (.*)\]/\1/p')
    check "image: the loader finds every library" \
        docker run --rm --network none --entrypoint "$loader" "$image" --list /clinic-api >/dev/null
    check "image: has the TLS root certificates" test "$(tar --extract --to-stdout --file "$scratch/image.tar" \
        etc/ssl/certs/ca-certificates.crt | grep -c 'BEGIN CERTIFICATE')" -gt 100
    size=$(config .Size)
    check "image: $((size / 1000000)) MB, at most $limit" test "$size" -lt $((limit * 1000000))
    bytes=$(gzip <"$scratch/image.tar" | wc -c)
    packed=$((bytes / 1000000))
    check "image: healthcheck fails where nothing listens" \
        fails timeout 30 docker run --rm --network none "$image" healthcheck
}

# The services, also those of profiles, whose log or number of processes has no limit.
unlimited() {
    compose --profile observability config --format json | python3 -c '
import json, sys
for name, service in json.load(sys.stdin)["services"].items():
    if "max-size" not in service.get("logging", {}).get("options", {}) or "pids" not in service["deploy"]["resources"]["limits"]:
        print(name)'
}

check_limits() {
    local service
    check "limits: every service of the file has them" equal "$(unlimited)" ""
    for service in dynamodb-local table token clinic-api worker; do
        check "limits: the engine knows those of $service" equal \
            "$(state "$service" 'index .HostConfig.LogConfig.Config "max-size"}} {{.HostConfig.PidsLimit')" "10m 1024"
    done
}

# Without an issuer, the service must not start with its other settings: it would trust the development issuer.
check_refusal_without_issuer() {
    local status=0
    docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$(container clinic-api)" |
        grep -vE '^$|^CLINIC_API_(ISSUER|AUDIENCE|JWKS_URL)=' >"$scratch/without-issuer"
    timeout 60 docker run --rm --name "$project-refused" --network "${project}_default" \
        --env-file "$scratch/without-issuer" "$image" serve >"$scratch/refused.log" 2>&1 || status=$?
    check "service: does not listen on 0.0.0.0 without an issuer" \
        test "$status" -gt 0 -a "$status" -lt 124 -a "$(grep -c -- --issuer "$scratch/refused.log")" -gt 0
}

# Reads files in /proc of the service's process 1 from a container in the same PID namespace.
proc() {
    docker run --rm --network none --pid "container:$(container "$1")" --cap-add SYS_PTRACE "$debian" cat "${@:2}"
}

check_process() {
    local service=$1 status
    status=$(proc "$service" /proc/1/status)
    check "$service: is process 1" equal "$(awk '/^Name:/ { print $2 }' <<<"$status")" clinic-api
    check "$service: runs as 65532:65532 without capabilities or new privileges" equal \
        "$(awk '/^(Uid|Gid|CapPrm|CapEff|CapBnd|NoNewPrivs):/ { printf "%s ", $2 }' <<<"$status")" \
        "65532 65532 0000000000000000 0000000000000000 0000000000000000 1 "
    check "$service: its root file system is read-only" equal \
        "$(proc "$service" /proc/1/mounts | awk '$2 == "/" { print substr($4, 1, 2) }')" ro
    say "$service: $(awk '/^VmRSS/ { print $2 " kB of memory" }' <<<"$status")"
}

check_service() {
    check "service: rejects a request without a token" grep -q '"unauthenticated"' <(curl --silent "$api/v1/clinics")
    check "service: makes a clinic" call --output /dev/null "$api/v1/clinics" \
        --json '{"name": "Compose Check", "time_zone": "Europe/Zurich"}'
    check "service: lists it" data_are_there
    check "service: serves Swagger UI" grep -qi swagger <(get "$api/docs/")
    check "service: /version names the commit" grep -q "$CLINIC_API_COMMIT" <(get "$api/version")
    check "service: metrics, for the compose network" grep -qx 'clinic_api_ready 1' \
        <(compose exec -T dynamodb-local curl --silent http://clinic-api:9464/metrics)
    check "service: its port is on the loopback address alone" equal \
        "$(docker port "$(container clinic-api)")" "8080/tcp -> 127.0.0.1:8080"
    check "service: healthcheck succeeds" compose exec -T clinic-api /clinic-api healthcheck >/dev/null
    check "service: healthcheck --live succeeds" \
        compose exec -T clinic-api /clinic-api healthcheck --live >/dev/null
}

data_are_there() { grep -q '"Compose Check"' <(call "$api/v1/clinics?limit=100"); }

# The commands of the README's tour.
tour() { sed -n '/<!-- tour -->/,/^```$/p' "$root/README.md" | sed '1,2d;$d'; }
take_tour() {
    local expected
    API=$api TOKEN=$token bash -euo pipefail -c "$(tour)" >"$scratch/tour.log" 2>&1 || return 1
    for expected in 'clinic CLN-' 'booked APT-' 'refused: staff_busy, next free 2'; do
        grep -q "$expected" "$scratch/tour.log" || { say "the tour does not print $expected" && return 1; }
    done
}

# Starts a receiver on port 9000 of this host, which the compose file allows, and creates a webhook for it.
start_receiver() {
    local gateway
    gateway=$(docker run --rm --network none --add-host host:host-gateway "$debian" getent hosts host | cut -d ' ' -f 1)
    python3 "$root/tests/compose/receiver.py" "$gateway" 9000 "$scratch/secret" >"$scratch/receiver.log" 2>&1 &
    background+=("$!")
    within 10 grep -q '^listens on' "$scratch/receiver.log" || fail "the receiver does not listen on port 9000"
    call "$api/v1/webhooks" --json '{"url": "http://host.docker.internal:9000/events"}' |
        sed -nE 's/.*"secret": *"(whsec_[^"]*)".*/\1/p' >"$scratch/secret"
    [ -s "$scratch/secret" ] || fail "the webhook has no secret"
}

# Creates a patient, whose event must reach the receiver with a valid signature.
event_arrives() {
    local patient
    patient=$(make /v1/patients '{"name": "Ida Example"}')
    within 60 grep -qx "valid clinic.patient.created.v1 ${patient##*/}" "$scratch/receiver.log"
}

# The commands of docs/operations.md after the mark $1.
rotation() {
    sed -n "/<!-- rotation: $1 -->/,/^\`\`\`\$/p" "$root/docs/operations.md" | sed '1,2d;$d; s/docker compose/compose/g'
}
# shellcheck disable=SC2317,SC2329 # the commands of the guide call it
clinic-api() { docker run --rm --network none "$image" "$@"; }
processes() {
    local service
    for service in clinic-api worker; do state "$service" '.Id}} {{.State.StartedAt}} {{.RestartCount'; done
}
# shellcheck disable=SC2317,SC2329 # check calls it
old_key_decrypts_nothing() { grep -q '^0 webhooks resealed, [1-9]' <(KEYS_FOLDER="$scratch/old-keys" reseal 2>/dev/null); }

# Runs the commands of docs/operations.md, "Rotate the secret keys". After each step, a delivery must have a valid signature, which the
# worker makes with the webhook's decrypted secret. The keys stay in a file for the rest of this run.
check_rotation() {
    local before step steps
    cd "$root"
    KEYS_FOLDER="$scratch/keys"
    logged rotation-start eval "$(rotation compose)"
    eval "$(rotation change)"
    check "rotation: an event arrives with the keys of a file" event_arrives
    mkdir --mode 755 "$scratch/old-keys"
    cp --preserve=mode "$KEYS_FOLDER/secret-keys" "$scratch/old-keys/secret-keys"
    before=$(processes)
    mapfile -t steps < <(rotation secret)
    check "rotation: the guide has the keys and four steps" equal "${#steps[@]}" 5
    for step in "${steps[@]}"; do
        logged rotation eval "$step"
        check "rotation: an event arrives after ${step##*# }" event_arrives
    done
    check "rotation: one key is left, and not the old one" fails grep -qF -e , -f "$scratch/old-keys/secret-keys" \
        "$KEYS_FOLDER/secret-keys"
    check "rotation: the old key decrypts no webhook's secret any more" old_key_decrypts_nothing
    check "rotation: nothing was restarted" equal "$(processes)" "$before"
}

# Creates a patient with a record number, who must be found together with all before. Another one with the same record number
# must be refused: $1 is its number in this run.
search_finds_all() {
    local answer patient record
    record="{\"name\": \"Searched Number$1\", \"mrn\": \"ROTATION-$1\"}"
    searched+=("$(make /v1/patients "$record")") || return 1
    answer=$(call "$api/v1/patients?name=searched") || return 1
    for patient in "${searched[@]}"; do grep -qF "\"${patient##*/}\"" <<<"$answer" || return 1; done
    for record in $(seq 0 "$1"); do
        [ "$(status_of --header "authorization: Bearer $token" "$api/v1/patients" \
            --json "{\"name\": \"Second\", \"mrn\": \"ROTATION-$record\"}")" = 409 ] || return 1
    done
}
# The number of items that a backfill with the keys in the folder $1 would write.
outdated() {
    KEYS_FOLDER=$1 compose run --rm --no-deps -T clinic-api table backfill --dry-run 2>/dev/null |
        sed -nE 's/^[0-9]+ items: ([0-9]+) would be rewritten, 0 failed .*/\1/p'
}

# The number of patients whose search key is none of the keys in the folder $1. The command reports them and exits with 1.
without_key() {
    { KEYS_FOLDER=$1 compose run --rm --no-deps -T clinic-api table backfill --dry-run 2>/dev/null || true; } |
        sed -nE 's/^[0-9]+ items: 0 would be rewritten, ([0-9]+) failed .*/\1/p'
}

# Runs the commands of docs/operations.md, "Rotate the search keys". After each step, a search must find the patients that were
# created before it and after it, and their record numbers must be taken. Needs the files of keys of check_rotation.
check_search_rotation() {
    local before number step steps searched=()
    check "search rotation: a search finds a patient" search_finds_all 0
    cp --preserve=mode "$KEYS_FOLDER/search-keys" "$scratch/old-keys/search-keys"
    before=$(processes)
    mapfile -t steps < <(rotation search)
    check "search rotation: the guide has the keys and four steps" equal "${#steps[@]}" 5
    for number in "${!steps[@]}"; do
        step=${steps[number]}
        logged rotation eval "$step"
        check "search rotation: a search finds all patients after ${step##*# }" search_finds_all $((number + 1))
    done
    check "search rotation: one key is left, and not the old one" fails grep -qF -e , -f "$scratch/old-keys/search-keys" \
        "$KEYS_FOLDER/search-keys"
    check "search rotation: every patient has moved to it" equal "$(outdated "$KEYS_FOLDER")" 0
    check "search rotation: no patient has the old key" test "$(without_key "$scratch/old-keys")" -ge "${#searched[@]}"
    check "search rotation: nothing was restarted" equal "$(processes)" "$before"
}

# The addresses of the service's containers.
addresses() {
    local id
    for id in $(container clinic-api); do docker port "$id" 8080/tcp; done
}

check_scale() {
    local first address
    first=$(free_port)
    API_PORTS="$first-$((first + 9))" logged scale \
        compose up --detach --no-build --no-deps --wait --scale clinic-api=3 clinic-api
    check "scale: three replicas have three ports" equal "$(addresses | sort -u | wc -l)" 3
    for address in $(addresses); do
        check "scale: $address is ready" within 30 status_is 200 "http://$address/readyz"
    done
    logged scale-back compose up --detach --no-build --no-deps --wait clinic-api
    check "scale: one replica is left, at the usual port" equal "$(addresses)" "${api#http://}"
    check "scale: it is ready" within 30 status_is 200 "$api/readyz"
}

# Kills the process of the service $1 like a crash or the kernel's OOM killer. `docker kill` is no substitute: the engine
# treats it as an operator's request and does not restart the container.
crash() {
    docker run --rm --network none --pid host "$debian" sh -c "kill -KILL $(state "$1" .State.Pid)"
}
restarted() { [ "$(state "$1" '.RestartCount}} {{.State.Running}} {{.State.Restarting')" = "$2 true false" ]; }

check_crashes() {
    local service count
    for service in clinic-api worker dynamodb-local; do
        count=$(($(state "$service" .RestartCount) + 1))
        crash "$service"
        check "kill $service: the engine starts it again" within 60 restarted "$service" "$count"
        check "kill $service: it is healthy again" within 60 healthy "$service"
        check "kill $service: the service is ready" within 60 status_is 200 "$api/readyz"
        check "kill $service: the data are still there" data_are_there
        check "kill $service: events still arrive" event_arrives
    done
}

ready_twice() { [ "$(grep -c "^ready $api" "$scratch/clients.log")" -ge 2 ]; }

# Follows docs/operations.md, "compose without an interruption". The clients send requests to every ready address, as a
# load balancer does. They do not retry, and any unexpected response is a failure.
check_replacement() {
    local before=$1 next tokens=() clients status=0
    next=$(free_port)
    for _ in 1 2 3 4; do
        tokens+=("$(compose run --rm --no-deps -T token token --role admin --subject "client-$RANDOM" 2>/dev/null)")
    done
    printf '%s\n' "${tokens[@]}" >"$scratch/tokens"
    python3 "$root/tests/compose/clients.py" "$scratch/tokens" "$scratch/stop-clients" \
        "$api" "http://127.0.0.1:$next" >"$scratch/clients.log" 2>&1 &
    clients=$!
    background+=("$clients")
    within 20 grep -q "^ready $api" "$scratch/clients.log" || fail "the clients do not start"
    logged next compose run --detach --no-deps --name "$project-next" --publish "127.0.0.1:$next:8080" clinic-api
    check "replace: a second container is ready" within 60 grep -q "^ready http://127.0.0.1:$next" "$scratch/clients.log"
    logged recreate compose up --detach --no-build --no-deps --force-recreate --wait clinic-api
    check "replace: the first container is another one now" test "$(container clinic-api)" != "$before"
    check "replace: the clients use it" within 20 ready_twice
    logged stop-next docker stop --time 45 "$project-next"
    check "replace: the second one ended with 0" equal \
        "$(docker inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}}' "$project-next")" "0 false"
    docker rm "$project-next" >/dev/null
    touch "$scratch/stop-clients"
    wait "$clients" || status=$?
    tail -n 1 "$scratch/clients.log" >&2
    check "replace: no request failed" equal "$status" 0
}

check_stop() {
    local service stopping
    logged stop compose stop clinic-api &
    stopping=$!
    background+=("$stopping")
    check "stop: the service is not ready any more, and still answers" within 20 status_is 503 "$api/readyz"
    wait "$stopping" || fail "docker compose stop"
    logged stop compose stop worker
    for service in clinic-api worker; do
        # 137 would be SIGKILL after the grace period.
        check "stop: $service ends within its grace period, with 0" equal \
            "$(state "$service" '.State.ExitCode}} {{.State.OOMKilled')" "0 false"
    done
}

# The variant with the embedded engine, which no compose file uses.
check_embedded() {
    local name="$project-embedded" volume="$project-data" port image=clinic-api:embedded settings
    port=$(free_port)
    settings=(--read-only --cap-drop ALL --security-opt no-new-privileges --volume "$volume:/data"
        --env CLINIC_API_STORE=file:/data/clinic.db --env CLINIC_API_ISSUER=urn:clinic-api:development
        --env CLINIC_API_AUDIENCE=clinic-api --env CLINIC_API_JWKS_URL=file:/data/development-issuer/jwks.json
        --env CLINIC_API_DEVELOPMENT_ISSUER=/data/development-issuer)
    printf 'services: { clinic-api: { image: "%s", build: { args: { CARGO_FEATURES: embedded } } } }\n' "$image" \
        >"$scratch/embedded.yml"
    logged build-embedded compose --file "$root/docker-compose.yml" --file "$scratch/embedded.yml" build clinic-api
    token=$(docker run --rm --network none "${settings[@]}" "$image" token --role admin)
    docker run --detach --name "$name" --publish "127.0.0.1:$port:8080" "${settings[@]}" "$image" >/dev/null
    api="http://127.0.0.1:$port"
    check "embedded: is ready" within 30 status_is 200 "$api/readyz"
    check "embedded: makes a clinic" call --output /dev/null "$api/v1/clinics" \
        --json '{"name": "Compose Check", "time_zone": "Europe/Zurich"}'
    docker kill "$name" >/dev/null
    docker start "$name" >/dev/null
    check "embedded: is ready again after a kill" within 30 status_is 200 "$api/readyz"
    check "embedded: the data are in the volume" data_are_there
    docker stop --time 45 "$name" >/dev/null
    check "embedded: ends with 0" equal "$(docker inspect --format '{{.State.ExitCode}}' "$name")" 0
}

for argument; do
    case $argument in
    --release) profile=release ;;
    --embedded) embedded=yes ;;
    *) fail "unknown argument $argument; the head of this file lists them" ;;
    esac
done

scratch=$(mktemp -d)
trap clean_up EXIT
trap 'say "stopped by a signal" && exit 143' INT TERM HUP
for port in 8080 9000; do
    if is_taken "$port"; then fail "port $port of this host is taken"; fi
done

rust=$(sed -nE 's/^FROM ([^ ]+) AS build$/\1/p' "$root/Dockerfile")
debian=$(sed -nE 's/^FROM ([^ ]+) AS root$/\1/p' "$root/Dockerfile")
dynamodb=$(sed -nE 's/^ *image: (amazon\/dynamodb-local:.*)$/\1/p' "$root/docker-compose.yml")
image=clinic-api:dev
CLINIC_API_COMMIT=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
export CLINIC_API_COMMIT CARGO_PROFILE=$profile

start_engine
find_compose
remove_containers >/dev/null 2>&1 || true
say "$(docker version --format 'Docker engine {{.Server.Version}}'), Compose $("${compose[@]}" version --short)"
base_image "$debian" stand_in_for_debian
base_image "$rust" stand_in_for_rust
check "base: the compiler is the Rust of $rust" grep -q "^rustc $(sed -E 's/^rust:([0-9.]+).*/\1/' <<<"$rust")[. ]" \
    <(docker run --rm --network none "$rust" rustc --version)
# In parallel with the compiler.
base_image "$dynamodb" stand_in_for_dynamodb &
database=$!
background+=("$database")

say "building $image with the profile $profile: some minutes the first time"
since=$SECONDS
logged build compose build clinic-api
check "image: is built by BuildKit, in $((SECONDS - since)) s" docker image inspect "$image" >/dev/null
check_configuration
if [ "$profile" = release ]; then check_files 40; else check_files 90; fi
wait "$database" || fail "there is no $dynamodb"

since=$SECONDS
logged up compose up --detach --wait
say "docker compose up --wait took $((SECONDS - since)) s"
for service in dynamodb-local clinic-api worker; do
    check "up: $service is healthy" healthy "$service"
done
for service in table token; do
    check "up: $service ended with 0" equal "$(state "$service" '.State.Status}} {{.State.ExitCode')" "exited 0"
done
token=$(compose logs --no-log-prefix --no-color token | tail -n 1)
check_limits
check_refusal_without_issuer
check_process clinic-api
check_process worker
check_service
check "tour: the README's commands work" take_tour
start_receiver
check "webhook: an event arrives on the host, with a valid signature" event_arrives
check_rotation
check_search_rotation
check_scale
check_crashes
check_replacement "$(container clinic-api)"
check_stop
logged down compose down
check "down: no container is left" equal "$(compose ps --all --quiet)" ""
logged up-again compose up --detach --wait
check "up again: the data are still there" data_are_there
check "up again: the webhook still gets events" event_arrives
check "up again: the tour works once more" take_tour
logged down-volumes compose down --volumes
check "down --volumes: nothing is left" equal \
    "$(docker volume ls --quiet --filter "name=^$project")$(docker network ls --quiet --filter "name=^$project")" ""
[ -z "$embedded" ] || check_embedded

size=$(config .Size)
echo "compose: $checks checks passed, profile $profile, image $((size / 1000000)) MB ($packed MB packed), in ${SECONDS}s"
