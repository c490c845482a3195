#!/bin/sh
# Runs Amends against a real nats-server and a real redis-server, with the very
# configurations of this directory and the rights that they give. Ports are
# free ones, files are in a fresh directory; nothing stays behind.
set -eu

deploy=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/amends-smoke-XXXXXX")
nats='' redis='' serve='' doing='making ready'

# stop ends a process, by force after ten seconds.
stop() {
	kill "$1" 2>/dev/null || return 0
	(
		for _ in $(seq 100); do
			kill -0 "$1" 2>/dev/null || exit 0
			sleep 0.1
		done
		kill -9 "$1" 2>/dev/null
	) &
	wait "$1"
}

end() {
	code=$?
	trap - EXIT INT TERM HUP
	for pid in $serve $nats $redis; do stop "$pid" || true; done
	if [ "$code" != 0 ]; then
		echo "smoke: failed: $doing" >&2
		for log in "$dir"/*.log; do
			[ -f "$log" ] || continue
			echo "--- $(basename "$log")" >&2
			tail -n 25 "$log" >&2
		done
	fi
	rm -rf "$dir"
	exit "$code"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

# await repeats a command until it succeeds, for as long as the process runs.
await() {
	pid=$1
	shift
	for _ in $(seq 300); do
		"$@" && return 0
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

# as says whose rights amends has from now on: a user of NATS, and one of Redis.
as() {
	export NATS_USER="$1" NATS_PASSWORD="$2" REDIS_URL="$3"
}
as_operator() { as operator "$AMENDS_NATS_OPERATOR" "redis://demo:$AMENDS_REDIS_DEMO@127.0.0.1:$redis_port/0"; }
as_orchestrator() { as orchestrator "$AMENDS_NATS_ORCHESTRATOR" "redis://amends:$AMENDS_REDIS_ORCHESTRATOR@127.0.0.1:$redis_port/0"; }
as_client() { as client "$AMENDS_NATS_CLIENT" ''; }
amends() { "$dir/amends" "$@"; }

step() {
	doing=$1
	echo "smoke: $doing"
}

# Nobody's servers, contexts or credentials but ours.
unset NATS_CONTEXT NATS_CREDS NATS_NKEY NATS_CERT NATS_KEY NATS_CA AMENDS_PREFIX
export XDG_CONFIG_HOME="$dir/config"
export AMENDS_NATS_STORE="$dir/nats"
for name in NATS_OPERATOR NATS_ORCHESTRATOR NATS_CLIENT NATS_INVENTORY NATS_PAYMENT NATS_SHIPPING REDIS_ORCHESTRATOR REDIS_DEMO; do
	export "AMENDS_$name=p$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
done

step 'build nats-server, at the version of go.mod, and amends'
(cd "$deploy/.." && ${GO:-go} build -o "$dir/nats-server" github.com/nats-io/nats-server/v2 && ${GO:-go} build -o "$dir/amends" ./cmd/amends)
command -v redis-server >/dev/null

step 'start nats-server'
"$dir/nats-server" -c "$deploy/nats.conf" -a 127.0.0.1 -p -1 -m -1 --ports_file_dir "$dir" >"$dir/nats.log" 2>&1 &
nats=$!
ports="$dir/nats-server_$nats.ports"
nats_address() { nats_url=$(sed -n 's/.*"nats":\["\([^"]*\)".*/\1/p' "$ports" 2>/dev/null) && [ -n "$nats_url" ]; }
await "$nats" nats_address

step 'start redis-server'
mkdir "$dir/redis"
# Another process may take the port that we draw: then ours ends, and we draw again.
redis_answers() {
	REDISCLI_AUTH=$AMENDS_REDIS_ORCHESTRATOR redis-cli --no-auth-warning --user amends -p "$redis_port" info server 2>/dev/null |
		tr -d '\r' | grep -qx "process_id:$redis"
}
for try in 1 2 3 4 5; do
	redis_port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
	(cd "$dir/redis" && exec sh "$deploy/redis.sh" --bind 127.0.0.1 --port "$redis_port") >"$dir/redis.log" 2>&1 &
	redis=$!
	await "$redis" redis_answers && break
	stop "$redis" || true
	redis=''
done
[ -n "$redis" ]

export NATS_URL="$nats_url"

step 'amends init --batches'
as_operator
amends init --partitions 4 --batches

step 'amends serve'
as_orchestrator
"$dir/amends" serve --http 127.0.0.1:0 >"$dir/serve.log" 2>&1 & # no function: $! is its own process
serve=$!
await "$serve" grep -q msg=serving "$dir/serve.log"

step 'amends demo'
as_operator
amends demo --exit --orders 500

step 'a client looks'
as_client
id=$(amends list --status completed --limit 1 -o name 2>"$dir/client.log")
amends get "$id" >>"$dir/client.log" 2>&1
amends history "$id" >>"$dir/client.log" 2>&1

# The demo took its orchestrator and its participants along, so the one who
# drives this is the one with the least rights.
step 'a client starts a saga, and its first step is requested'
amends start place-order --id smoke >>"$dir/client.log" 2>&1 \
	'{"number": "smoke", "customer": "ann", "article": "lamp", "units": 1, "price": 12500}'
requested() { amends history smoke 2>&1 | grep -q 'do reserve-stock/1 requested'; }
await "$serve" requested

step 'amends check, beside the orchestrator'
as_orchestrator
amends check

step 'amends serve ends by itself when asked to'
kill "$serve"
wait "$serve"
serve=''

step 'amends check, without one'
amends check

step 'the orchestrator was refused nothing'
if grep -i violation "$dir/serve.log"; then false; fi

echo 'smoke: everything holds'
