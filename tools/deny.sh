#!/usr/bin/env bash
# `make deny`: licences of everything that is shipped, and for Rust the bans and sources of deny.toml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The Go side of the list in deny.toml, with what Go modules use besides.
readonly allowed=Apache-2.0,MIT,BSD-2-Clause,BSD-3-Clause,ISC

echo "worker: licences, bans, sources"
cargo deny --locked check licenses bans sources

# go_licences <folder> <packages>
go_licences() {
    echo "$1: licences of $2"
    # Ours is the LICENSE at the root, which the tool does not look for from a module below it.
    (cd "$1" && go-licenses check "$2" --allowed_licenses="$allowed" \
        --ignore github.com/fastembed-nats/fastembed-nats)
}
go_licences clients/go ./...
# It is in the image of the server.
go_licences tools github.com/nats-io/nats-server/v2
