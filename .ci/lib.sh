# Shared by .ci/run and .ci/soak: steps with a table of their durations, and the installation of missing tools.
# Sourced with the repository as working directory.
# shellcheck shell=bash

export CARGO_TERM_COLOR=never REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
# A fresh clone builds everything once, so incremental files would only use space.
[ "${CI:-}" != true ] || export CARGO_INCREMENTAL=0

out=$(mktemp -d)
# Cargo runs every compiler call through this wrapper, so that the table can show the number of crates per step. It replaces
# your own wrapper, such as sccache.
export RUSTC_WRAPPER="$PWD/.ci/count-compilations" CI_COMPILATIONS="$out/compilations"
: >"$CI_COMPILATIONS"
title=
started=0
compiled=0
table=()
notes=()

compilations() { wc -l <"$CI_COMPILATIONS"; }

end_step() {
    [ -n "$title" ] || return 0
    table+=("$(printf '%6s %8s  %s' $((SECONDS - started)) $(($(compilations) - compiled)) "$title")")
}

# Begins the step $1.
step() {
    end_step
    title=$1 started=$SECONDS compiled=$(compilations)
    printf '\n=== %s. %s\n' $((${#table[@]} + 1)) "$title"
}

finish() {
    local status=$?
    if [ "$status" -ne 0 ]; then
        # Repeated at the end, where truncated output still shows it.
        grep -h -A 4 ' panicked at ' "$out"/tests-* 2>/dev/null | cut -c 1-1000 | tail -n 60 || true
    fi
    end_step
    printf '\nseconds   crates  step\n'
    printf '%s\n' "${table[@]}"
    printf '%6s %8s  %s\n' "$SECONDS" "$(compilations)" "in all"
    [ "${#notes[@]}" -eq 0 ] || printf 'note: %s\n' "${notes[@]}"
    if [ "$status" -eq 0 ]; then
        printf '\nALL %s STEPS PASSED in %ss\n' "${#table[@]}" "$SECONDS"
    else
        printf '\nFAILED after %ss in: %s\n' "$SECONDS" "$title"
    fi
    rm -rf "$out"
}
trap finish EXIT
# Without these, the EXIT trap would get the status of the last completed command.
trap 'exit 130' INT
trap 'exit 143' TERM HUP

note() {
    printf 'note: %s\n' "$1"
    notes+=("$1")
}

# Runs a command, shows its output and stores it as $1 for the summary.
keep() {
    local name=$1
    shift
    "$@" 2>&1 | tee "$out/$name"
}

# Runs a command and shows its output only if it fails.
quietly() {
    "$@" >"$out/quietly" 2>&1 || {
        cat "$out/quietly"
        return 1
    }
}

# Installs Debian packages for missing commands. Arguments: command=package.
want() {
    local pair packages=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || packages+=("${pair#*=}")
    done
    [ "${#packages[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "install these packages: ${packages[*]}"
        return 1
    fi
    apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive quietly apt-get install -y -qq "${packages[@]}"
}

# Installs cargo-$1 in the pinned version. Unoptimised, because that compiles in half the time.
want_cargo() {
    local version name="cargo-$1"
    case $1 in
    fuzz) version=0.13.2 ;;
    cyclonedx) version=0.5.9 name=cargo-cyclonedx-cyclonedx ;;
    esac
    [ "$(cargo "$1" --version 2>/dev/null || true)" = "$name $version" ] ||
        CARGO_TARGET_DIR=target/tools cargo install "cargo-$1" --version "$version" --locked --quiet --debug
    cargo "$1" --version
}

# Installs the Python packages of .ci/python/$1.txt into .ci/venv/$1.
want_python() {
    python3 -c 'import ensurepip' 2>/dev/null || want no-ensurepip=python3-venv
    python3 -m venv ".ci/venv/$1"
    ".ci/venv/$1/bin/pip" install --quiet --requirement ".ci/python/$1.txt"
}

want_rust() {
    command -v cargo >/dev/null && return
    echo "cargo is missing: install Rust; the version is in rust-toolchain.toml"
    return 1
}

# Prints the numbers of passed tests in the stored outputs $@. Fails if one of them ran no test.
count_tests() {
    local run
    for run in "$@"; do
        awk -v run="$run" '
            /^test result:/ {
                for (i = 2; i <= NF; i++) {
                    if ($i == "passed;") passed += $(i - 1)
                    if ($i == "failed;") failed += $(i - 1)
                    if ($i == "ignored;") skipped += $(i - 1)
                }
            }
            END {
                printf "%s: %d passed, %d failed, %d skipped\n", run, passed, failed, skipped
                if (!passed) exit 1
            }' "$out/$run" || {
            echo "$run ran no test"
            return 1
        }
    done
}
