#!/usr/bin/env bash
# Uses Swagger UI of the running service in Chromium, as a front desk does: authorises, creates a clinic, a staff member and a
# patient, looks for free slots, books, and gets a refusal. The program is in tests/swagger-ui/.
#
#   tests/swagger-ui.sh [--screenshots]
#
# --screenshots writes docs/swagger-ui.png and docs/swagger-ui-refusal.png. Look at them before you commit them.
#
# Needs Chromium (Debian: apt-get install chromium), Node.js and:
#   (cd .ci && npm ci --ignore-scripts)
# CLINIC_API_BINARY sets another binary than the debug build, CHROMIUM another browser.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
CHROMIUM=${CHROMIUM:-$(command -v chromium)} || {
    echo "chromium is missing: install it, or set CHROMIUM"
    exit 1
}
# shellcheck source=tests/service.sh
. tests/service.sh
export API=$api TOKEN=$token CHROMIUM
screenshots=$scratch
[ "${1:-}" != --screenshots ] || screenshots=docs
node tests/swagger-ui/front-desk.mjs "$screenshots"
