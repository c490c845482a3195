#!/bin/sh
# Measures many sagas kept: how fast they are made, what they take, how long a
# rebuild lasts, how fast lists are. 'make bench-million' runs it, from the root.
# It needs redis-server, 12 GB of disk, 8 GB of memory and some quarter of an hour.
set -eu
sagas=${SAGAS:-1000000}
dir=$(mktemp -d)
trap 'kill $(cat "$dir"/*.pid 2>/dev/null) 2>/dev/null || true; rm -rf "$dir"' EXIT
go build -o "$dir/amends" ./cmd/amends
go build -o "$dir/nats-server" github.com/nats-io/nats-server/v2
export NATS_URL=nats://127.0.0.1:14322 REDIS_URL=redis://127.0.0.1:16479/0

rss() { awk '/VmRSS/ {print $2 / 1024 " MB"}' "/proc/$(cat "$dir/$1.pid")/status"; }
start() { # name, command …
	name=$1; shift
	"$@" >"$dir/$name.log" 2>&1 &
	echo $! >"$dir/$name.pid"
}
serve() { start serve "$dir/amends" serve --generated; }
settled() { until "$dir/amends" status -o json 2>/dev/null | grep -q '"live":true'; do sleep 0.2; done; }

start nats "$dir/nats-server" -a 127.0.0.1 -p 14322 -js -sd "$dir/nats"
start redis redis-server --bind 127.0.0.1 --port 16479 --dir "$dir" --save "" --appendonly yes --maxmemory-policy noeviction
until "$dir/amends" init --partitions 1 >/dev/null 2>&1; do sleep 0.2; done
"$dir/amends" generate --sagas "$sagas"
echo "nats-server: $(rss nats)"

began=$(date +%s); serve; settled
echo "view made from the journal: $(($(date +%s) - began)) s; nats-server $(rss nats), redis-server $(rss redis), serve $(rss serve)"
kill "$(cat "$dir/serve.pid")"; wait "$(cat "$dir/serve.pid")" || true
began=$(date +%s); serve; settled
echo "started with its view: $(($(date +%s) - began)) s; serve $(rss serve)"
"$dir/amends" bench-lists
