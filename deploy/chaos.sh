#!/bin/sh
# Runs the demo on three nats-servers with three replicas and a redis-server,
# while faults befall them: servers are killed (SIGKILL) and come back, or
# stand still for a while, Redis is killed, the view is thrown away, both
# orchestrators are killed, and one stands still until the other has taken its
# partitions. Then the demo counts, and everything must add up.
#
#   deploy/chaos.sh [seconds of faults]
#
# SEED makes the same faults again, ORDERS is how many rows there are, PORT is
# the first of seven free ports. Redis syncs always, as the participants of the
# demo keep their books there; the view would not need it.
set -eu

seconds=${1:-60} seed=${SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')} orders=${ORDERS:-12000} port=${PORT:-24700}
deploy=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/amends-chaos-XXXXXX")
demo=''

pid() { cat "$dir/$1.pid" 2>/dev/null; }

end() {
	code=$?
	trap - EXIT INT TERM HUP
	for name in demo serve nats0 nats1 nats2 redis; do
		kill -9 "$(pid $name)" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	if [ "$code" = 0 ]; then
		rm -rf "$dir"
	else
		echo "chaos: failed with seed $seed; the logs are in $dir" >&2
	fi
	exit "$code"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

nats() {
	"$dir/nats-server" -c "$dir/nats$1.conf" >>"$dir/nats$1.log" 2>&1 &
	echo $! >"$dir/nats$1.pid"
}
redis() {
	redis-server --bind 127.0.0.1 --port $((port + 6)) --dir "$dir" --save '' --appendonly yes --appendfsync always >>"$dir/redis.log" 2>&1 &
	echo $! >"$dir/redis.pid"
}
serve() {
	"$dir/amends" serve --http 127.0.0.1:0 >>"$dir/serve.log" 2>&1 &
	echo $! >"$dir/serve.pid"
}
ask() { redis-cli -p $((port + 6)) "$@" 2>/dev/null; }

# await repeats a command until it succeeds, 30 s at most.
await() {
	for _ in $(seq 100); do
		"$@" && return 0
		sleep 0.3
	done
	echo "chaos: waited in vain for: $*" >&2
	return 1
}

say() { echo "chaos: $(date +%T) $*"; }

# hit sends a signal to one that should be there.
hit() {
	kill "$1" "$(pid "$2")" && return
	echo "chaos: $2 has ended by itself" >&2
	exit 1
}

# befall does one fault, and what ends it.
befall() {
	case $1 in
	0 | 1 | 2)
		say "kill nats-server $2"
		hit -9 "nats$2"
		sleep 1.5
		nats "$2"
		;;
	3)
		say "nats-server $2 stands still for 6 s"
		hit -STOP "nats$2"
		sleep 6
		hit -CONT "nats$2"
		;;
	4)
		say 'kill redis-server'
		hit -9 redis
		sleep 0.5
		redis
		;;
	5)
		say 'kill the second orchestrator'
		hit -9 serve
		serve
		;;
	6)
		say 'the second orchestrator stands still for 6 s'
		hit -STOP serve
		sleep 6
		hit -CONT serve
		;;
	7)
		say 'throw the view away'
		ask --scan --pattern 'amends:*' | xargs redis-cli -p $((port + 6)) del >/dev/null || true
		;;
	esac
}

unset NATS_CONTEXT NATS_CREDS NATS_NKEY NATS_CERT NATS_KEY NATS_CA NATS_USER NATS_PASSWORD AMENDS_PREFIX
export XDG_CONFIG_HOME="$dir/config"
export NATS_URL="nats://127.0.0.1:$port,nats://127.0.0.1:$((port + 1)),nats://127.0.0.1:$((port + 2))"
export REDIS_URL="redis://127.0.0.1:$((port + 6))/0"

say "build nats-server, at the version of go.mod, and amends; seed $seed"
(cd "$deploy/.." && ${GO:-go} build -o "$dir/nats-server" github.com/nats-io/nats-server/v2 && ${GO:-go} build -o "$dir/amends" ./cmd/amends)

for n in 0 1 2; do
	cat >"$dir/nats$n.conf" <<-TEXT
		server_name: n$n
		listen: "127.0.0.1:$((port + n))"
		jetstream { store_dir: "$dir/nats$n" }
		cluster {
		  name: chaos, listen: "127.0.0.1:$((port + 3 + n))"
		  routes: ["nats://127.0.0.1:$((port + 3))", "nats://127.0.0.1:$((port + 4))", "nats://127.0.0.1:$((port + 5))"]
		}
	TEXT
	nats $n
done
redis
make_journal() { "$dir/amends" init --partitions 4 --replicas 3 >"$dir/init.log" 2>&1; }
await make_journal || { cat "$dir/init.log" >&2; exit 1; }
for name in nats0 nats1 nats2 redis; do
	kill -0 "$(pid $name)" || { echo "chaos: $name has ended; are $port to $((port + 6)) free? PORT says where others begin" >&2; exit 1; }
done

say "amends demo with $orders rows, faults for $seconds s"
"$dir/amends" demo --exit --orders "$orders" --crash 3 --seed "$seed" --verbose >"$dir/demo.out" 2>"$dir/demo.log" &
demo=$!
serve
echo $demo >"$dir/demo.pid"
sleep 2
until=$(($(date +%s) + seconds))
awk -v seed="$seed" 'BEGIN { srand(seed); for (n = 0; n < 1000; n++) print int(rand() * 8), int(rand() * 3), 2 + rand() * 3 }' |
	while read -r fault node pause; do
		if [ "$(date +%s)" -ge "$until" ] || ! kill -0 "$demo" 2>/dev/null; then break; fi
		befall "$fault" "$node"
		sleep "$pause"
	done
say 'no more faults; the rest has two minutes'
ended() { ! kill -0 "$demo" 2>/dev/null; }
for _ in 1 2 3 4; do await ended 2>/dev/null && break; done
ended || { kill -QUIT "$demo"; echo 'chaos: it did not end' >&2; exit 1; }
code=0
wait "$demo" || code=$?
cat "$dir/demo.out"
exit "$code"
