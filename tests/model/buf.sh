#!/bin/sh
# Lints the canonical models and compares them with the last accepted schema.
#
#   sh tests/model/buf.sh [CACHE]   check; fails on a lint finding and on an incompatible change
#   sh tests/model/buf.sh --accept  make the present models the accepted schema (a compatible change
#                                   needs that only at a release)
#
# buf comes from npm, at the version below, into CACHE (build/cache unless told otherwise). Without
# Node.js the check is skipped, and says so.
set -eu
version=1.75.0
root=$(cd "$(dirname "$0")/../.." && pwd)
schema="$root/tests/model/schema"

if [ "${1:-}" = --accept ]; then
  cd "$root/include"
  protoc --proto_path=. --include_imports --descriptor_set_out="$schema/accepted.binpb" retailsync/model/v1/*.proto
  echo "model_schema: the present models are now the accepted schema"
  exit 0
fi

if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
  echo "model_schema: SKIPPED: the schema was not checked, because Node.js is not installed"
  exit 0
fi
cache="${1:-$root/build/cache}/buf-$version"
buf="$cache/node_modules/.bin/buf"
if [ ! -x "$buf" ]; then
  mkdir -p "$cache"
  if ! npm install --prefix "$cache" --no-audit --no-fund --silent "@bufbuild/buf@$version" >&2; then
    echo "model_schema: SKIPPED: the schema was not checked, because buf $version could not be fetched from npm"
    # Where the check is what the run is for, not having run it is a failure.
    [ -z "${CI:-}" ]
    exit
  fi
fi

cd "$root/include"
status=0
"$buf" lint . --config "$schema/buf.yaml" || status=1
"$buf" breaking . --exclude-imports --config "$schema/buf.yaml" --against "$schema/accepted.binpb" || status=1
[ $status -ne 0 ] || echo "model_schema: lint is clean and the models are compatible with the accepted schema"
exit $status
