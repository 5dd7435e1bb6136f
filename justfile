# Lists the recipes.
default:
    @just --list

# Runs the service on the embedded engine; further words are its flags.
run *ARGS:
    cargo run -- {{ ARGS }}

# Runs the tests on the embedded engine.
test *ARGS:
    cargo test {{ ARGS }}

# Runs everything that CI runs.
ci:
    bash .ci/run

# Writes the OpenAPI document anew, out of the handlers.
openapi:
    cargo run --quiet -- openapi > openapi/openapi.json

# Clippy, with warnings as errors.
lint:
    cargo clippy --all-targets -- -D warnings

# Formats the code.
fmt:
    cargo fmt

# Runs the tests on Amazon's DynamoDB Local; with --serve [PORT], starts it alone.
dynamodb-local *ARGS:
    bash tests/dynamodb-local.sh {{ ARGS }}

# Fuzzes what reads untrusted text: SECONDS of each target, or of those that are named.
fuzz *ARGS:
    bash fuzz/run.sh {{ ARGS }}

# Sends random requests by the OpenAPI document: [SEED [EXAMPLES]].
schemathesis *ARGS:
    bash tests/schemathesis.sh {{ ARGS }}

# Builds the image and runs docker-compose.yml; needs a Docker engine, or root on Debian.
compose *ARGS:
    bash tests/compose.sh {{ ARGS }}
