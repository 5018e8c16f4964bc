#!/usr/bin/env bash
# `make compose-test`: builds the images, starts NATS and three workers as compose.yaml says, calls them from Go, and
# stops one worker with SIGTERM under load. Needs a Docker engine with the compose plugin; it is not part of
# `make test`. Everything it starts is a project of its own, which is removed at the end with its volumes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly run_dir=target/compose-test
readonly workers=3
readonly ready_seconds=120
# Calls that have to be answered before the signal, and again after it.
readonly calls=200
# Above the stop_grace_period.
readonly stop_seconds=60

say() { printf '[%3ds] %s\n' "$SECONDS" "$*"; }

fail() {
    say "compose-test failed: $*" >&2
    exit 1
}

if ! command -v docker >/dev/null; then
    fail "no Docker engine: docker is not installed"
elif ! answer=$(docker info --format '{{.ServerVersion}}' 2>&1); then
    fail "no Docker engine answers: ${answer##*$'\n'}"
elif ! compose_version=$(docker compose version --short 2>/dev/null); then
    fail "docker has no compose plugin (on Debian: apt-get install docker-compose-v2, or docker-compose-plugin)"
fi

# Of its own, so that it neither meets nor removes a stack that somebody uses.
export COMPOSE_PROJECT_NAME=fastembed-test-$$
# A port that the system chooses, and passwords that are not the defaults: one of digits, one with signs.
export NATS_PORT=0 NATS_WORKER_PASSWORD=0123456789 NATS_CLIENT_PASSWORD="local: #{} \"$$\""

load=
clean_up() {
    local status=$?
    trap '' INT TERM
    trap - EXIT
    if [[ -n $load ]]; then
        kill -TERM "$load" 2>/dev/null || true
    fi
    if ((status != 0)); then
        docker compose logs --no-color --timestamps >"$run_dir/compose.log" 2>&1 || true
        echo "the containers' logs are in $run_dir/compose.log" >&2
    fi
    docker compose down --volumes --timeout "$stop_seconds" >>"$run_dir/down.log" 2>&1 || true
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# until_true <seconds> <what> <command>: until the command succeeds.
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        ((SECONDS < deadline)) || fail "$what did not come to be in time"
        sleep 0.2
    done
}

containers() { docker compose ps --quiet worker; }

all_healthy() {
    local id healthy=0
    for id in $(containers); do
        if [[ $(docker inspect --format '{{.State.Health.Status}}' "$id") == healthy ]]; then
            healthy=$((healthy + 1))
        fi
    done
    ((healthy == workers))
}

mkdir -p "$run_dir"
rm -f "$run_dir"/*.log
say "engine $answer, compose $compose_version"

say "build: images, and the Go programs"
docker compose build >"$run_dir/build.log" 2>&1 || {
    tail -n 30 "$run_dir/build.log" >&2
    fail "building the images; all of it is in $run_dir/build.log"
}
for program in demo load; do
    go -C clients/go build -o "$PWD/$run_dir/$program" "./examples/$program"
done

say "up --scale worker=$workers"
docker compose up --detach --no-build --scale "worker=$workers" >"$run_dir/up.log" 2>&1 || {
    tail -n 30 "$run_dir/up.log" >&2
    fail "up"
}
until_true "$ready_seconds" "the readiness of $workers workers" all_healthy
say "$workers workers are healthy, by /readyz"

for id in $(docker compose ps --quiet worker nats); do
    bounds=$(docker inspect --format \
        '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}' "$id")
    [[ $bounds == "10001:10001 true [ALL] [no-new-privileges:true]" ]] || fail "a container runs with $bounds"
    [[ $(docker inspect --format '{{.HostConfig.Memory}}' "$id") != 0 ]] || fail "a container has no limit of memory"
    if docker exec "$id" touch /written /usr/local/bin/written 2>/dev/null; then
        fail "a container can write to its root"
    fi
done
say "each container: user 10001, read-only root, no capabilities, no new privileges, bounded memory"

for id in $(containers); do
    if docker exec "$id" touch /models/written 2>/dev/null; then
        fail "a worker can write to the models"
    fi
    [[ $(docker inspect --format '{{.Config.Healthcheck.Test}}' "$id") == *"GET /readyz"* ]] ||
        fail "a worker's health is not what /readyz says"
    mounted=$(docker inspect --format '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.RW}}{{end}}' "$id")
    [[ $mounted == "volume ${COMPOSE_PROJECT_NAME}_models /models false" ]] || fail "a worker has mounted $mounted"
    drain_ms=$(docker exec "$id" printenv FASTEMBED_DRAIN_DEADLINE_MS)
    grace=$(docker inspect --format '{{.Config.StopTimeout}}' "$id")
    ((grace * 1000 > drain_ms)) || fail "a worker is killed after $grace s and may drain for $drain_ms ms"
    [[ $(docker logs "$id" 2>&1) == *"files are the pinned ones"* ]] || fail "a worker's model is not pinned"
done
say "each worker: healthy by /readyz, $grace s to drain within $((drain_ms / 1000)), a named volume, its model pinned"

address=$(docker compose port nats 4222)
[[ $address == 127.0.0.1:* ]] || fail "the server is published at $address, not on the loopback address alone"
export NATS_URL=nats://$address NATS_USER=client NATS_PASSWORD=$NATS_CLIENT_PASSWORD
if NATS_PASSWORD=client "$run_dir/demo" >"$run_dir/refused.log" 2>&1; then
    fail "the default password is taken though another one was set"
fi
"$run_dir/demo" || fail "the Go example ended with $?"

say "load: clients/go/examples/load, retries off"
"$run_dir/load" -retry=false >"$run_dir/load.log" 2>&1 &
load=$!
answered() { sed -n 's/^load: answered \([0-9]*\),.*/\1/p' "$run_dir/load.log" | tail -n 1; }
load_has() {
    kill -0 "$load" 2>/dev/null || fail "the load ended: $(tail -n 5 "$run_dir/load.log")"
    local now
    now=$(answered)
    ((${now:-0} >= $1)) && tail -n 1 "$run_dir/load.log" | grep -q "workers $workers:"
}
until_true "$ready_seconds" "an answer of each worker under load" load_has "$calls"

leaving=$(containers | head -n 1)
before=$(answered)
say "SIGTERM to one of $workers workers after $before calls"
docker kill --signal TERM "$leaving" >/dev/null
stopped() { [[ $(docker inspect --format '{{.State.Running}}' "$leaving") == false ]]; }
until_true "$stop_seconds" "the end of the worker" stopped
status=$(docker inspect --format '{{.State.ExitCode}}' "$leaving")
[[ $status == 0 ]] || fail "the worker exited with $status"
say "the worker drained and exited with 0"
until_true "$ready_seconds" "the load's further answers" load_has $((before + calls))

kill -TERM "$load"
status=0
wait "$load" || status=$?
load=
tail -n 1 "$run_dir/load.log"
((status == 0)) || fail "calls failed: $(grep '^load:' "$run_dir/load.log" | tail -n 12)"

say "down --volumes"
docker compose down --volumes --timeout "$stop_seconds" >"$run_dir/down.log" 2>&1 || fail "down; see $run_dir/down.log"
for kind in container volume network; do
    all=()
    [[ $kind != container ]] || all=(--all)
    left=$(docker "$kind" ls ${all[@]+"${all[@]}"} --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
    [[ -z $left ]] || fail "a $kind is left: $left"
done
say "compose-test: ok"
