#!/bin/sh
# Installs what the tests need and Go does not bring: a real redis-server, or,
# with the argument browser, a Chromium for the tests of the UI.
set -eu

case "${1-redis}" in
redis)
	packages=redis-server
	found() { command -v redis-server >/dev/null 2>&1; }
	;;
browser)
	packages='chromium fonts-dejavu-core'
	found() { command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1; }
	;;
*)
	echo "tools.sh: $1 is neither redis nor browser" >&2
	exit 2
	;;
esac

if found; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	export DEBIAN_FRONTEND=noninteractive
	echo "installing $packages"
	# shellcheck disable=SC2086 # they are several
	apt-get install -y -q --no-install-recommends $packages >/dev/null 2>&1 ||
		{ apt-get update -q && apt-get install -y -q --no-install-recommends $packages; }
	if found; then exit 0; fi
fi
cat >&2 <<'TEXT'
The tests need redis-server (7.0 or later) and Chromium on the PATH:
  Debian, Ubuntu   sudo apt-get install redis-server chromium
  Fedora           sudo dnf install redis chromium
  macOS            brew install redis chromium
TEXT
exit 1
