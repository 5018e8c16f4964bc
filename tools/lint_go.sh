#!/usr/bin/env bash
# Formatting, vet and staticcheck of the Go modules given as folders.
set -euo pipefail

for module in "$@"; do
    unformatted=$(gofmt -l "$module")
    if [[ -n $unformatted ]]; then
        echo "not in gofmt's form: $unformatted" >&2
        exit 1
    fi
    # staticcheck resolves packages from the folder it runs in.
    (cd "$module" && go vet ./... && staticcheck ./...)
done
