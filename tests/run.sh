#!/bin/sh
# Installs what is missing on a Debian 12, builds everything, and runs all tests. Arguments go to
# ctest, e.g. `sh tests/run.sh -R engine`. RETAILSYNC_BUILD_DIR names another build folder.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/bootstrap.sh"

say "retailsync: installs what is missing, builds, runs all tests"
install_packages tests
werror=OFF
[ "${CI:-}" = true ] && werror=ON
configure -DRETAILSYNC_BUILD_TESTS=ON -DRETAILSYNC_BUILD_EXAMPLES=ON -DRETAILSYNC_WERROR=$werror
build_targets all

say "Running the tests"
jobs=$(nproc 2>/dev/null || echo 2)
log="$build/tests.log"
status=0
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$jobs" "$@" >"$log" 2>&1 ||
  status=$?
if [ "$status" -ne 0 ]; then
  cat "$log"
  say "FAILED: some of the tests above do not pass ($(seconds_since_start) s; kept in $log)"
  exit 1
fi
passed=$(grep -c ' Passed ' "$log") || true
say "PASSED: all $passed test programs ($(seconds_since_start) s; details in $log)"
