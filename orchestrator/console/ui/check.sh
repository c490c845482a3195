#!/bin/sh
# Checks the types of the pages, which are their comments, with TypeScript from the
# npm registry that npm is configured with. The vendored modules are small print
# that TypeScript cannot read: in a copy their place is taken by what types/ says
# of them.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp -R tsconfig.json static "$tmp"
rm "$tmp"/static/vendor/*.js
cp types/*.d.ts "$tmp"/static/vendor
cd "$tmp"
npm exec --yes --package=typescript@7.0.2 -- tsc -p .
