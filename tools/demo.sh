#!/usr/bin/env bash
# `make demo`: a NATS server and two workers on this machine, called by the Go example.
# Ports are chosen by the system, so that nothing else that runs here is in the way.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly make=${MAKE:-make}
readonly run_dir=target/demo
readonly ready_seconds=60
# As long as a worker's own limit for draining; the demo leaves it nothing to drain.
readonly stop_seconds=30

now_tenths() {
    # macOS has bash 3.2, which knows whole seconds only.
    local micros=${EPOCHREALTIME:-${SECONDS}.000000}
    echo $((10#${micros/[.,]/} / 100000))
}
started=$(now_tenths)
readonly started

say() {
    local tenths=$(($(now_tenths) - started))
    printf '[%3d.%ds] %s\n' $((tenths / 10)) $((tenths % 10)) "$*"
}

fail() {
    say "failed: $*" >&2
    exit 1
}

server=()
workers=()
foreground=()

# Ends the processes given by id and waits for them; by force past the limit. Fails if one of them failed.
# An id with a minus is a process group, named by the process that leads it.
stop() {
    local pid status=0 deadline=$((SECONDS + stop_seconds))
    for pid in "$@"; do
        kill -TERM -- "$pid" 2>/dev/null || true
    done
    for pid in "$@"; do
        while kill -0 -- "$pid" 2>/dev/null && ((SECONDS < deadline)); do
            sleep 0.05
        done
        kill -KILL -- "$pid" 2>/dev/null || true
        wait "${pid#-}" 2>/dev/null || status=$?
    done
    return "$status"
}

# Callers first, the server last: each can then still say goodbye to the next.
stop_all() {
    # A second Ctrl-C must not leave half of it running.
    trap '' INT TERM
    trap - EXIT
    stop ${foreground[@]+"${foreground[@]}"} || true
    stop ${workers[@]+"${workers[@]}"} || true
    stop ${server[@]+"${server[@]}"} || true
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a command as a process group of its own. Ctrl-C then reaches this script alone, which stops the callers
# before the server; and what a command has started, such as cargo its compilers, ends with it.
spawn() {
    set -m
    "$@" &
    set +m
}

# Runs a command to its end, in the background, because bash handles a signal only between commands.
run() {
    spawn "$@"
    foreground=("-$!")
    local status=0
    wait "$!" || status=$?
    foreground=()
    return "$status"
}

# wait_for <what> <log> <pid> <command>: until the command succeeds, while the process lives.
wait_for() {
    local what=$1 log=$2 pid=$3 deadline=$((SECONDS + ready_seconds))
    shift 3
    until "$@"; do
        if ! kill -0 "$pid" 2>/dev/null; then
            tail -n 20 "$log" >&2
            fail "$what ended; the end of $log is above"
        elif ((SECONDS >= deadline)); then
            tail -n 20 "$log" >&2
            fail "$what was not ready in ${ready_seconds} s; the end of $log is above"
        fi
        sleep 0.05
    done
}

say "setup: tools, ONNX Runtime and the model, in .setup"
run "$make" --no-print-directory setup || fail "setup"
eval "$("$make" --no-print-directory -s env)"

say "build: worker and Go example"
mkdir -p "$run_dir"
run cargo build --release --locked --bin fastembed-worker || fail "building the worker"
run go -C clients/go build -o "$PWD/$run_dir/example" ./examples/demo || fail "building the example"

say "server: nats-server with config/nats.conf"
ports=$(mktemp -d "$run_dir/ports.XXXXXX")
spawn nats-server -c config/nats.conf -a 127.0.0.1 -p -1 --ports_file_dir "$PWD/$ports" \
    >"$run_dir/nats-server.log" 2>&1
server=($!)
ports_file() { grep -q 'nats://' "$ports"/*.ports 2>/dev/null; }
wait_for nats-server "$run_dir/nats-server.log" "${server[0]}" ports_file
url=$(grep -o 'nats://[^"]*' "$ports"/*.ports | head -n 1)
rm -r "$ports"

say "workers: two on $url"
for n in 1 2; do
    NATS_URL=$url NATS_USER=worker NATS_PASSWORD=worker FASTEMBED_HTTP_LISTEN=127.0.0.1:0 \
        FASTEMBED_RUNTIME_OFFLINE=true \
        spawn target/release/fastembed-worker serve --inbox-prefix _INBOX.worker \
        >"$run_dir/worker-$n.log" 2>&1
    workers+=($!)
done
for n in 1 2; do
    log=$run_dir/worker-$n.log
    wait_for "worker $n" "$log" "${workers[n - 1]}" grep -q '"message": *"ready"' "$log"
    say "workers: $n is ready, log in $log"
done

say "example: clients/go/examples/demo"
export NATS_URL=$url NATS_USER=client NATS_PASSWORD=client NATS_INBOX_PREFIX=_INBOX.client
run "$run_dir/example" || fail "the example ended with $?"

say "stop: the workers drain"
stop "${workers[@]}" || fail "a worker ended with $? instead of draining; see $run_dir/worker-*.log"
workers=()
stop_all
say "done"
