#!/bin/sh
# Installs what is missing on a Debian 12, builds the main job, and runs it: a year of a real shop's
# invoices through the engine into an ERP. Arguments are the job's, e.g.
#     sh examples/run.sh --lose-response 0.05 2011-*.csv.gz
# Without arguments it makes itself a small data set that is just as untidy.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/bootstrap.sh"

# What the job prints on standard output (--json) is kept clean of what the script says.
{
  say "retailsync: installs what is missing, builds the main job, runs it"
  install_packages
  # A build folder that tests/run.sh made is used as it is, so that nothing is built twice.
  [ -f "$build/build.ninja" ] || configure -DRETAILSYNC_BUILD_TESTS=OFF -DRETAILSYNC_BUILD_EXAMPLES=ON
  build_targets retail_year
  say "Running retail_year $*"
} >&2
exec "$build/examples/retail_year/retail_year" "$@"
