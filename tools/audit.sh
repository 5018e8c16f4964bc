#!/usr/bin/env bash
# `make audit`: known vulnerabilities of everything that is shipped. Both databases are on the internet; where one
# cannot be reached nothing is known, and that is a failure, not a pass.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! { command -v cargo-deny && command -v govulncheck; } >/dev/null; then
    echo "audit: its tools are not there; \`make audit\` builds them" >&2
    exit 1
fi

status=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

unreachable() {
    echo "audit: the database of $1 cannot be reached, so nothing is known about $2" >&2
    tail -n 3 "$log" | sed 's/^/audit:   /' >&2
    status=1
}

found() {
    echo "audit: $1 has known vulnerabilities, or they could not be looked up; see above" >&2
    status=1
}

echo "worker: advisories of RustSec"
if cargo deny --locked fetch db >"$log" 2>&1; then
    cargo deny --locked check --disable-fetch advisories || found "the worker"
else
    unreachable RustSec "the worker"
fi

# go_vulnerabilities <folder> <packages>
go_vulnerabilities() {
    local code=0
    echo "$1: Go's vulnerability database, $2"
    (cd "$1" && govulncheck "$2") >"$log" 2>&1 || code=$?
    case $code in
        0) tail -n 1 "$log" ;;
        *)
            # 3 is the tool's word for "found", 1 for all else; only its text tells a silent database from those.
            if grep -q 'fetching vulnerabilities' "$log"; then
                unreachable "Go's vulnerabilities" "$1"
            else
                cat "$log"
                found "$1"
            fi
            ;;
    esac
}
go_vulnerabilities clients/go ./...
go_vulnerabilities tools github.com/nats-io/nats-server/v2

exit "$status"
