#!/usr/bin/env bash
# Builds the Dockerfile where no image registry can be reached, and tries the image.
#
#   tests/image.sh              builds, looks into the image, and runs it on DynamoDB Local
#   tests/image.sh --embedded   builds the variant with the embedded engine too, and runs it
#
# Stand-ins take the place of the base images, under their names: a debootstrap from the mirror that this machine
# installs from, and its own Rust toolchain. The crates are those that cargo has here. All of it is kept in
# target/image, for the next run. Needs root, for buildah, debootstrap and chroot; installs both on Debian.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kept="$root/target/image"
checks=0
pids=()
data=

say() { printf 'image: %s\n' "$*" >&2; }
fail() {
    say "FAILED: $*"
    exit 1
}

# $1 says what is so, the rest is a command that succeeds if it is.
check() {
    local what=$1
    shift
    "$@" || fail "$what"
    say "ok: $what"
    checks=$((checks + 1))
}

# Runs a command with its output in the log $1, which is shown if it fails.
logged() {
    local log="$kept/$1.log"
    shift
    "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2 && fail "$*"; }
}

equal() { [ "$1" = "$2" ] || { printf '  expected: %s\n  found:    %s\n' "$2" "$1" >&2 && false; }; }
fails() { ! "$@" >/dev/null 2>&1; }

need_tools() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "this must be run as root on Debian; where there is Docker, there is \`docker build .\`"
    fi
    local pair packages=()
    for pair in buildah=buildah curl=curl debootstrap=debootstrap pgrep=procps readelf=binutils; do
        command -v "${pair%%=*}" >/dev/null || packages+=("${pair#*=}")
    done
    apt-get update -qq >&2 || true
    [ "${#packages[@]}" -gt 0 ] || return 0
    say "installing ${packages[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2 ||
        fail "can't be installed: ${packages[*]}"
}

# The driver vfs needs no file system of its own kind under it, and leaves nothing mounted.
b() { buildah --root "$kept/storage" --runroot "$kept/run" --storage-driver vfs "$@"; }

# shellcheck disable=SC2317,SC2329 # called by the trap
clean_up() {
    local status=$? pid
    for pid in "${pids[@]}"; do
        # unshare itself does not mind a SIGTERM.
        pkill -KILL --parent "$pid" || true
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    b rm --all >/dev/null 2>&1 || true
    b rmi --prune >/dev/null 2>&1 || true
    [ "$status" = 0 ] || tail -n 20 "$scratch"/*.log >&2 || true
    rm -rf "$scratch"
    exit "$status"
}

# The Dockerfile, without digests that its base images are pinned by: a stand-in has one of its own.
dockerfile() { sed -E '/^FROM /s/@sha256:[0-9a-f]+//' "$root/Dockerfile"; }
# The name of the base image of the stage $1.
base_of() { sed -nE "s/^FROM ([^ ]+) AS $1\$/\\1/p" <(dockerfile); }
have() { b inspect --type image "$1" >/dev/null 2>&1; }

stand_in_for_debian() {
    have "$debian" && return
    local mirror from="$kept/debian"
    # shellcheck disable=SC2016 # for apt-get
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    [ -n "$mirror" ] || fail "this machine's apt names no Debian mirror"
    say "making a stand-in for $debian"
    rm -rf "$from"
    logged debootstrap debootstrap --variant=minbase "$suite" "$from" "$mirror"
    # A proxy, where this machine has one.
    apt-config dump | grep -i '^Acquire::.*proxy' >"$from/etc/apt/apt.conf.d/proxy" || true
    b from --name base scratch >/dev/null
    b add --quiet base "$from" / >/dev/null
    b commit --quiet --rm base "$debian" >/dev/null
    rm -rf "$from"
}

stand_in_for_rust() {
    have "$rust" && return
    say "making a stand-in for $rust"
    b from --name compiler --pull-never "$debian" >/dev/null
    logged compiler b run compiler -- \
        sh -c 'apt-get update && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev'
    b config --env RUSTUP_HOME=/usr/local/rustup --env CARGO_HOME=/usr/local/cargo --env CARGO_NET_OFFLINE=true \
        --env PATH=/usr/local/rustup/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin compiler
    b commit --quiet --rm compiler "$rust" >/dev/null
}

# The crates of Cargo.lock, as cargo gets them on this machine, for a build without a network.
get_crates() {
    printf '%s\n' '[source.crates-io]' 'replace-with = "here"' '[source.here]' 'directory = "/crates"' \
        >"$kept/cargo/config.toml"
    (cd "$root" && cargo vendor --locked --quiet --versioned-dirs --respect-source-config "$kept/crates" >/dev/null) ||
        fail "cargo can't get the crates"
}

# Builds the image $1 with the features $2.
build() {
    local since=$SECONDS
    dockerfile >"$scratch/Dockerfile"
    say "building $1: some minutes the first time"
    logged build b build --quiet --format docker --layers=false --pull=never --tag "$1" \
        --build-arg CARGO_FEATURES="$2" --build-arg CLINIC_API_COMMIT="$commit" \
        --volume "$sysroot:/usr/local/rustup:ro" --volume "$kept/crates:/crates:ro" \
        --volume "$kept/cargo/config.toml:/usr/local/cargo/config.toml:ro" \
        --file "$scratch/Dockerfile" "$root"
    check "$1 is built, in $((SECONDS - since)) s" have "$1"
}

# What the image says at the path $1 of its configuration.
config() { b inspect --type image --format "{{$1}}" "$image"; }
package() { sed -nE "s/^$1 = \"(.*)\"\$/\\1/p" "$root/Cargo.toml" | head -n 1; }

look_at_the_configuration() {
    local what path expected
    while IFS='|' read -r what path expected; do
        check "$what" equal "$(config "$path")" "$expected"
    done <<END
it runs as 65532:65532|.Docker.Config.User|65532:65532
it starts the binary, without a shell|print .Docker.Config.Entrypoint .Docker.Config.Cmd|[/clinic-api] []
its health check is the binary's|.Docker.Config.Healthcheck.Test|[CMD /clinic-api healthcheck]
it is stopped by SIGTERM|.Docker.Config.StopSignal|SIGTERM
its ports are 8080 and 9464|.Docker.Config.ExposedPorts|map[8080/tcp:{} 9464/tcp:{}]
it has no volume|.Docker.Config.Volumes|map[]
its title is the package's name|index .Docker.Config.Labels "org.opencontainers.image.title"|$(package name)
its description is the package's|index .Docker.Config.Labels "org.opencontainers.image.description"|$(package description)
its version is the package's|index .Docker.Config.Labels "org.opencontainers.image.version"|$(package version)
its licence is the package's|index .Docker.Config.Labels "org.opencontainers.image.licenses"|$(package license)
its revision is the commit|index .Docker.Config.Labels "org.opencontainers.image.revision"|$commit
END
}

look_at_the_files() {
    local loader
    find "$at" -mindepth 1 -printf '%M %u:%g %8s /%P\n' | sort -k 4 >&2
    check "no file is setuid or setgid, or for others to write" equal "$(find "$at" ! -type l -perm /6022)" ""
    check "only /data belongs to the service" equal \
        "$(cd "$at" && find . ! -user root -printf '%p %U:%G')" "./data 65532:65532"
    check "no program but the binary, so no shell either" equal \
        "$(cd "$at" && find . -type f -perm /111 ! -name '*.so.[0-9]*' -printf '%p ')" "./clinic-api "
    check "the binary is stripped" fails grep -q '\.symtab' <(readelf --wide --sections "$at/clinic-api")
    loader=$(readelf --wide --program-headers "$at/clinic-api" | sed -nE 's/.*interpreter: (.*)\]/\1/p')
    check "the loader finds every library" chroot "$at" "$loader" --list /clinic-api >&2
    check "the roots of TLS are there" \
        test "$(grep -c 'BEGIN CERTIFICATE' "$at/etc/ssl/certs/ca-certificates.crt")" -gt 100
}

# Runs the entry point as a container engine would, with the arguments: process 1 of its own PID namespace, root file
# system read-only but for the folder `data` on /data if there is one, environment of the image and of `settings`.
container() {
    mapfile -t environment <<<"$(config 'range .Docker.Config.Env}}{{println .}}{{end')"
    # shellcheck disable=SC2016 # for the inner shell
    exec unshare --mount --pid --fork --kill-child=KILL -- bash -euc '
        at=$1 data=$2
        shift 2
        mount --bind "$at" "$at"
        mkdir -p "$at/proc"
        for file in /etc/hosts /etc/resolv.conf; do
            touch "$at$file"
            mount --bind "$file" "$at$file"
        done
        mount -t proc proc "$at/proc"
        if [ -n "$data" ]; then mount --bind "$data" "$at/data"; fi
        mount -o remount,bind,ro "$at"
        if (: >"$at/written") 2>/dev/null; then exit 99; fi
        exec env -i "$@"' \
        container "$at" "$data" "${environment[@]}" "${settings[@]}" \
        setpriv --no-new-privs chroot --userspec=65532:65532 "$at" /clinic-api "$@"
}

run() { (container "$@"); }

free_port() {
    local port=$((20000 + RANDOM % 12000))
    if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then free_port; else echo "$port"; fi
}

# Waits until the command succeeds, for at most $1 seconds.
within() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.1
    done
}

get() { curl --silent --show-error --fail-with-body --max-time 10 "$@"; }
unready() { [ "$(curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' "$1")" = 503 ]; }

# Starts the service of the image, tries it, and stops it. $1 says which one it is.
serve_and_stop() {
    local which=$1 api="http://127.0.0.1:$port" service process since status=0
    (container) >"$scratch/serve.log" 2>&1 &
    service=$!
    pids+=("$service")
    check "$which: it is ready within 20 s" within 20 get "$api/readyz"
    process=$(pgrep --parent "$service")
    check "$which: it is process 1" equal "$(awk '/^NSpid/ { print $NF }' "/proc/$process/status")" 1
    check "$which: it is 65532:65532, without a capability" equal \
        "$(awk '/^(Uid|Gid|CapEff):/ { printf "%s ", $2 }' "/proc/$process/status")" "65532 65532 0000000000000000 "
    check "$which: nobody is let in without a token" grep -q '"unauthenticated"' <(curl --silent "$api/v1/clinics")
    check "$which: a clinic is made" get -o /dev/null "$api/v1/clinics" -H "$bearer" -H 'content-type: application/json' \
        --data '{"name": "Image Check", "time_zone": "Europe/Zurich"}'
    check "$which: it is listed" grep -q '"Image Check"' <(get -H "$bearer" "$api/v1/clinics")
    check "$which: Swagger UI is there" grep -qi swagger <(get "$api/docs/")
    check "$which: /version names the commit" grep -q "$commit" <(get "$api/version")
    check "$which: it has metrics" grep -qx 'clinic_api_ready 1' <(get "http://127.0.0.1:$metrics/metrics")
    check "$which: healthcheck succeeds" run healthcheck
    check "$which: healthcheck --live succeeds" run healthcheck --live
    say "$which: $(awk '/^VmRSS/ { print $2 " kB of memory" }' "/proc/$process/status")"
    kill -TERM "$process"
    since=$SECONDS
    check "$which: on SIGTERM it is not ready any more" within 3 unready "$api/readyz"
    check "$which: it ends within 40 s" within 40 fails kill -0 "$service"
    wait "$service" || status=$?
    check "$which: with 0, after $((SECONDS - since)) s" equal "$status" 0
    check "$which: healthcheck fails then" fails run healthcheck
}

[ $# = 0 ] || [ "$*" = --embedded ] || fail "what is $*? The head of this file says what there is"

need_tools
mkdir -p "$kept/storage" "$kept/run" "$kept/tmp" "$kept/cargo"
# TMPDIR is where buildah keeps the cache mounts of the Dockerfile.
export TMPDIR="$kept/tmp" BUILDAH_ISOLATION=chroot
scratch=$(mktemp -d)
trap clean_up EXIT
trap 'exit 143' INT TERM HUP

rust=$(base_of build)
debian=$(base_of root)
suite=$(sed -E 's/.*:([a-z]+).*/\1/' <<<"$debian")
commit=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
sysroot=$(cd "$root" && rustc --print sysroot)
check "the builder has this machine's Rust" grep -q "rustc ${rust//[^0-9.]/}[. ]" <(cd "$root" && rustc --version)

stand_in_for_debian
stand_in_for_rust
get_crates

image=clinic-api:check
build "$image" ""
look_at_the_configuration
b from --name looked-at --pull-never "$image" >/dev/null
at=$(b mount looked-at)
look_at_the_files
size=$(du --summarize --block-size=1 --apparent-size "$at" | cut -f 1)
binary=$(stat --format %s "$at/clinic-api")
packed=$(tar -C "$at" -c . | gzip | wc -c)

port=$(free_port)
metrics=$(free_port)
listen=("CLINIC_API_LISTEN=127.0.0.1:$port" "CLINIC_API_METRICS_LISTEN=127.0.0.1:$metrics")
settings=("${listen[@]}" AWS_REGION=eu-central-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local)
database=$(free_port)
# The first run fetches it.
bash "$root/tests/dynamodb-local.sh" --serve "$database" >"$scratch/dynamodb.log" 2>&1 &
pids+=("$!")
check "DynamoDB Local is there" within 180 grep -q '^http://' "$scratch/dynamodb.log"
# By name: so it is seen that the image resolves one.
settings+=("AWS_ENDPOINT_URL_DYNAMODB=http://localhost:$database")
settings+=("CLINIC_API_CURSOR_KEYS=$(run cursor-key)")
check "it makes the table" run table create
# As an operator without an issuer would start it; the last setting of a name counts.
settings+=("CLINIC_API_LISTEN=0.0.0.0:$port")
check "it does not listen for others without an issuer" fails run serve
settings+=("CLINIC_API_LISTEN=127.0.0.1:$port")
data="$scratch/data"
install -d -o 65532 -g 65532 "$data"
chmod 711 "$scratch"
bearer="authorization: Bearer $(run token --role admin)"
issuer=(CLINIC_API_ISSUER=urn:clinic-api:development CLINIC_API_AUDIENCE=clinic-api)
settings+=("${issuer[@]}" CLINIC_API_JWKS_URL=file:/data/development-issuer/jwks.json)
serve_and_stop "on DynamoDB Local"

if [ "${1:-}" = --embedded ]; then
    image=clinic-api:check-embedded
    build "$image" embedded
    b from --name embedded --pull-never "$image" >/dev/null
    at=$(b mount embedded)
    settings=("${listen[@]}" CLINIC_API_STORE=file:/data/clinic.db)
    serve_and_stop "embedded engine"
    check "embedded engine: the data are in the volume" test -s "$data/clinic.db"
fi

numfmt --to-unit=1000000 --format=%.1f --field=- <<<"$size $packed $binary" | {
    read -r size packed binary
    echo "image: $checks checks passed, size $size MB ($packed MB packed; the binary is $binary MB), in ${SECONDS}s"
}
