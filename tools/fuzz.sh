#!/usr/bin/env bash
# Fuzzes each decoder, in Rust and in Go, for so many seconds, starting from the shared vectors. Ends at the first
# fault, and says where its bytes lie. Each target prints its executions and its coverage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-60}
vectors=schemas/vectors

# Sanitizers and coverage hide behind flags that stable Rust takes under this name alone.
export RUSTC_BOOTSTRAP=1
host=$(rustc -vV | sed -n 's/^host: //p')

rust() {
    local target=$1 corpus=target/fuzz/corpus/$1
    shift
    mkdir -p "$corpus"
    echo "== Rust: $target"
    cargo fuzz run --fuzz-dir worker/fuzz --target-dir target/fuzz --target "$host" --release "$target" \
        "$corpus" "$@" -- -max_total_time="$seconds" -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="$(pwd)/target/fuzz/$target-" 2>&1 | tee "target/fuzz/$target.log" | report
}

# The last line that counts coverage, the number of executions, and everything about a fault.
report() {
    awk '/ cov: / { last = $0 } /panicked|ERROR|SUMMARY|artifact|Test unit|^error/ { print } /stat::number_of_executed/ { done = $0 }
         END { print last; print done }'
}

rust text_request "$vectors"/{valid,rejecting}/text-request
for request in sparse image rerank joint; do
    rust "${request}_request" "$vectors"/{valid,rejecting}/"$request"-request
done
rust info_request "$vectors"/{valid,rejecting}/info-request
rust cancel_request "$vectors"/{valid,rejecting}/cancel-request
rust replies "$vectors"/{valid,rejecting}/{text-reply,info-reply,error-reply,alive-frame}
rust headers
rust plan

for target in FuzzRequests FuzzReplies; do
    echo "== Go: $target"
    (cd clients/go && go test -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" ./internal/wire) | tail -n 4
done
