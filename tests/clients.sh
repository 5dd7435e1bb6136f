#!/usr/bin/env bash
# Generates clients from openapi/openapi.json with three generators and runs them, unchanged, against the service. Each one
# searches for a slot, books, lists, moves and cancels an appointment, gets a refusal, and manages a webhook. The programs are in
# tests/clients/.
#
#   tests/clients.sh
#
# Needs Java, Node.js and:
#   pip install -r .ci/python/clients.txt
#   (cd .ci && npm ci --ignore-scripts)
# CLINIC_API_BINARY sets another binary than the debug build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/service.sh
. tests/service.sh
export API=$api TOKEN=$token PYTHONDONTWRITEBYTECODE=1
document=$PWD/openapi/openapi.json
clients=$scratch/clients
mkdir "$clients"

# Runs a command and shows its output only if it fails.
quietly() {
    "$@" >"$scratch/output" 2>&1 || {
        cat "$scratch/output"
        return 1
    }
}

echo "openapi-python-client"
quietly openapi-python-client generate --path "$document" --fail-on-warning --meta none --output-path "$clients/clinic_api" \
    --config tests/clients/openapi_python_client.yaml
PYTHONPATH=$clients python tests/clients/openapi_python_client.py

# Both generators write a file for each tag, and lose operations that share a tag with a webhook.
echo "openapi-generator, python"
quietly openapi-generator-cli generate --input-spec "$document" --generator-name python --output "$clients/generator" \
    --package-name clinic_client
PYTHONPATH=$clients/generator python tests/clients/openapi_generator.py

echo "openapi-typescript, openapi-fetch"
mkdir "$clients/typescript"
cp tests/clients/typescript/* "$clients/typescript"
ln -s "$PWD/.ci/node_modules" "$clients/typescript/node_modules"
quietly .ci/node_modules/.bin/openapi-typescript "$document" --output "$clients/typescript/clinic-api.d.ts"
.ci/node_modules/.bin/tsc --project "$clients/typescript"
node "$clients/typescript/build/front-desk.js"
