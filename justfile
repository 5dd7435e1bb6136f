# Lists the recipes.
default:
    @just --list

# Runs the service on the embedded engine; arguments are its flags.
run *ARGS:
    cargo run -- {{ ARGS }}

# Runs the tests on the embedded engine.
test *ARGS:
    cargo test {{ ARGS }}

# Runs all checks of CI.
ci:
    bash .ci/run

# Writes the OpenAPI document from the handlers.
openapi:
    cargo run --quiet -- openapi > openapi/openapi.json

# Clippy, with warnings as errors.
lint:
    cargo clippy --all-targets -- -D warnings

# Formats the code.
fmt:
    cargo fmt

# Runs the tests on Amazon's DynamoDB Local; with --serve [PORT], only starts it.
dynamodb-local *ARGS:
    bash tests/dynamodb-local.sh {{ ARGS }}

# Fuzzes the code that parses untrusted text: [SECONDS [TARGET…]].
fuzz *ARGS:
    bash fuzz/run.sh {{ ARGS }}

# Sends random requests from the OpenAPI document: [SEED [EXAMPLES]].
schemathesis *ARGS:
    bash tests/schemathesis.sh {{ ARGS }}

# Generates clients from the OpenAPI document and runs them against the service.
clients:
    bash tests/clients.sh

# Uses Swagger UI in Chromium: [--screenshots].
swagger-ui *ARGS:
    bash tests/swagger-ui.sh {{ ARGS }}

# Builds the image and runs docker-compose.yml; needs a Docker engine, or root on Debian.
compose *ARGS:
    bash tests/compose.sh {{ ARGS }}
