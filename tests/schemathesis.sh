#!/usr/bin/env bash
# Sends random requests to the service and checks the responses against its OpenAPI document (schemathesis.io), with every
# check, and with sequences along the document's links. The allowed exceptions are in tests/schemathesis/.
#
#   tests/schemathesis.sh [SEED [EXAMPLES]]      defaults: SEED 1, EXAMPLES 25 per operation and phase
#
# Needs `st` (pip install -r .ci/python/schemathesis.txt); CLINIC_API_BINARY sets another binary than the debug build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seed=${1:-1}
examples=${2:-25}
# shellcheck source=tests/service.sh
. tests/service.sh

status=0
st --config-file tests/schemathesis/schemathesis.toml run "$api/openapi.json" --checks all \
    --header "Authorization: Bearer $token" --seed "$seed" --max-examples "$examples" || status=$?
rm -rf .schemathesis
if grep -E '"error\.type":"internal_error"|"message":"panicked"' "$scratch/log"; then
    echo "the service had internal errors"
    status=1
fi
kill -0 "$service" || {
    echo "the service has ended"
    status=1
}
[ "$status" = 0 ]
