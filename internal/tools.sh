#!/bin/sh
# Installs what the tests need and Go does not bring: a real redis-server.
set -eu

command -v redis-server >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing redis-server"
	apt-get install -y -q redis-server >/dev/null 2>&1 || { apt-get update -q && apt-get install -y -q redis-server; }
	exit 0
fi
cat >&2 <<'TEXT'
The tests need redis-server (7.0 or later) on the PATH:
  Debian, Ubuntu   sudo apt-get install redis-server
  Fedora           sudo dnf install redis
  macOS            brew install redis
TEXT
exit 1
