#!/bin/sh
# Starts Redis with redis.conf and two users, whose passwords come from the
# environment: by standard input, so that no list of processes shows them.
# Arguments go on to redis-server. Passwords have no blanks and no quotes.
set -eu

exec redis-server "$(dirname "$0")/redis.conf" "$@" - <<TEXT
user default reset
user amends on >${AMENDS_REDIS_ORCHESTRATOR:?} ~amends:* resetchannels -@all +eval +evalsha +hmget +hset +hdel +hlen +zadd +zrem +zcard +zrange +zlexcount +zmscore +unlink +ping +client|setname +info +config|get
user demo on >${AMENDS_REDIS_DEMO:?} ~amends* ~shop:* resetchannels +@all -@admin -@dangerous +info +config|get
TEXT
