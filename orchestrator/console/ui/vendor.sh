#!/bin/sh
# Fetches the vendored modules again, from the npm registry that npm is
# configured with, and checks them against static/vendor/SHA256SUMS. They import
# each other by bare names, which a browser resolves only through an import map,
# and that would be an inline script: so the few names become relative paths.
#
#   sh vendor.sh          fetch, rewrite, compare with SHA256SUMS
#   sh vendor.sh --write  and take what came as the new sums
set -eu
cd "$(dirname "$0")/static/vendor"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# take PACKAGE VERSION FILE... : each file is from:to
take() {
	package=$1 version=$2
	shift 2
	(cd "$tmp" && npm pack --silent "$package@$version" >/dev/null)
	mkdir -p "$tmp/x"
	tar xzf "$tmp"/*.tgz -C "$tmp/x" --strip-components=1
	for pair in "$@"; do
		sed -e 's|from *"preact/hooks"|from"./hooks.js"|g' \
			-e 's|from *"preact"|from"./preact.js"|g' \
			-e 's|from *"@preact/signals-core"|from"./signals-core.js"|g' \
			-e 's|from *"htm"|from"./htm.js"|g' \
			-e '/^\/\/# sourceMappingURL=/d' -e 's|//# sourceMappingURL=.*$||' \
			"$tmp/x/${pair%%:*}" >"${pair##*:}"
	done
	rm -rf "$tmp"/*
}

take preact 11.2.0 dist/preact.mjs:preact.js hooks/dist/hooks.mjs:hooks.js LICENSE:LICENSE.preact
take @preact/signals-core 1.14.5 dist/signals-core.mjs:signals-core.js
take @preact/signals 2.11.4 dist/signals.mjs:signals.js LICENSE:LICENSE.signals
take htm 3.1.1 dist/htm.module.js:htm.js preact/index.module.js:htm-preact.js LICENSE:LICENSE.htm

[ "${1-}" != --write ] || sha256sum -- *.js LICENSE.* >SHA256SUMS
sha256sum --check --quiet SHA256SUMS && echo "the vendored modules are those of SHA256SUMS"
